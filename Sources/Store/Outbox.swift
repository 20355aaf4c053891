package import Datasets
package import MySQL
import Text

/// What is owed to Pusher, as SQL: the histories whose notifications an instance delivers (spec, section 6).
///
/// `dispatcher` of a history names the instance; NULL or 0: nobody, nothing is owed. The columns `owed_since` and
/// `dispatch_until` belong to programs from before the leases, which may still run beside this one: a history with
/// `owed_since` is theirs until `dispatch_until`, and whoever takes it over clears both.
package enum Outbox {
    // MARK: Leases

    /// Takes a lease.
    package static func takeStatement(lease instance: UInt64) -> SQL {
        """
        INSERT INTO integrator_leases (instance, renewed_at) VALUES (\(instance), UTC_TIMESTAMP(6)) \
        ON DUPLICATE KEY UPDATE renewed_at = VALUES(renewed_at)
        """
    }

    /// Renews a lease; finds no row if it is lost.
    package static func renewStatement(lease instance: UInt64) -> SQL {
        "UPDATE integrator_leases SET renewed_at = UTC_TIMESTAMP(6) WHERE instance = \(instance)"
    }

    /// All leases: `instance`, `renewed_at` as text that is compared and not read.
    package static let leases: SQL = "SELECT instance, CAST(renewed_at AS CHAR) FROM integrator_leases"

    /// Removes a lease, if it is as it was.
    package static func removeStatement(lease instance: UInt64, renewedAt: String) -> SQL {
        "DELETE FROM integrator_leases WHERE instance = \(instance) AND renewed_at = \(renewedAt)"
    }

    /// Removes an instance's own lease.
    package static func giveUpStatement(lease instance: UInt64) -> SQL {
        "DELETE FROM integrator_leases WHERE instance = \(instance)"
    }

    // MARK: Histories

    /// The next instance after this one that a history names.
    package static func dispatcherStatement(after instance: UInt64) -> SQL {
        """
        SELECT MIN(dispatcher) FROM wishlist_dataset_histories FORCE INDEX (histories_dispatcher) \
        WHERE dispatcher > \(instance)
        """
    }

    /// Ids of histories that name an instance, in order.
    package static func historiesStatement(of instance: UInt64, after id: Int64, limit: Int) -> SQL {
        """
        SELECT id FROM wishlist_dataset_histories FORCE INDEX (histories_dispatcher) \
        WHERE dispatcher = \(instance) AND id > \(id) \
        AND (owed_since IS NULL OR dispatch_until IS NULL OR dispatch_until < UTC_TIMESTAMP(6)) \
        ORDER BY id LIMIT \(limit)
        """
    }

    /// Histories `h` of which not all is known to be delivered, up to `limit`, with the event `e` of the first change that is
    /// not; what has been delivered is known with the next change, or after a few seconds.
    package static let owed: SQL = owedStatement(limit: .max)

    /// The same, but of no more histories than that.
    package static func owedStatement(limit: Int64) -> SQL {
        """
        (SELECT * FROM wishlist_dataset_histories FORCE INDEX (histories_dispatcher) \
        WHERE dispatcher > 0 AND notified_revision < revision LIMIT \(limit)) h \
        LEFT JOIN wishlist_dataset_events e ON e.history_id = h.id AND e.revision = h.notified_revision + 1
        """
    }

    /// Names the instance that delivers these histories. The rows must be locked.
    package static func deliver(
        _ ids: some Collection<Int64>, by instance: UInt64, on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        try connection.execute(
            """
            UPDATE wishlist_dataset_histories SET dispatcher = \(instance), owed_since = NULL, dispatch_until = NULL\
            \(try HistoryTable.keepingTimes(on: connection)) WHERE id IN \(list: ids)
            """)
    }

    /// Locks histories, but for those that others have locked: `id`, `revision`, `dispatcher`.
    package static func lockStatement(_ ids: some Collection<Int64>) -> SQL {
        """
        SELECT id, revision, \(unescaped: HistoryTable.dispatcher) FROM wishlist_dataset_histories h FORCE INDEX (PRIMARY) \
        WHERE id IN \(list: ids) ORDER BY id FOR UPDATE SKIP LOCKED
        """
    }

    /// Notes that all of these histories is delivered. The rows must be locked.
    package static func release(
        _ ids: some Collection<Int64>, on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        try connection.execute(
            """
            UPDATE wishlist_dataset_histories SET notified_revision = revision, dispatcher = 0\
            \(try HistoryTable.keepingTimes(on: connection)) WHERE id IN \(list: ids)
            """)
    }

    /// Keeps a notification that Pusher has refused for good.
    package static func buryStatement(_ historyID: Int64, _ revision: Int64, reason: String) -> SQL {
        """
        INSERT IGNORE INTO wishlist_dataset_dead_letters (event_id, history_id, revision, reason, refused_at) \
        SELECT id, history_id, revision, \(reason.limited(to: 1000)), UTC_TIMESTAMP(6) \
        FROM wishlist_dataset_events WHERE history_id = \(historyID) AND revision = \(revision)
        """
    }

    /// Whom to tell of histories of these wishlists; nothing of a wishlist that was deleted.
    package static func addresses(
        ofWishlists ids: Set<Int64>, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [Int64: WishlistAddress] {
        if ids.isEmpty { return [:] }
        var addresses: [Int64: WishlistAddress] = [:]
        for row in try connection.query(
            "SELECT id, slug, group_id FROM wishlist_to_groups WHERE id IN \(list: ids.sorted())")
        {
            addresses[try row.int64(0)] = WishlistAddress(slug: try row.text(1) ?? "", groupID: try row.number(2))
        }
        return addresses
    }
}
