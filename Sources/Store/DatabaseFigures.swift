import Datasets
package import MySQL
package import Telemetry

/// Figures that stand in the database, by queries whose cost does not grow with the number of rows.
package final class DatabaseFigures: Sendable {
    private struct Answer: Sendable {
        var datasets: [HistoryStatus: Int64] = [:]
        var owed: Int64
        /// In microseconds; nil: none is owed.
        var oldestOwed: Int64?
        var deadLetters: Int64
        var parked: Int64
    }

    /// Counting ends here.
    private static let limit: Int64 = 10_000

    private let probe: Probe<Answer?>
    private let isUp: Gauge
    private let datasets: [HistoryStatus: Gauge]
    private let owed: Gauge
    private let oldestOwed: Gauge
    private let deadLetters: Gauge
    private let parked: Gauge

    package init(pool: MySQLPool, metrics: Metrics) {
        probe = Probe(validity: .seconds(5), patience: .seconds(2)) {
            try? await pool.withConnection { try Self.ask($0) }
        }
        isUp = metrics.gauge("integrator_database_up", help: "1 if the database answers queries.")
        datasets = Dictionary(
            uniqueKeysWithValues: HistoryStatus.allCases.filter(\.isActive).map { status in
                let gauge = metrics.gauge(
                    "integrator_datasets", help: "Datasets that are being built, by status.",
                    labels: ["status": status.label])
                return (status, gauge)
            })
        let upTo = "; counted up to \(Self.limit)."
        owed = metrics.gauge(
            "integrator_histories_owing", help: "Datasets with notifications not sent yet, of all instances" + upTo)
        oldestOwed = metrics.gauge(
            "integrator_notifications_oldest_owed_seconds",
            help: "Age of the oldest notification not sent yet, of all instances; 0: none.")
        deadLetters = metrics.gauge(
            "integrator_dead_letters", help: "Notifications that Pusher has refused for good" + upTo)
        parked = metrics.gauge(
            "integrator_parked_webhooks", help: "Webhooks of datasets that are not known yet" + upTo)
    }

    /// Asks, if the last answer is old. What is not known is NaN.
    package func refresh() async {
        let answer = await probe.answer() ?? nil
        isUp.set(answer == nil ? 0 : 1)
        let unknown = Double.nan
        for (status, gauge) in datasets { gauge.set(answer.map { Double($0.datasets[status] ?? 0) } ?? unknown) }
        owed.set(answer.map { Double($0.owed) } ?? unknown)
        oldestOwed.set(answer.map { Double($0.oldestOwed ?? 0) / 1e6 } ?? unknown)
        deadLetters.set(answer.map { Double($0.deadLetters) } ?? unknown)
        parked.set(answer.map { Double($0.parked) } ?? unknown)
    }

    private static func ask(_ connection: isolated MySQLConnection) throws(MySQLError) -> Answer? {
        let counts = try connection.query(
            """
            SELECT owed.number, owed.age, \
            (SELECT COUNT(*) FROM (SELECT 1 FROM wishlist_dataset_dead_letters LIMIT \(limit)) dead), \
            (SELECT COUNT(*) FROM (SELECT 1 FROM wishlist_dataset_parked LIMIT \(limit)) parked) \
            FROM (SELECT COUNT(*) AS number, TIMESTAMPDIFF(MICROSECOND, MIN(e.recorded_at), UTC_TIMESTAMP(6)) AS age \
            FROM \(Outbox.owedStatement(limit: limit))) owed
            """)
        guard let row = counts.first else { return nil }
        var answer = Answer(
            owed: try row.int64(0), oldestOwed: try row.optionalInt64(1), deadLetters: try row.int64(2),
            parked: try row.int64(3))
        let datasets = try connection.query(
            """
            SELECT status, COUNT(*) FROM wishlist_dataset_histories FORCE INDEX (histories_active_wishlist) \
            WHERE active_wishlist_id IS NOT NULL GROUP BY status
            """)
        for row in datasets {
            if let status = HistoryStatus(rawValue: Int(try row.int64(0))) {
                answer.datasets[status] = try row.int64(1)
            }
        }
        return answer
    }
}
