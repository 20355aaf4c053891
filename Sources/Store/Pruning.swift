import Datasets
package import MySQL
import Time

/// Removes old events, step by step along the primary key: no step locks much or lasts long.
package struct Pruning: Sendable {
    /// Rows looked at in one transaction. Rows, not ids: where most have gone a step goes far.
    private static let step = 1000

    let pool: MySQLPool

    package init(pool: MySQLPool) {
        self.pool = pool
    }

    /// What may go: the change has been notified and is no dead letter, and the dataset is over or gone. The last event of a
    /// history stays, so that its revision can be explained; what is rejected or parked waits for somebody.
    private static func condition(from first: Int64, below last: Int64, cutoff: Timestamp) -> SQL {
        """
        FROM wishlist_dataset_events e LEFT JOIN wishlist_dataset_histories h ON h.id = e.history_id \
        LEFT JOIN wishlist_dataset_dead_letters d ON d.event_id = e.id \
        LEFT JOIN wishlist_dataset_parked p ON p.event_id = e.id \
        WHERE e.id >= \(first) AND e.id < \(last) AND e.recorded_at < \(cutoff) \
        AND e.outcome IN (\(EventOutcome.applied.rawValue), \(EventOutcome.stale.rawValue), \
        \(EventOutcome.ignored.rawValue)) AND d.event_id IS NULL AND p.event_id IS NULL \
        AND (h.id IS NULL OR (h.status NOT IN (0, 1, 2) \
        AND (e.revision IS NULL OR (e.revision <= h.notified_revision AND e.revision < h.revision))))
        """
    }

    /// - Parameter seconds: the age from which on an event may go, by the database's clock.
    /// - Returns: how many were removed, and how many were old enough.
    package func run(olderThan seconds: Int64, isDry: Bool) async throws -> (removed: Int, old: Int) {
        let (first, last, cutoff) = try await range(olderThan: seconds)
        var (removed, old) = (0, 0)
        var start = first
        while start < last {
            try Task.checkCancellation()
            let from = start
            let (gone, seen, end) = try await pool.withTransaction { connection in
                let end = try connection.query(
                    """
                    SELECT id FROM wishlist_dataset_events WHERE id >= \(from) AND id < \(last) \
                    ORDER BY id LIMIT 1 OFFSET \(Self.step)
                    """
                ).first?.int64(0)
                let below = end ?? last
                let condition = Self.condition(from: from, below: below, cutoff: cutoff)
                let seen = try connection.query(
                    """
                    SELECT COUNT(*) FROM wishlist_dataset_events WHERE id >= \(from) AND id < \(below) \
                    AND recorded_at < \(cutoff)
                    """
                ).first?.int64(0)
                let ids = try connection.query("SELECT e.id \(condition) ORDER BY e.id").map { row throws(MySQLError) in
                    try row.int64(0)
                }
                if !isDry, !ids.isEmpty {
                    // A history that has come back to life meanwhile has its own events, newer than these.
                    try connection.execute("DELETE FROM wishlist_dataset_events WHERE id IN \(list: ids)")
                }
                return (ids.count, Int(seen ?? 0), below)
            }
            removed += gone
            old += seen
            start = end
        }
        return (removed, old)
    }

    private func range(olderThan seconds: Int64) async throws -> (first: Int64, last: Int64, cutoff: Timestamp) {
        try await pool.withConnection { connection in
            let row = try connection.query(
                "SELECT UTC_TIMESTAMP(6) - INTERVAL \(seconds) SECOND, MIN(id), MAX(id) FROM wishlist_dataset_events"
            ).first
            guard let row, let first = try row.optionalInt64(1), let last = try row.optionalInt64(2) else {
                return (0, 0, Timestamp.now())
            }
            let cutoff = try row.timestamp(0)
            // Ids and times do not go quite in step: a little beyond, each row's own time decides.
            let end = try EventLog.firstID(since: cutoff.adding(seconds: 240), on: connection)
            return (first, min(last + 1, max(end, first)), cutoff)
        }
    }
}
