import Datasets
import Store
import Time
import HTTPServer
import JSON
import MySQL

/// `GET /api/v1/wishlist-to-group`: the wishlists of the caller's groups by name, each with its latest dataset.
struct WishlistsEndpoint: Sendable {
    private static let path = "/api/v1/wishlist-to-group"

    let pool: MySQLPool
    let publicURL: String

    func add(to router: inout Router) {
        router.on("GET", Self.path, needs: .read, list)
    }

    private func list(_ request: APIRequest, _ caller: Caller) async throws -> HTTPResponse {
        var reader = try QueryReader(request.http)
        let slug = reader.text("slug")
        let perPage = Int(reader.integer("per_page", in: 1...100) ?? 15)
        let page = Int(reader.integer("page", in: 1...1_000_000_000) ?? 1)
        let otherParameters = reader.queryString(without: "page")
        try reader.finish()
        let list = WishlistList(user: caller.userID, slug: slug)
        let (total, items) = try await pool.withConnection { connection in
            let total = try list.total(on: connection)
            let offset = (page - 1) * perPage
            return (total, offset < total ? try list.items(from: offset, limit: perPage, on: connection) : [])
        }
        let pagination = Pagination(
            path: request.url(publicURL: publicURL), otherParameters: otherParameters, perPage: perPage)
        let body = pagination.numbered(page: page, count: items.count, total: total, data: Self.resources(items))
        return HTTPResponse.json(200, body).conditional(on: request.http)
    }

    private static func resources(_ items: [WishlistList.Item]) -> [UInt8] {
        var json = JSONWriter()
        json.array { json in for item in items { item.resource(into: &json) } }
        return json.bytes
    }
}

/// The wishlists that a user may see.
struct WishlistList: Sendable {
    struct Item: Sendable {
        var wishlist: Wishlist
        var latest: DatasetHistory?
    }

    private let condition: SQL

    /// - Parameter slug: of the only wishlist that is wanted.
    init(user: Int64, slug: String?) {
        let mine: SQL = """
            FROM group_user m JOIN `groups` g ON g.id = m.group_id \
            JOIN wishlist_to_groups w ON w.group_id = m.group_id WHERE m.user_id = \(user) AND w.deleted_at IS NULL
            """
        if let slug {
            condition = "\(mine) AND w.slug = \(slug) AND BINARY w.slug = BINARY \(slug)"
        } else {
            condition = mine
        }
    }

    /// How many there are in all.
    func total(on connection: isolated MySQLConnection) throws(MySQLError) -> Int {
        Int(try connection.query("SELECT COUNT(*) \(condition)").first?.int64(0) ?? 0)
    }

    /// A part of the list, by name.
    func items(from offset: Int, limit: Int, on connection: isolated MySQLConnection) throws(MySQLError) -> [Item] {
        let rows = try connection.query(
            """
            SELECT \(Wishlists.columns), (SELECT MAX(h.id) FROM wishlist_dataset_histories h \
            WHERE h.wishlist_to_group_id = w.id) AS latest \(condition) ORDER BY w.name, w.id \
            LIMIT \(limit) OFFSET \(offset)
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
            return Item(wishlist: wishlist, latest: latest[wishlist.id])
        }
    }
}

extension WishlistList.Item {
    /// The wishlist as clients see it; its latest dataset is without the result, which may be large.
    func resource(into json: inout JSONWriter) {
        json.object { json in
            json.field("id", wishlist.id)
            json.field("slug", wishlist.slug)
            json.field("name", wishlist.name)
            json.field("group_id", wishlist.groupID)
            json.field("role", wishlist.role.rawValue)
            json.field("status", wishlist.status)
            json.field("training_status", wishlist.training.rawValue)
            json.field("training_status_label", wishlist.training.label)
            json.field("training_scheduled_at", wishlist.trainingScheduledAt?.iso8601)
            json.key("latest_dataset")
            if let latest { latest.resource(into: &json) } else { json.null() }
        }
    }
}
