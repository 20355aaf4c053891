import HTTPServer
import JSON
package import Telemetry

/// `/health/live`, `/health/ready` and `/metrics`.
package struct OperatorEndpoints: Sendable {
    let health: Health
    let metrics: Metrics
    /// More of `/metrics`: what is looked up when it is asked for.
    let figures: @Sendable () async -> String

    package init(health: Health, metrics: Metrics, figures: @escaping @Sendable () async -> String) {
        self.health = health
        self.metrics = metrics
        self.figures = figures
    }

    package func add(to router: inout Router) {
        router.on("GET", "/health/live") { _ in Self.health([]) }
        router.on("GET", "/health/ready") { _ in Self.health(await health.faults()) }
        router.on("GET", "/metrics") { _ in
            HTTPResponse(
                status: 200, headers: [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")],
                body: Array((metrics.render() + (await figures())).utf8))
        }
    }

    /// `{"status": "ok"}`, or `"unavailable"` with a reason for each check that failed.
    private static func health(_ faults: [(check: String, reason: String)]) -> HTTPResponse {
        var json = JSONWriter()
        json.object { json in
            json.field("status", faults.isEmpty ? "ok" : "unavailable")
            json.key("faults")
            json.object { json in for (check, reason) in faults { json.field(check, reason) } }
        }
        return HTTPResponse(
            status: faults.isEmpty ? 200 : 503,
            headers: [("Content-Type", "application/json"), ("Cache-Control", "no-store")], body: json.bytes)
    }
}
