package import Datasets
package import MySQL

/// Reads a wishlist's histories. Read only, but for `reserve`.
package struct Histories: Sendable {
    let pool: MySQLPool

    package init(pool: MySQLPool) {
        self.pool = pool
    }

    /// The history of this id.
    package func find(_ id: Int64) async throws -> DatasetHistory? {
        try await first { _ throws(MySQLError) in
            "SELECT \(HistoryTable.columns) FROM wishlist_dataset_histories h WHERE h.id = \(id)"
        }
    }

    /// The history that keeps another of the wishlist from being made.
    package func active(of wishlist: Wishlist) async throws -> DatasetHistory? {
        try await first { _ throws(MySQLError) in
            """
            SELECT \(HistoryTable.columns) FROM wishlist_dataset_histories h WHERE h.active_wishlist_id = \(wishlist.id)
            """
        }
    }

    /// The wishlist's latest history that is not deleted.
    package func latest(of wishlist: Wishlist) async throws -> DatasetHistory? {
        try await first { connection throws(MySQLError) in
            """
            SELECT \(HistoryTable.columns) FROM wishlist_dataset_histories h \
            WHERE h.wishlist_to_group_id = \(wishlist.id)\(try connection.notDeleted(HistoryTable.name, alias: "h.")) \
            ORDER BY h.id DESC LIMIT 1
            """
        }
    }

    private func first(
        _ sql: @Sendable (isolated MySQLConnection) throws(MySQLError) -> SQL
    ) async throws -> DatasetHistory? {
        try await pool.withConnection { try $0.query(sql($0)).first.map(HistoryTable.history(from:)) }
    }

    /// A history of the wishlist as clients see it.
    package struct Found: Sendable {
        package var history: DatasetHistory
        /// JSON.
        package var result: [UInt8]?
        package var createdByName: String?
    }

    /// The history of this id, if it is the wishlist's.
    package func find(_ id: Int64, of wishlist: Wishlist) async throws -> Found? {
        try await pool.withConnection { connection in
            guard let row = try Self.row(id, of: wishlist, on: connection) else { return nil }
            let history = try HistoryTable.history(from: row)
            let names = try Wishlists.names(ofUsers: Set([history.createdBy].compactMap(\.self)), on: connection)
            return Found(
                history: history, result: try row.json("result"),
                createdByName: history.createdBy.flatMap { names[$0] })
        }
    }

    /// A part of the timeline of a history; nil if the history is not the wishlist's.
    package func timeline(
        of id: Int64, of wishlist: Wishlist, _ part: Timeline.Part, limit: Int
    ) async throws -> Timeline? {
        try await pool.withConnection { connection in
            // Nothing is looked up in the log for a history of somebody else's.
            guard let row = try Self.row(id, of: wishlist, on: connection) else { return nil }
            let history = try HistoryTable.history(from: row)
            let rows = try connection.query(EventLog.timelineStatement(of: id, part, limit: limit + 1))
            return try Timeline(of: history, part, rows, limit: limit)
        }
    }

    private static func row(
        _ id: Int64, of wishlist: Wishlist, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> MySQLRow? {
        try connection.query(
            """
            SELECT \(HistoryTable.columns), h.result FROM wishlist_dataset_histories h \
            WHERE h.id = \(id) AND h.wishlist_to_group_id = \(wishlist.id)\
            \(try connection.notDeleted(HistoryTable.name, alias: "h."))
            """
        ).first
    }

    /// A part of a list, with the names of the users who made them.
    package struct Listed: Sendable {
        package var page: HistoryList.Page
        package var names: [Int64: String]
    }

    /// The part of a list that begins at a cursor.
    package func page(of list: HistoryList, at cursor: HistoryCursor?) async throws -> Listed {
        try await pool.withConnection { connection in
            let page = try list.page(at: .cursor(cursor), on: connection)
            return Listed(page: page, names: try Self.names(page.items, on: connection))
        }
    }

    /// The part of a list that begins after so many, and how many there are in all.
    package func page(of list: HistoryList, from offset: Int) async throws -> (total: Int, Listed) {
        try await pool.withConnection { connection in
            let total = try list.total(on: connection)
            let page =
                offset < total
                ? try list.page(at: .offset(offset), on: connection) : HistoryList.Page(items: [], hasMore: false)
            return (total, Listed(page: page, names: try Self.names(page.items, on: connection)))
        }
    }

    private static func names(
        _ items: [HistoryList.Item], on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [Int64: String] {
        try Wishlists.names(ofUsers: Set(items.compactMap(\.history.createdBy)), on: connection)
    }
}
