import Datasets
package import Delivery
import HTTPServer
import JSON
package import Lanes
import Store
import Synchronization
package import TVPython
package import Telemetry

/// Whether this instance can take traffic, and what else is not as it should be (spec, section 2).
///
/// The database, the migrations and draining decide: what is wrong with the callback or with Pusher is wrong with all
/// instances alike, and taking them all out of a balancer would make it worse.
package final class Health: Sendable {
    /// What is wrong, by name, with a reason that names no account and no statement.
    package typealias Faults = [(check: String, reason: String)]

    private let registration: CallbackRegistration
    private let dispatcher: Dispatcher
    private let pusher: PusherCheck
    private let draining = Atomic(false)
    /// What is wrong with the database; nil: nothing.
    private let database: Probe<(check: String, reason: String)?>
    private let writers: Probe<String?>

    /// - Parameter database: what is wrong with the database; nil: nothing.
    package init(
        database: @escaping @Sendable () async -> (check: String, reason: String)?, lanes: HistoryLanes,
        registration: CallbackRegistration, dispatcher: Dispatcher,
        pusher: PusherCheck
    ) {
        self.registration = registration
        self.dispatcher = dispatcher
        self.pusher = pusher
        // Whoever asks, and however many: the database is asked once a second, and nobody waits long for it.
        self.database = Probe(validity: .seconds(1), patience: .seconds(2), ask: database)
        writers = Probe(validity: .seconds(1), patience: .seconds(3)) { await Self.fault(of: lanes) }
    }

    /// Has the writer of each lane commit a transaction that changes nothing: the history 0 does not exist.
    private static func fault(of lanes: HistoryLanes) async -> String? {
        for lane in lanes.depths.indices {
            let event = DatasetEvent(type: .datasetStalled, datasetID: Int64(lane))
            do {
                _ = try await lanes.make(event, of: 0, key: ".health", body: [])
            } catch  where DatabaseFault.passes(error) {
                return "the writers: \(DatabaseFault.reason(error))"
            } catch {
                // As it should be: there is no such history.
            }
        }
        return nil
    }

    /// Not ready from now on.
    package func drain() {
        draining.store(true, ordering: .relaxed)
    }

    /// Why this instance cannot take traffic; empty: it can.
    package func faults() async -> Faults {
        var faults: Faults = []
        if draining.load(ordering: .relaxed) { faults.append(("draining", "the service is stopping")) }
        switch await database.answer() {
        case .some(let fault?): faults.append(fault)
        case .some(nil):
            switch await writers.answer() {
            case .some(let reason): if let reason { faults.append(("database", reason)) }
            case nil: faults.append(("database", "the writers do not answer within 3 seconds"))
            }
        case nil: faults.append(("database", "no answer within 2 seconds"))
        }
        return faults
    }

    /// What is not as it should be besides.
    func degradations() -> Faults {
        var faults: Faults = []
        let reasons = registration.state.reasons
        if !reasons.isEmpty { faults.append(("callback", reasons.joined(separator: "; "))) }
        if dispatcher.pause == .unauthorised || pusher.isRefused {
            faults.append(("pusher", "key, secret, clock or quota are refused"))
        } else if dispatcher.pause == .failing {
            faults.append(("pusher", "takes nothing at present"))
        }
        return faults
    }
}

/// `/health/live`, `/health/ready` and `/metrics`.
package struct HealthEndpoints: Sendable {
    /// They are asked for all the time: their log lines are for whoever looks for a fault.
    static let paths: Set = ["/health/live", "/health/ready", "/metrics"]

    let health: Health
    let metrics: Metrics
    /// What is looked up when it is asked for, in Prometheus' text format.
    let figures: @Sendable () async -> String

    package init(health: Health, metrics: Metrics, figures: @escaping @Sendable () async -> String) {
        self.health = health
        self.metrics = metrics
        self.figures = figures
    }

    package func add(to router: inout Router) {
        router.on("GET", "/health/live") { _ in Self.answer([], []) }
        router.on("GET", "/health/ready") { _ in Self.answer(await health.faults(), health.degradations()) }
        router.on("GET", "/metrics") { _ in
            HTTPResponse(
                status: 200, headers: [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")],
                body: Array((metrics.render() + (await figures())).utf8))
        }
    }

    /// `{"status": "ok"}`, `"degraded"` or `"unavailable"`, with a reason for each check that failed.
    private static func answer(_ faults: Health.Faults, _ degraded: Health.Faults) -> HTTPResponse {
        var json = JSONWriter()
        json.object { json in
            json.field("status", !faults.isEmpty ? "unavailable" : degraded.isEmpty ? "ok" : "degraded")
            for (name, reasons) in [("faults", faults), ("degraded", degraded)] {
                json.key(name)
                json.object { json in for (check, reason) in reasons { json.field(check, reason) } }
            }
        }
        return HTTPResponse(
            status: faults.isEmpty ? 200 : 503,
            headers: [("Content-Type", "application/json"), ("Cache-Control", "no-store")], body: json.bytes)
    }
}
