package import Datasets
import MySQL

/// The wishlists that a user may see.
package struct WishlistList: Sendable {
    /// Which of them are wanted.
    package struct Filter: Sendable {
        /// What the latest dataset must be like.
        package enum Dataset: Sendable {
            /// There must be none.
            case missing
            case status(HistoryStatus)
        }

        package var slug: String?
        /// A part of the wishlist's or the group's name.
        package var search: String?
        package var status: Int64?
        package var dataset: Dataset?

        package init() {}
    }

    package struct Item: Sendable {
        package var wishlist: Wishlist
        package var groupName: String?
        package var isSubscribed: Bool
        /// Kinds of contents of which there is none.
        package var missing: [String]
        /// The history that keeps another from being made.
        package var activeID: Int64?
        package var latest: DatasetHistory?
    }

    private let user: Int64
    private let filter: Filter

    private static func latest(on connection: isolated MySQLConnection) throws(MySQLError) -> SQL {
        """
        (SELECT MAX(h.id) FROM wishlist_dataset_histories h WHERE h.wishlist_to_group_id = w.id\
        \(try connection.notDeleted(HistoryTable.name, alias: "h.")))
        """
    }

    package init(user: Int64, _ filter: Filter = Filter()) {
        self.user = user
        self.filter = filter
    }

    private func condition(on connection: isolated MySQLConnection) throws(MySQLError) -> SQL {
        var condition: SQL = """
            FROM group_user m JOIN `groups` g ON g.id = m.group_id \
            JOIN wishlist_to_groups w ON w.group_id = m.group_id WHERE m.user_id = \(user) AND w.deleted_at IS NULL\
            \(try Wishlists.membersOnly(on: connection))
            """
        if let slug = filter.slug {
            let isMeant = try connection.equality(of: "slug", in: "wishlist_to_groups", alias: "w.", to: slug)
            condition = "\(condition) AND \(isMeant)"
        }
        if let search = filter.search, !search.isEmpty {
            // Whatever the columns' character sets are.
            condition = """
                \(condition) AND LOCATE(\(search), CONCAT_WS(' ', CONVERT(w.name USING utf8mb4), \
                CONVERT(g.name USING utf8mb4)) COLLATE utf8mb4_unicode_ci) > 0
                """
        }
        if let status = filter.status { condition = "\(condition) AND w.status = \(status)" }
        switch filter.dataset {
        case .missing: condition = "\(condition) AND \(try Self.latest(on: connection)) IS NULL"
        case .status(let status):
            condition = """
                \(condition) AND (SELECT l.status FROM wishlist_dataset_histories l WHERE l.id = \(try Self.latest(on: connection))) \
                = \(status.rawValue)
                """
        case nil: break
        }
        return condition
    }

    /// How many there are in all.
    func total(on connection: isolated MySQLConnection) throws(MySQLError) -> Int {
        Int(try connection.query("SELECT COUNT(*) \(condition(on: connection))").first?.int64(0) ?? 0)
    }

    /// A part of the list, by name.
    func items(from offset: Int, limit: Int, on connection: isolated MySQLConnection) throws(MySQLError)
        -> [Item]
    {
        let rows = try connection.query(
            """
            SELECT \(Wishlists.columns), g.name AS group_name, \
            EXISTS (SELECT 1 FROM subscriptions s WHERE s.group_id = w.group_id AND \(Wishlists.isValid(on: connection))) AS subscribed, \
            EXISTS (SELECT 1 FROM wishlist_products p WHERE p.wishlist_to_group_id = w.id\
            \(try connection.notDeleted("wishlist_products", alias: "p."))) AS products, \
            EXISTS (SELECT 1 FROM wishlist_categories c WHERE c.wishlist_to_group_id = w.id\
            \(try connection.notDeleted("wishlist_categories", alias: "c."))) AS categories, \
            EXISTS (SELECT 1 FROM wishlist_search_queries q WHERE q.wishlist_to_group_id = w.id\
            \(try connection.notDeleted("wishlist_search_queries", alias: "q."))) AS queries, \
            (SELECT a.id FROM wishlist_dataset_histories a WHERE a.active_wishlist_id = w.id) AS active, \
            \(try Self.latest(on: connection)) AS latest \(try condition(on: connection)) ORDER BY w.name, w.id LIMIT \(limit) OFFSET \(offset)
            """)
        let latestIDs = try rows.map { row throws(MySQLError) in try row.optionalInt64("latest") }.compactMap(\.self)
        var latest: [Int64: DatasetHistory] = [:]
        if !latestIDs.isEmpty {
            let sql: SQL = """
                SELECT \(HistoryTable.columns) FROM wishlist_dataset_histories h WHERE h.id IN \(list: latestIDs)
                """
            for row in try connection.query(sql) {
                let history = try HistoryTable.history(from: row)
                latest[history.wishlistID] = history
            }
        }
        return try rows.map { row throws(MySQLError) in
            let wishlist = try Wishlists.wishlist(from: row)
            var missing: [String] = []
            for kind in ["products", "categories", "queries"] where try !row.bool(.init(stringLiteral: kind)) {
                missing.append(kind)
            }
            return Item(
                wishlist: wishlist, groupName: try row.text("group_name"),
                isSubscribed: try row.bool("subscribed"), missing: missing, activeID: try row.optionalInt64("active"),
                latest: latest[wishlist.id])
        }
    }
}

extension Wishlists {
    /// A part of a list by name, and how many there are in all.
    package func page(
        of list: WishlistList, from offset: Int, limit: Int
    ) async throws -> (total: Int, items: [WishlistList.Item]) {
        try await pool.withConnection { connection in
            let total = try list.total(on: connection)
            return (total, offset < total ? try list.items(from: offset, limit: limit, on: connection) : [])
        }
    }
}
