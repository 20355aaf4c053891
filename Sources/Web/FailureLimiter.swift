import Synchronization

/// Counts failures by address in windows of a minute. Callable from any thread.
final class FailureLimiter: Sendable {
    private struct Window: Sendable {
        var minute: Int64
        var count: Int
    }

    private let windows = Mutex<[String: Window]>([:])
    private let perMinute: Int
    /// Addresses remembered; with more, all are forgotten.
    private static let maximumAddresses = 10_000

    init(perMinute: Int) {
        self.perMinute = perMinute
    }

    /// Counts a failure.
    /// - Parameter now: seconds since the Unix epoch.
    /// - Returns: nil, or if there have been too many, for how many seconds there will be no other answer.
    func noteFailure(of address: String, now: Int64) -> Int64? {
        let minute = now / 60
        return windows.withLock { windows in
            if windows.count >= Self.maximumAddresses && windows[address] == nil { windows.removeAll() }
            var window = windows[address] ?? Window(minute: minute, count: 0)
            if window.minute != minute { window = Window(minute: minute, count: 0) }
            window.count += 1
            windows[address] = window
            return window.count > perMinute ? 60 - now % 60 : nil
        }
    }
}
