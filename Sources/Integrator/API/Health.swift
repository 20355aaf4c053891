import HTTPServer
import JSON
import MySQL
import Synchronization
import Telemetry

/// Whether the service can do its work, and if not, why (spec, section 2).
package final class Health: Sendable {
    private let pool: MySQLPool
    private let registration: CallbackRegistration
    private let dispatcher: Dispatcher
    private let draining = Atomic(false)

    init(pool: MySQLPool, registration: CallbackRegistration, dispatcher: Dispatcher) {
        self.pool = pool
        self.registration = registration
        self.dispatcher = dispatcher
    }

    /// Not ready from now on.
    func drain() {
        draining.store(true, ordering: .relaxed)
    }

    /// What is wrong, by name; empty: ready.
    func faults() async -> [(check: String, reason: String)] {
        var faults: [(check: String, reason: String)] = []
        if draining.load(ordering: .relaxed) { faults.append(("draining", "the service is stopping")) }
        do {
            let applied = try await pool.withConnection { connection in
                try connection.query("SELECT name FROM integrator_migrations").map { row throws(MySQLError) in
                    try row.string(0)
                }
            }
            let missing = Migrations.all.map(\.name).filter { !applied.contains($0) }
            if !missing.isEmpty { faults.append(("migrations", "not applied: \(missing.joined(separator: ", "))")) }
        } catch {
            faults.append(("database", "\(error)"))
        }
        if !registration.isRegistered { faults.append(("callback", "not registered at the TV Python API")) }
        if dispatcher.pause == .unauthorised { faults.append(("pusher", "key, secret, clock or quota are refused")) }
        return faults
    }
}

/// `/health/live`, `/health/ready` and `/metrics`.
struct OperatorEndpoints: Sendable {
    let health: Health
    let metrics: Metrics

    func add(to router: inout Router) {
        router.on("GET", "/health/live") { _ in Self.health([]) }
        router.on("GET", "/health/ready") { _ in Self.health(await health.faults()) }
        router.on("GET", "/metrics") { _ in
            HTTPResponse(
                status: 200, headers: [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")],
                body: Array(metrics.render().utf8))
        }
    }

    private static func health(_ faults: [(check: String, reason: String)]) -> HTTPResponse {
        var json = JSONWriter()
        json.object { json in
            json.field("status", faults.isEmpty ? "ok" : "unavailable")
            json.key("faults")
            json.object { json in for (check, reason) in faults { json.field(check, reason) } }
        }
        return HTTPResponse(
            status: faults.isEmpty ? 200 : 503, headers: [("Content-Type", "application/json")], body: json.bytes)
    }
}
