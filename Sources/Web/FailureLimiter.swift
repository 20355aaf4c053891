import Synchronization

/// Counts failures by address in windows of a minute. Callable from any thread.
final class FailureLimiter: Sendable {
    private struct Window: Sendable {
        var minute: Int64
        var count: Int
    }

    private let windows = Mutex<[String: Window]>([:])
    private let perMinute: Int
    /// Addresses remembered; with more, those of past minutes are forgotten, then all.
    private static let maximumAddresses = 10_000

    init(perMinute: Int) {
        self.perMinute = perMinute
    }

    /// Counts a failure.
    /// - Parameter now: seconds since the Unix epoch.
    /// - Returns: nil, or if there have been too many, for how many seconds there will be no other answer.
    func noteFailure(of address: String, now: Int64) -> Int64? {
        let (block, minute) = (ClientAddress.block(of: address), now / 60)
        return windows.withLock { windows in
            if windows.count >= Self.maximumAddresses && windows[block] == nil {
                windows = windows.filter { $0.value.minute == minute }
                if windows.count >= Self.maximumAddresses { windows.removeAll() }
            }
            var window = windows[block] ?? Window(minute: minute, count: 0)
            if window.minute != minute { window = Window(minute: minute, count: 0) }
            window.count += 1
            windows[block] = window
            return window.count > perMinute ? 60 - now % 60 : nil
        }
    }

    /// For how many seconds one more failure would be too many; nil if it would not.
    func silence(of address: String, now: Int64) -> Int64? {
        let block = ClientAddress.block(of: address)
        let window = windows.withLock { $0[block] }
        guard let window, window.minute == now / 60, window.count >= perMinute else { return nil }
        return 60 - now % 60
    }
}
