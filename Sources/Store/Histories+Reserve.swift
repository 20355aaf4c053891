package import Datasets
import MySQL

extension Histories {
    /// A row to be reserved before the dataset is asked for.
    package struct Reservation: Sendable {
        package var reference: String
        package var name: String?
        package var notifications: DatasetHistory.NotificationPreference
        package var createdBy: Int64
        /// The bytes of the request.
        package var request: [UInt8]
        /// How long the row's lease holds, in seconds.
        package var leaseSeconds: Int64

        package init(
            reference: String, name: String?, notifications: DatasetHistory.NotificationPreference, createdBy: Int64,
            request: [UInt8], leaseSeconds: Int64
        ) {
            self.reference = reference
            self.name = name
            self.notifications = notifications
            self.createdBy = createdBy
            self.request = request
            self.leaseSeconds = leaseSeconds
        }
    }

    /// Reserves the row of a new dataset and keeps the bytes of the request with it.
    ///
    /// - Parameter lease: the idempotency key under which the row is noted, in the same transaction.
    /// - Returns: the row's id; nil if another dataset of the wishlist has become active.
    package func reserve(
        _ reservation: Reservation, of wishlist: Wishlist, under lease: IdempotencyKeys.Lease?
    ) async throws -> Int64? {
        do {
            return try await pool.withTransaction { connection in
                // An earlier attempt whose commit was not answered.
                let known = try connection.query(
                    "SELECT id FROM wishlist_dataset_histories WHERE reference = \(reservation.reference)")
                if let row = known.first { return try row.int64(0) }
                let now = connection.consoleTime.now
                let id = try connection.execute(
                    """
                    INSERT INTO wishlist_dataset_histories \
                    (wishlist_to_group_id, slug, status, reference, name, notifications, created_by, create_until, \
                    created_at, updated_at) VALUES (\(wishlist.id), \
                    \(HistoryTable.fitting(wishlist.slug, "slug", on: connection)), \
                    \(HistoryStatus.pending.rawValue), \(reservation.reference), \
                    \(HistoryTable.fitting(reservation.name, "name", on: connection)), \
                    \(reservation.notifications.rawValue), \(reservation.createdBy), \
                    UTC_TIMESTAMP(6) + INTERVAL \(reservation.leaseSeconds) SECOND, \(now), \(now))
                    """
                ).lastInsertID
                try CreateRequests.save(reservation.request, of: id, on: connection)
                if let lease { try connection.execute(lease.noteStatement(id)) }
                return id
            }
        } catch let error as MySQLError where error.kind == .duplicateKey(name: "histories_active_wishlist") {
            return nil
        }
    }
}
