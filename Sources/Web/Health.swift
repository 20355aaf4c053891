package import Delivery
import Store
package import TVPython
import HTTPServer
import JSON
package import MySQL
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

    package init(pool: MySQLPool, registration: CallbackRegistration, dispatcher: Dispatcher, pusher: PusherCheck) {
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
    package func drain() {
        draining.store(true, ordering: .relaxed)
    }

    /// What is wrong, by name; empty: ready.
    package func faults() async -> [(check: String, reason: String)] {
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
