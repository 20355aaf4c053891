import JSON
import MySQL
import Operations
import Store
import Time

extension CommandLineTool {
    /// `prune --days N`, or `--older-than TIME`.
    func prune(_ arguments: inout Arguments) async throws {
        let isJSON = arguments.flag("--json")
        let isDry = arguments.flag("--dry-run")
        let days = try arguments.number("--days").map { $0.multipliedReportingOverflow(by: 86_400) }
        let age = try arguments.duration("--older-than")
        guard let seconds = days.map({ $0.overflow ? .max : $0.partialValue }) ?? age, (days == nil) != (age == nil),
            seconds <= 36_500 * 86_400
        else { throw UsageError(message: "prune: say either --days N or --older-than TIME") }
        try arguments.end()
        let (database, _) = try Configuration.databaseOnly(environment)
        let pool = MySQLPool(database, maximumConnections: 1)
        let pruning = Pruning(pool: pool)
        let (pruned, looked) =
            try await isDry
            ? pruning.run(olderThan: seconds, isDry: true)
            : OperatorDesk(pool: pool, deadlineSeconds: 0).recorded("prune", "older than \(seconds) s", by: Self.actor)
            {
                let pruned = try await pruning.run(olderThan: seconds, isDry: false)
                return (pruned, pruned.removed, nil)
            }
        await pool.shutdown()
        if isJSON {
            print(json: { json in
                json.object { json in
                    json.field(isDry ? "would_remove" : "removed", pruned)
                    json.field("kept", looked - pruned)
                }
            })
        } else {
            print("\(pruned) old events \(isDry ? "would be removed" : "removed")")
            if looked > pruned {
                print(
                    "\(looked - pruned) kept: owed, parked, rejected or dead letters, of datasets that are not over, or the "
                        + "last change of a history")
            }
        }
    }
}

/// Removes old events, step by step along the primary key: no step locks much or lasts long.
struct Pruning: Sendable {
    /// Rows looked at in one transaction. Rows, not ids: where most have gone a step goes far.
    private static let step = 1000

    let pool: MySQLPool

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
    func run(olderThan seconds: Int64, isDry: Bool) async throws -> (removed: Int, old: Int) {
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
