package import Datasets
package import MySQL
package import Time

/// `wishlist_to_groups` as SQL, as far as the lanes read and write it (spec, section 6).
package enum WishlistTable {
    /// Wishlists in the order of their ids: `id`, `slug`, `group_id`, `training_status`, `training_scheduled_at`.
    /// - Parameter isLocking: locks the rows, but for those that others have locked.
    package static func readStatement(_ ids: some Collection<Int64>, isLocking: Bool) -> SQL {
        """
        SELECT id, slug, group_id, training_status, training_scheduled_at FROM wishlist_to_groups \
        WHERE id IN \(list: ids) ORDER BY id\(unescaped: isLocking ? " FOR UPDATE SKIP LOCKED" : "")
        """
    }

    /// The active histories of wishlists: `active_wishlist_id`, `id`.
    package static func activeHistoriesStatement(_ ids: some Collection<Int64>) -> SQL {
        """
        SELECT active_wishlist_id, id FROM wishlist_dataset_histories \
        WHERE active_wishlist_id IN \(list: ids)
        """
    }

    /// The latest history of each wishlist that is not deleted: `wishlist_to_group_id`, its `id`.
    package static func latestHistoriesStatement(
        _ ids: some Collection<Int64>, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> SQL {
        """
        SELECT wishlist_to_group_id, MAX(id) FROM wishlist_dataset_histories \
        WHERE wishlist_to_group_id IN \(list: ids)\(try connection.notDeleted(HistoryTable.name)) \
        GROUP BY wishlist_to_group_id
        """
    }

    /// Sets the training status.
    package static func setTraining(
        _ change: TrainingChange, of id: Int64, at now: Timestamp, on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        let digits = connection.consoleTime.digits(at: now)
        try connection.execute(
            """
            UPDATE wishlist_to_groups SET training_status = \(change.status.rawValue), \
            training_scheduled_at = \(change.scheduledAt), updated_at = \(ConsoleTime.storable("\(digits)"))\
            \(try connection.keepingTimes(of: "wishlist_to_groups", but: ["updated_at"])) WHERE id = \(id)
            """)
    }
}
