import Synchronization
import Time

/// So many requests a minute for each token, as Laravel's `ThrottleRequests` counts them: a window begins with its first
/// request and lasts a minute.
///
/// It is kept in memory: each instance counts for itself, so behind a load balancer with N instances a token gets up to N
/// times as much. Callable from any thread.
package final class RateLimiter: Sendable {
    /// What is left of a token's window, after this request.
    package struct Quota: Sendable, Equatable {
        package var limit: Int
        /// Nil: this request is one too many.
        var remaining: Int?
        /// When the window ends, in seconds since the Unix epoch.
        var resetAt: Int64
        package var retryAfter: Int64

        /// Laravel's headers: the first two always, the others when there is nothing left.
        package var headers: [(name: String, value: String)] {
            let always = [("X-RateLimit-Limit", "\(limit)"), ("X-RateLimit-Remaining", "\(remaining ?? 0)")]
            if remaining != nil { return always }
            return always + [("Retry-After", "\(retryAfter)"), ("X-RateLimit-Reset", "\(resetAt)")]
        }
    }

    private struct Window: Sendable {
        var end: Int64
        var count: Int
    }

    private static let windowSeconds: Int64 = 60
    /// Tokens remembered; beyond this the windows that are over go first, then all.
    private static let maximumTokens = 50_000

    private let limit: Int
    private let windows = Mutex<[Int64: Window]>([:])

    /// - Parameter limit: requests a minute.
    package init(limit: Int) {
        self.limit = limit
    }

    /// Counts a request.
    /// - Parameter now: seconds since the Unix epoch.
    package func take(_ tokenID: Int64, now: Int64 = Timestamp.now().seconds) -> Quota {
        windows.withLock { windows in
            var window = windows[tokenID] ?? Window(end: now + Self.windowSeconds, count: 0)
            // Also after the clock was set back.
            if window.end <= now || window.end > now + Self.windowSeconds {
                window = Window(end: now + Self.windowSeconds, count: 0)
            }
            let isAllowed = window.count < limit
            if isAllowed { window.count += 1 }
            if windows.count >= Self.maximumTokens && windows[tokenID] == nil {
                windows = windows.filter { $0.value.end > now }
                if windows.count >= Self.maximumTokens { windows.removeAll() }
            }
            windows[tokenID] = window
            return Quota(
                limit: limit, remaining: isAllowed ? limit - window.count : nil, resetAt: window.end,
                retryAfter: window.end - now)
        }
    }
}
