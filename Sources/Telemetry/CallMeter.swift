import Synchronization

/// Counts calls to another service by operation and outcome, and how long they took. From any thread.
package final class CallMeter: Sendable {
    private struct Key: Hashable {
        var operation: String
        var outcome: String
    }

    private let metrics: Metrics
    private let prefix: String
    private let name: String
    private let handles = Mutex<[Key: (count: Counter, time: Histogram)]>([:])

    /// - Parameters:
    ///   - prefix: of the metrics' names.
    ///   - name: the other service's, for the help texts.
    package init(_ metrics: Metrics, prefix: String, name: String) {
        self.metrics = metrics
        self.prefix = prefix
        self.name = name
    }

    /// Counts a call, and notes its time.
    package func observe(_ operation: String, _ outcome: String, since start: ContinuousClock.Instant) {
        let key = Key(operation: operation, outcome: outcome)
        let handle = handles.withLock { handles in
            if let handle = handles[key] { return handle }
            let handle = (
                metrics.counter(
                    "\(prefix)_requests_total", help: "Requests to \(name), by operation and outcome.",
                    labels: ["operation": operation, "outcome": outcome]),
                metrics.histogram(
                    "\(prefix)_request_duration_seconds", help: "How long requests to \(name) took.",
                    labels: ["operation": operation])
            )
            handles[key] = handle
            return handle
        }
        handle.count.increment()
        handle.time.observe(start.duration(to: .now))
    }
}
