import Delivery
import Lanes
import MySQL
import Store
import TVPython
import Telemetry

/// What is looked up when `/metrics` is asked for, and not counted where it happens.
final class Figures: Sendable {
    private let metrics = Metrics()
    private let database: DatabaseFigures

    init(pool: MySQLPool, lanes: HistoryLanes, dispatcher: Dispatcher, registration: CallbackRegistration) {
        database = DatabaseFigures(pool: pool, metrics: metrics)
        ProcessFigures.add(to: metrics)
        metrics.gauge(
            "integrator_build_info", help: "1; the label says which version runs.",
            labels: ["version": Build.version, "swift": Build.swift], read: { 1 })
        for lane in lanes.depths.indices {
            metrics.gauge(
                "integrator_lane_waiting_webhooks", help: "Webhooks that wait for a transaction, by lane.",
                labels: ["lane": String(lane)]
            ) { Double(lanes.depths[lane]) }
        }
        metrics.gauge(
            "integrator_notifications_waiting", help: "Notifications in memory: waiting, or on their way to Pusher."
        ) { Double(dispatcher.counts.waiting) }
        metrics.counter(
            "integrator_notifications_overtaken_total",
            help: "Progress notifications left out because a newer one came while they waited."
        ) { Double(dispatcher.counts.overtaken) }
        for (reason, pause) in [("failing", Dispatcher.Pause.failing), ("unauthorised", .unauthorised)] {
            metrics.gauge(
                "integrator_dispatcher_paused", help: "1 while Pusher takes nothing, by reason.",
                labels: ["reason": reason]
            ) { dispatcher.pause == pause ? 1 : 0 }
        }
        metrics.gauge(
            "integrator_callback_registered", help: "1 once the callback is registered at the TV Python API."
        ) { registration.isRegistered ? 1 : 0 }
        addPool(pool)
    }

    private func addPool(_ pool: MySQLPool) {
        let states: [(String, @Sendable (MySQLPool.Usage) -> Int)] = [("leased", \.leased), ("idle", \.idle)]
        for (state, count) in states {
            metrics.gauge(
                "integrator_database_pool_connections", help: "Connections of the pool, by state.",
                labels: ["state": state]
            ) { Double(count(pool.usage)) }
        }
        metrics.gauge("integrator_database_pool_max_connections", help: "Connections that the pool may have.") {
            Double(pool.usage.maximum)
        }
        metrics.gauge("integrator_database_pool_waiting", help: "Who waits for a connection of the pool.") {
            Double(pool.usage.waiting)
        }
    }

    /// In Prometheus' text format; asks the database, but not more than once in five seconds, nor for longer than two.
    func render() async -> String {
        await database.refresh()
        return metrics.render()
    }
}
