/// A dataset that was accepted, and what has become of it.
struct Dataset: Sendable {
    let id: Int64
    let request: CreateRequest
    let scenario: Scenario
    /// All that happened so far, in order; kept for redelivery.
    var webhooks: [Webhook] = []
    /// Ids of the webhooks that got a 2xx.
    var delivered: Set<String> = []
    var attempts = 0
    /// How often each outcome was answered.
    var outcomes: [String: Int] = [:]
    /// Whether its life is over and everything planned has been sent or given up.
    var isOver = false
}
