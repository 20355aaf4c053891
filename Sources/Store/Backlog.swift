package import Datasets
package import MySQL
package import Time

/// What waits for somebody: counts, and the histories that owe notifications.
package enum Backlog {
    /// Counting ends here.
    package static let limit: Int64 = 10_000

    /// What waits, counted up to `limit`.
    package struct Counts: Sendable {
        package var outcomes: [EventOutcome: Int64] = [:]
        package var deadLetters: Int64
        package var owing: Int64
        /// Since when the oldest notification is owed.
        package var owedSince: Timestamp?
        /// The database's clock.
        package var now: Timestamp
    }

    package static func counts(on connection: isolated MySQLConnection) throws(MySQLError) -> Counts? {
        let rows = try connection.query(
            """
            SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM wishlist_dataset_dead_letters LIMIT \(limit)) d), \
            owed.number, owed.since, UTC_TIMESTAMP(6) \
            FROM (SELECT COUNT(*) AS number, MIN(e.recorded_at) AS since FROM \(Outbox.owedStatement(limit: limit))) owed
            """)
        guard let row = rows.first else { return nil }
        var counts = Counts(
            deadLetters: try row.int64(0), owing: try row.int64(1), owedSince: try row.optionalTimestamp(2),
            now: try row.timestamp(3))
        for outcome in EventOutcome.allCases where outcome != .applied {
            let row = try connection.query(
                """
                SELECT COUNT(*) FROM (SELECT 1 FROM wishlist_dataset_events FORCE INDEX (events_outcome) \
                WHERE outcome = \(outcome.rawValue) LIMIT \(limit)) t
                """
            ).first
            counts.outcomes[outcome] = try row?.int64(0) ?? 0
        }
        return counts
    }

    /// A history that owes notifications.
    package struct OwedHistory: Sendable {
        package var historyID: Int64
        package var datasetID: Int64?
        package var slug: String
        package var status: HistoryStatus?
        package var revision: Int64
        package var notified: Int64
        package var owedSince: Timestamp?
        package var ageSeconds: Int64?
        /// An instance that holds a lease delivers it.
        package var isLeased: Bool
    }

    /// Who has owed for longest first.
    package static func owing(
        history: Int64?, limit: Int64, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [OwedHistory] {
        let only: SQL = history.map { "h.id = \($0)" } ?? "TRUE"
        return try connection.query(
            """
            SELECT h.id, h.dataset_id, h.slug, h.status, h.revision, h.notified_revision, e.recorded_at, \
            TIMESTAMPDIFF(SECOND, e.recorded_at, UTC_TIMESTAMP(6)), l.instance IS NOT NULL \
            FROM \(Outbox.owed) LEFT JOIN integrator_leases l ON l.instance = h.dispatcher \
            WHERE \(only) ORDER BY e.recorded_at LIMIT \(limit)
            """
        ).map { row throws(MySQLError) in
            OwedHistory(
                historyID: try row.int64(0), datasetID: try row.optionalInt64(1), slug: try row.string(2),
                status: HistoryStatus(rawValue: Int(try row.int64(3))), revision: try row.int64(4),
                notified: try row.int64(5), owedSince: try row.optionalTimestamp(6),
                ageSeconds: try row.optionalInt64(7),
                isLeased: try row.int64(8) == 1)
        }
    }

    /// What became of the notification of a change.
    package struct Delivery: Sendable {
        /// Up to where its history is delivered.
        package var watermark: Int64
        /// Since when its history owes something.
        package var owedSince: Timestamp?
        /// Why Pusher refused it for good.
        package var refusal: String?
        /// When Pusher had taken it, if that was kept.
        package var notifiedAt: Timestamp?
        /// When Pusher had taken a later one, the first of which it was kept.
        package var laterNotifiedAt: Timestamp?
    }

    /// Later changes of a history that are looked through for a time.
    private static let reach: Int64 = 500

    /// What became of the notification of a change: the event of a history's revision.
    package static func delivery(
        event: Int64, of history: Int64, revision: Int64, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> Delivery? {
        let rows = try connection.query(
            """
            SELECT h.notified_revision, IF(h.dispatcher > 0 AND h.notified_revision < h.revision, e.recorded_at, NULL), \
            d.reason, (SELECT notified_at FROM wishlist_dataset_events WHERE id = \(event)), \
            (SELECT l.notified_at FROM wishlist_dataset_events l WHERE l.history_id = \(history) \
            AND l.revision > \(revision) AND l.revision <= \(revision + reach) AND l.notified_at IS NOT NULL \
            ORDER BY l.revision LIMIT 1) \
            FROM wishlist_dataset_histories h \
            LEFT JOIN wishlist_dataset_events e ON e.history_id = h.id AND e.revision = h.notified_revision + 1 \
            LEFT JOIN wishlist_dataset_dead_letters d ON d.event_id = \(event) WHERE h.id = \(history)
            """)
        guard let row = rows.first else { return nil }
        return Delivery(
            watermark: try row.int64(0), owedSince: try row.optionalTimestamp(1), refusal: try row.optionalString(2),
            notifiedAt: try row.optionalTimestamp(3), laterNotifiedAt: try row.optionalTimestamp(4))
    }
}
