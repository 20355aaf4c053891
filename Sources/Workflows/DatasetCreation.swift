package import Datasets
package import Store
import TVPython
import Time
import JSON
package import MySQL
import Signatures

/// Case 1 of the spec: from a wishlist to a dataset at the TV Python API.
///
/// The row is reserved before the call, with a reference that is also the call's idempotency key, because a webhook can come
/// before the call returns. If the process dies in between, `PendingCreates` sends the same bytes again.
package struct DatasetCreation: Sendable {
    /// What a client may choose.
    package struct Options: Sendable, Equatable {
        package var name: String?
        package var notifications = DatasetHistory.NotificationPreference.all

        package init(name: String? = nil, notifications: DatasetHistory.NotificationPreference = .all) {
            self.name = name
            self.notifications = notifications
        }
    }

    /// How long another instance waits beyond the deadline before it takes a pending row over, in seconds.
    package static let claimMarginSeconds: Int64 = 15

    let pool: MySQLPool
    let wishlists: Wishlists
    let call: CreateCall

    package init(pool: MySQLPool, wishlists: Wishlists, call: CreateCall) {
        self.pool = pool
        self.wishlists = wishlists
        self.call = call
    }

    /// Creates a dataset. Throws `Refusal` with the code that Case 1 has for each fault, in its order.
    ///
    /// - Parameter noting: what else is to be written in the transaction that reserves the row with this id.
    package func create(
        of wishlist: Wishlist, by caller: Caller, _ options: Options, exceptSocketID: String?, traceparent: String?,
        noting: @escaping @Sendable (Int64) -> SQL? = { _ in nil }
    ) async throws -> DatasetHistory {
        guard wishlist.isActive else {
            throw Refusal(.conflict, "wishlist_inactive", "The wishlist is not active.")
        }
        guard try await wishlists.hasValidSubscription(group: wishlist.groupID) else {
            throw Refusal(.paymentRequired, "subscription_required", "The group has no valid subscription.")
        }
        if let active = try await active(of: wishlist) { throw Self.alreadyProcessing(active) }
        let contents = try await WishlistContents(of: wishlist.id, from: pool)
        guard contents.missing.isEmpty else {
            throw Refusal(
                .incomplete, "dataset_incomplete", contents.missing.map { ($0, ["The wishlist has no \($0)."]) })
        }
        let reference = UUIDv7.make(milliseconds: Timestamp.now().microseconds / 1000)
        let request = contents.request(
            reference: reference, name: options.name ?? wishlist.name,
            callback: TVPythonAPI.callbackName, wishlist: wishlist)
        let reserved = try await reserve(
            wishlist, caller, options, reference: reference, request: request, noting: noting)
        guard let id = reserved else {
            if let active = try await active(of: wishlist) { throw Self.alreadyProcessing(active) }
            throw Refusal(
                .unavailable(retryAfter: 1), "try_again", "Another dataset has just ended. Try again.")
        }
        let pending = CreateCall.Pending(historyID: id, reference: reference, request: request)
        return try await call.finish(pending, exceptSocketID: exceptSocketID, traceparent: traceparent)
    }

    private func active(of wishlist: Wishlist) async throws -> DatasetHistory? {
        let sql: SQL = """
            SELECT \(HistoryTable.columns) FROM wishlist_dataset_histories h WHERE h.active_wishlist_id = \(wishlist.id)
            """
        return try await pool.withConnection { try $0.query(sql).first.map(HistoryTable.history(from:)) }
    }

    private static func alreadyProcessing(_ active: DatasetHistory) -> Refusal {
        var error = Refusal(
            .conflict, "dataset_already_processing", "A dataset of this wishlist is already being processed.")
        error.members = [("data", active.resource())]
        return error
    }

    /// Reserves the row and keeps the bytes of the request with it.
    /// - Returns: nil if another dataset of the wishlist has become active.
    private func reserve(
        _ wishlist: Wishlist, _ caller: Caller, _ options: Options, reference: String, request: [UInt8],
        noting: @escaping @Sendable (Int64) -> SQL?
    ) async throws -> Int64? {
        let claimSeconds = call.deadlineSeconds + Self.claimMarginSeconds
        do {
            return try await pool.withTransaction { connection in
                // An earlier attempt whose commit was not answered.
                let known = try connection.query(
                    "SELECT id FROM wishlist_dataset_histories WHERE reference = \(reference)")
                if let row = known.first { return try row.int64(0) }
                let id = try connection.execute(
                    """
                    INSERT INTO wishlist_dataset_histories \
                    (wishlist_to_group_id, slug, status, reference, name, notifications, created_by, create_until, \
                    created_at, updated_at) VALUES (\(wishlist.id), \(wishlist.slug), \
                    \(HistoryStatus.pending.rawValue), \(reference), \(options.name), \
                    \(options.notifications.rawValue), \(caller.userID), \
                    UTC_TIMESTAMP(6) + INTERVAL \(claimSeconds) SECOND, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))
                    """
                ).lastInsertID
                try CreateRequests.save(request, of: id, on: connection)
                if let note = noting(id) { try connection.execute(note) }
                return id
            }
        } catch let error as MySQLError where error.kind == .duplicateKey(name: "histories_active_wishlist") {
            return nil
        }
    }
}
