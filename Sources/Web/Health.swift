import HTTPServer
import JSON
import MySQL
import Synchronization
import Telemetry

/// Whether the service can do its work, and if not, why (spec, section 2).
package final class Health: Sendable {
    private let registration: CallbackRegistration
    private let dispatcher: Dispatcher
    private let pusher: PusherCheck
    private let draining = Atomic(false)
    /// What is wrong with the database; nil: nothing.
    private let database: Probe<(check: String, reason: String)?>

    init(pool: MySQLPool, registration: CallbackRegistration, dispatcher: Dispatcher, pusher: PusherCheck) {
        self.registration = registration
        self.dispatcher = dispatcher
        self.pusher = pusher
        // Whoever asks, and however many: the database is asked once a second, and nobody waits long for it.
        database = Probe(validity: .seconds(1), patience: .seconds(2)) {
            do {
                let missing = try await pool.withConnection { try Self.missingMigrations($0) }
                return missing.isEmpty ? nil : ("migrations", "not applied: \(missing.joined(separator: ", "))")
            } catch let error as MySQLError where error.number == 1146 {
                return ("migrations", "not applied: all; run `integrator migrate`")
            } catch {
                return ("database", "\(error)")
            }
        }
    }

    private static func missingMigrations(_ connection: isolated MySQLConnection) throws(MySQLError) -> [String] {
        let applied = try connection.query("SELECT name FROM integrator_migrations").map { row throws(MySQLError) in
            try row.string(0)
        }
        return Migrations.all.map(\.name).filter { !applied.contains($0) }
    }

    /// Not ready from now on.
    func drain() {
        draining.store(true, ordering: .relaxed)
    }

    /// What is wrong, by name; empty: ready.
    func faults() async -> [(check: String, reason: String)] {
        var faults: [(check: String, reason: String)] = []
        if draining.load(ordering: .relaxed) { faults.append(("draining", "the service is stopping")) }
        switch await database.answer() {
        case .some(let fault): if let fault { faults.append(fault) }
        case nil: faults.append(("database", "no answer within 2 seconds"))
        }
        if !registration.isRegistered { faults.append(("callback", "not registered at the TV Python API")) }
        if dispatcher.pause == .unauthorised || pusher.isRefused {
            faults.append(("pusher", "key, secret, clock or quota are refused"))
        }
        return faults
    }
}

/// `/health/live`, `/health/ready` and `/metrics`.
struct OperatorEndpoints: Sendable {
    let health: Health
    let metrics: Metrics
    let figures: Figures

    func add(to router: inout Router) {
        router.on("GET", "/health/live") { _ in Self.health([]) }
        router.on("GET", "/health/ready") { _ in Self.health(await health.faults()) }
        router.on("GET", "/metrics") { _ in
            HTTPResponse(
                status: 200, headers: [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")],
                body: Array((metrics.render() + (await figures.render())).utf8))
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
