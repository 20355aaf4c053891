/// What the answer to a webhook means, and when it is tried again: the example schedule of Standard Webhooks 1.0.0.
struct RetrySchedule: Sendable {
    enum Decision: Equatable, Sendable {
        case delivered
        /// 410: the endpoint wants no more webhooks.
        case disable
        case retry(after: Duration)
        case giveUp
    }

    /// Seconds before the second, third, ... attempt.
    static let waits: [Double] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]

    var scale: Double = 1

    /// `attempt` counts from 1; `status` is nil if there was no answer; `retryAfter` in seconds, as the answer has it.
    func decide(attempt: Int, status: Int?, retryAfter: Int?) -> Decision {
        switch status {
        case .some(200...299): return .delivered
        case 410: return .disable
        default:
            guard attempt <= Self.waits.count else { return .giveUp }
            let wait = max(Self.waits[attempt - 1] * scale, Double(min(retryAfter ?? 0, 86_400)))
            return .retry(after: .milliseconds(Int64(wait * 1000)))
        }
    }
}
