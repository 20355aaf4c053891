package import Datasets
package import MySQL
package import Time

/// What came in the last hour, by outcome, in twelve steps of five minutes. From the log: of all instances, and also what
/// came before this one was started.
package struct RecentOutcomes: Sendable {
    package static let steps = 12
    static let stepSeconds: Int64 = 300
    /// Counting ends here; what is more is estimated by the ids.
    private static let limit: Int64 = 10_000

    /// The beginning of each step, and how many events of each outcome.
    package var columns: [(from: Timestamp, counts: [EventOutcome: Int64])] = []

    package init(on connection: isolated MySQLConnection) throws(MySQLError) {
        guard let row = try connection.query("SELECT UTC_TIMESTAMP(6), @@auto_increment_increment").first else {
            return
        }
        let now = try row.timestamp(0)
        let increment = max(1, try row.int64(1))
        var edges: [(time: Timestamp, id: Int64)] = []
        for step in 0...Self.steps {
            let time = now.adding(seconds: -Self.stepSeconds * Int64(Self.steps - step))
            edges.append((time, step == Self.steps ? .max : try EventLog.id(at: time, on: connection)))
        }
        let end = try connection.query("SELECT MAX(id) FROM wishlist_dataset_events").first?.optionalInt64(0) ?? 0
        for (from, to) in zip(edges, edges.dropFirst()) {
            var sql: SQL = "SELECT "
            for (index, outcome) in EventOutcome.allCases.enumerated() {
                sql.append(
                    """
                    \(unescaped: index > 0 ? ", " : "")(SELECT COUNT(*) FROM (SELECT 1 FROM wishlist_dataset_events \
                    FORCE INDEX (events_outcome) WHERE outcome = \(outcome.rawValue) AND id >= \(from.id) \
                    AND id < \(to.id) LIMIT \(Self.limit)) t\(unescaped: String(index)))
                    """ as SQL)
            }
            guard from.id < to.id, let row = try connection.query(sql).first else {
                columns.append((from.time, [:]))
                continue
            }
            var counts: [EventOutcome: Int64] = [:]
            for (index, outcome) in EventOutcome.allCases.enumerated() {
                counts[outcome] = try row.int64(MySQLColumn(index))
            }
            if counts[.applied] == Self.limit {
                let others = counts.values.reduce(0, +) - Self.limit
                counts[.applied] = max(Self.limit, (min(to.id, end + 1) - from.id) / increment - others)
            }
            columns.append((from.time, counts))
        }
    }
}
