package import MySQL

/// `wishlist_dataset_requests`: the bytes of each create call whose outcome is not noted yet. A row is of no use once its
/// history is no longer pending; a history never becomes pending again.
package enum CreateRequests {
    /// A pending row whose lease has run out.
    package struct Overdue: Sendable {
        package var historyID: Int64
        package var reference: String
        /// nil: the request is not there.
        package var body: [UInt8]?
    }

    /// Keeps a request, in the transaction that reserves its history.
    package static func save(_ body: [UInt8], of historyID: Int64, on connection: isolated MySQLConnection)
        throws(MySQLError)
    {
        try connection.execute(
            "INSERT INTO wishlist_dataset_requests (history_id, body) VALUES (\(historyID), \(body))")
    }

    /// Pending rows that nobody is at.
    package static func overdue(limit: Int, on connection: isolated MySQLConnection) throws(MySQLError) -> [Overdue] {
        try connection.query(
            """
            SELECT h.id, h.reference, r.body FROM wishlist_dataset_histories h \
            LEFT JOIN wishlist_dataset_requests r ON r.history_id = h.id \
            WHERE h.active_wishlist_id IS NOT NULL AND h.status = 0 AND h.create_until < UTC_TIMESTAMP(6) \
            ORDER BY h.create_until LIMIT \(limit)
            """
        ).map { row throws(MySQLError) in
            Overdue(historyID: try row.int64(0), reference: try row.string(1), body: try row.optionalBytes(2))
        }
    }

    /// Compare-and-set: of several instances one gets the row, for so many seconds.
    package static func claim(
        _ historyID: Int64, seconds: Int64, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> Bool {
        try connection.execute(
            """
            UPDATE wishlist_dataset_histories SET create_until = UTC_TIMESTAMP(6) + INTERVAL \(seconds) SECOND\
            \(try HistoryTable.keepingTimes(on: connection)) WHERE id = \(historyID) AND status = 0 AND create_until < UTC_TIMESTAMP(6)
            """
        ).affectedRows == 1
    }

    /// Requests that are no longer needed.
    package static func finished(limit: Int, on connection: isolated MySQLConnection) throws(MySQLError) -> [Int64] {
        try connection.query(
            """
            SELECT r.history_id FROM wishlist_dataset_requests r \
            LEFT JOIN wishlist_dataset_histories h ON h.id = r.history_id \
            WHERE h.id IS NULL OR h.status <> 0 LIMIT \(limit)
            """
        ).map { row throws(MySQLError) in try row.int64(0) }
    }

    /// Removes requests.
    package static func remove(_ historyIDs: [Int64], on connection: isolated MySQLConnection) throws(MySQLError) {
        if historyIDs.isEmpty { return }
        try connection.execute("DELETE FROM wishlist_dataset_requests WHERE history_id IN \(list: historyIDs)")
    }
}
