/// What the three parties say of one dataset, to be compared.
struct Tally: Equatable, Sendable {
    /// Webhooks the integrator says it has applied.
    var applied: Int
    /// Notifications the integrator says it has sent.
    var sent: Int
    /// Revisions of the events that reached the subscriber, in their order.
    var received: [Int64]
    /// Whether the last event was a final one.
    var endsFinal: Bool
    /// Webhooks that the sandbox delivered and that the integrator said it would apply; nil if nobody was asked.
    var delivered: Int?

    /// What does not fit together, in sentences; empty if all agree.
    var disagreements: [String] {
        var found: [String] = []
        if let delivered, delivered != applied {
            found.append("the sandbox delivered \(delivered) webhooks, but \(applied) were applied")
        }
        if sent != received.count {
            found.append("\(sent) notifications were sent, but \(received.count) events were received")
        }
        if let (before, after) = zip(received, received.dropFirst()).first(where: { $0 >= $1 }) {
            found.append("revision \(after) came after revision \(before)")
        }
        if !endsFinal { found.append("the last event received is not a final one") }
        return found
    }

    /// The three numbers, a line each.
    var lines: [String] {
        ["webhooks applied: \(applied)", "notifications sent: \(sent)", "events received: \(received.count)"]
    }
}
