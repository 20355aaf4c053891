import Synchronization
import Telemetry

/// Counts requests to this service by method, route and status, and how long their answers took. From any thread.
package final class RequestMeter: Sendable {
    private struct Key: Hashable {
        var method: String
        var route: String
        var status: Int
    }

    private static let methods: Set = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    private let metrics: Metrics
    private let handles = Mutex<[Key: (count: Counter, time: Histogram)]>([:])

    init(_ metrics: Metrics) {
        self.metrics = metrics
    }

    /// - Parameter route: the template of the path, never the path: what clients choose makes no labels. nil: none fits.
    package func observe(method: String, route: String?, status: Int, since start: ContinuousClock.Instant) {
        let key = Key(
            method: Self.methods.contains(method) ? method : "other", route: route ?? "none", status: status)
        let handle = handles.withLock { handles in
            if let handle = handles[key] { return handle }
            let handle = make(key)
            handles[key] = handle
            return handle
        }
        handle.count.increment()
        handle.time.observe(start.duration(to: .now))
    }

    /// How long so many of the answers took at most, in seconds; nil: there was none yet.
    package func seconds(_ share: Double, method: String, route: String) -> Double? {
        let handles = handles.withLock { $0 }
        return handles.first { $0.key.method == method && $0.key.route == route }?.value.time.quantile(share)
    }

    private func make(_ key: Key) -> (count: Counter, time: Histogram) {
        (
            metrics.counter(
                "integrator_http_requests_total", help: "Requests answered, by method, route and status.",
                labels: ["method": key.method, "route": key.route, "status": String(key.status)]),
            metrics.histogram(
                "integrator_http_request_duration_seconds", help: "From the request to its answer, by route.",
                labels: ["method": key.method, "route": key.route])
        )
    }
}
