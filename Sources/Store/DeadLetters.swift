package import Datasets
package import MySQL
import Text
package import Time

/// Notifications that Pusher has refused for good: `wishlist_dataset_dead_letters`.
package enum DeadLetters {
    /// Which of them are meant.
    package enum Selection: Sendable, Equatable {
        case all
        case history(Int64)
        /// By the ids of their events.
        case events([Int64])

        /// As text, for the record of actions.
        package var text: String {
            switch self {
            case .all: "all"
            case .history(let id): "history=\(id)"
            case .events(let ids): ids.map(String.init).joined(separator: " ")
            }
        }

        fileprivate var condition: SQL {
            switch self {
            case .all: "TRUE"
            case .history(let id): "d.history_id = \(id)"
            case .events(let ids): "d.event_id IN \(list: ids)"
            }
        }
    }

    /// A dead letter, and what it is about.
    package struct Entry: Sendable {
        package var id: Int64
        package var historyID: Int64
        package var datasetID: Int64?
        package var slug: String?
        package var revision: Int64
        package var type: String?
        package var refusedAt: Timestamp
        package var reason: String
    }

    /// The oldest first.
    /// - Parameter after: only those with a higher id.
    package static func page(
        _ selection: Selection, after: Int64 = 0, limit: Int64, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [Entry] {
        try connection.query(
            """
            SELECT d.event_id, d.history_id, h.dataset_id, h.slug, d.revision, e.type, d.refused_at, d.reason \
            FROM wishlist_dataset_dead_letters d LEFT JOIN wishlist_dataset_events e ON e.id = d.event_id \
            LEFT JOIN wishlist_dataset_histories h ON h.id = d.history_id \
            WHERE \(selection.condition) AND d.event_id > \(after) ORDER BY d.event_id LIMIT \(limit)
            """
        ).map { row throws(MySQLError) in
            Entry(
                id: try row.int64(0), historyID: try row.int64(1), datasetID: try row.optionalInt64(2),
                slug: try row.optionalString(3), revision: try row.int64(4), type: try row.optionalString(5),
                refusedAt: try row.timestamp(6), reason: try row.string(7))
        }
    }

    /// Their ids, the oldest first.
    package static func ids(
        _ selection: Selection, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [Int64] {
        try connection.query(
            "SELECT d.event_id FROM wishlist_dataset_dead_letters d WHERE \(selection.condition) ORDER BY d.event_id"
        ).map { row throws(MySQLError) in try row.int64(0) }
    }

    /// What a dead letter tells, and whom; nil if its event, its history or its wishlist is gone.
    package static func notification(
        _ id: Int64, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> (notification: Notification, address: WishlistAddress)? {
        let histories = try connection.query(
            """
            SELECT \(HistoryTable.columns), w.slug AS wishlist_slug, w.group_id, d.revision AS dead_revision \
            FROM wishlist_dataset_dead_letters d JOIN wishlist_dataset_histories h ON h.id = d.history_id \
            JOIN wishlist_to_groups w ON w.id = h.wishlist_to_group_id WHERE d.event_id = \(id)
            """)
        guard let row = histories.first else { return nil }
        let history = try HistoryTable.history(from: row)
        let revision = try row.int64("dead_revision")
        let events = try connection.query(EventLog.changesStatement(of: history.id, after: revision - 1, limit: 1))
        guard let event = events.first, try event.int64("revision") == revision else { return nil }
        return (
            try Notification(history: history, logged: event),
            WishlistAddress(slug: try row.string("wishlist_slug"), groupID: try row.optionalInt64("group_id"))
        )
    }

    /// Removes them.
    /// - Returns: how many there were.
    package static func remove(
        _ selection: Selection, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> Int {
        // MySQL has no alias here without naming the table twice.
        try connection.execute("DELETE d FROM wishlist_dataset_dead_letters d WHERE \(selection.condition)")
            .affectedRows
    }

    /// Notes that it was refused again.
    package static func refusedAgain(
        _ id: Int64, reason: String, on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        try connection.execute(
            """
            UPDATE wishlist_dataset_dead_letters SET reason = \(reason.limited(to: 1000)), \
            refused_at = UTC_TIMESTAMP(6) WHERE event_id = \(id)
            """)
    }
}
