import TVPython
import Time

/// Decides, attempt by attempt, how a create at the TV Python API goes on (spec, section 2, Case 1). Pure: times are given.
///
/// **What is not known is not final.** An attempt that may have arrived and was not answered with a dataset leaves open
/// whether there is one now. A refusal is final only if no attempt before it has left that open.
///
///     answer                                   no attempt open before             an attempt open before
///     2xx with dataset_id                      accepted                           accepted
///     409                                      rejected                           asked again: it is at work
///     408, 425, 429                            asked again, open from now on      asked again
///     other 4xx that names the callback        registered again, asked again      the same, once
///     other 4xx                                rejected                           unavailable
///     1xx, 3xx, 5xx, other 2xx, cut, silence   asked again, open from now on      asked again
///     no connection                            asked again                        asked again
///     the deadline                             unavailable                        unavailable
struct CreateAttempts: Sendable {
    enum Step: Sendable, Equatable {
        case again(after: Duration)
        /// The callback is to be registered again, and then asked again.
        case register(reason: String)
        case end(End)
    }

    enum End: Sendable, Equatable {
        case accepted(datasetID: Int64)
        case rejected(reason: String)
        /// A webhook can still show that there is a dataset. `retryAfter` in seconds, if the API has said it.
        case unavailable(reason: String, retryAfter: Int64?)
    }

    /// Between two attempts.
    private static let backoff = Backoff(base: .milliseconds(200), cap: .seconds(2))
    /// Less time than this is not divided.
    private static let leastTime: Duration = .milliseconds(500)

    /// For all attempts together.
    let limit: Duration
    /// An attempt may have made a dataset.
    private(set) var isOpen: Bool
    private var count = 0
    private var hasRegistered = false

    /// - Parameter isOpen: there were attempts before, in another process perhaps, of which nobody knows what became.
    init(limit: Duration, isOpen: Bool) {
        self.limit = limit
        self.isOpen = isOpen
    }

    /// How long the next attempt may take: half of what is left, so that none uses it up alone.
    func timeout(at elapsed: Duration) -> Duration {
        let left = limit - elapsed
        return left / 2 < Self.leastTime ? max(left, .milliseconds(1)) : left / 2
    }

    /// What to do after an answer.
    mutating func step(
        after outcome: TVPythonAPI.Outcome<Int64>, at elapsed: Duration,
        using generator: inout some RandomNumberGenerator
    ) -> Step {
        count += 1
        switch outcome {
        case .success(let datasetID): return .end(.accepted(datasetID: datasetID))
        case .rejected(let refusal):
            if isOpen && refusal.status == 409 {
                return again(refusal.reason.text, refusal.retryAfter, elapsed, &generator)
            }
            if refusal.reason.namesCallback && !hasRegistered {
                hasRegistered = true
                return .register(reason: refusal.reason.text)
            }
            // The refusal of this attempt says nothing of the one that is open.
            if isOpen { return .end(.unavailable(reason: refusal.reason.text, retryAfter: refusal.retryAfter)) }
            return .end(.rejected(reason: refusal.reason.text))
        case .unavailable(let failure):
            if failure.mayHaveArrived { isOpen = true }
            return again(failure.reason, failure.retryAfter, elapsed, &generator)
        }
    }

    private func again(
        _ reason: String, _ retryAfter: Int64?, _ elapsed: Duration, _ generator: inout some RandomNumberGenerator
    ) -> Step {
        let asked = min(max(retryAfter ?? 0, 0), 86_400)
        let pause = max(Self.backoff.delay(afterAttempt: count, using: &generator), .seconds(asked))
        guard elapsed + pause < limit else { return .end(.unavailable(reason: reason, retryAfter: retryAfter)) }
        return .again(after: pause)
    }
}
