import Datasets
import Store
import HTTPServer
import JSON
import MySQL

/// Reading a wishlist's histories (spec, section 2, Case 2).
struct HistoryEndpoints: Sendable {
    /// Changes in one answer, if the client does not say.
    private static let defaultEvents: Int64 = 100

    let pool: MySQLPool
    let wishlists: Wishlists
    let publicURL: String

    func add(to router: inout Router) {
        let histories = "\(DatasetEndpoints.wishlist)/histories"
        router.on("GET", histories, needs: .read, list)
        router.on("GET", "\(histories)/{id}", needs: .read, show)
        router.on("GET", "\(histories)/{id}/events", needs: .read, events)
    }

    private func list(_ request: APIRequest, _ caller: Caller) async throws -> HTTPResponse {
        let wishlist = try await wishlists.open(request, caller)
        let wanted = try HistoriesRequest(request.http)
        let list = HistoryList(of: wishlist.id, wanted.query)
        let pagination = Pagination(
            path: request.url(publicURL: publicURL), otherParameters: wanted.otherParameters,
            perPage: wanted.query.perPage)
        let body: [UInt8]
        if let page = wanted.page {
            let offset = (page - 1) * wanted.query.perPage
            let (total, items) = try await pool.withConnection { connection in
                let total = try list.total(on: connection)
                return (total, offset < total ? try list.page(at: .offset(offset), on: connection).items : [])
            }
            body = pagination.numbered(page: page, count: items.count, total: total, data: Self.resources(items))
        } else {
            let cursor = wanted.cursor
            let page = try await pool.withConnection { try list.page(at: .cursor(cursor), on: $0) }
            let (previous, next) = Self.cursors(around: page, from: cursor)
            body = pagination.cursors(
                previous: previous?.text(sort: wanted.query.sort), next: next?.text(sort: wanted.query.sort),
                data: Self.resources(page.items))
        }
        return HTTPResponse.json(200, body).conditional(on: request.http)
    }

    /// The cursors to the pages before and after one.
    private static func cursors(
        around page: HistoryList.Page, from cursor: HistoryCursor?
    ) -> (previous: HistoryCursor?, next: HistoryCursor?) {
        guard let first = page.items.first, let last = page.items.last else { return (nil, nil) }
        let pointsBack = cursor?.pointsToNext == false
        let isStart = cursor == nil || (pointsBack && !page.hasMore)
        let isEnd = !pointsBack && !page.hasMore
        return (
            isStart ? nil : HistoryCursor(position: first.position, pointsToNext: false),
            isEnd ? nil : HistoryCursor(position: last.position, pointsToNext: true)
        )
    }

    private static func resources(_ items: [HistoryList.Item]) -> [UInt8] {
        var json = JSONWriter()
        json.array { json in
            for item in items { item.history.resource(result: item.result, into: &json) }
        }
        return json.bytes
    }

    private func show(_ request: APIRequest, _ caller: Caller) async throws -> HTTPResponse {
        let wishlist = try await wishlists.open(request, caller)
        var reader = try QueryReader(request.http)
        try reader.finish()
        let id = try Self.id(request)
        guard let row = try await pool.withConnection({ try Self.row(id, of: wishlist, on: $0) }) else {
            throw APIError.notFound
        }
        let resource = try HistoryTable.history(from: row).resource(result: row.optionalBytes("result"))
        return HTTPResponse.resource(200, resource).conditional(on: request.http)
    }

    private func events(_ request: APIRequest, _ caller: Caller) async throws -> HTTPResponse {
        let wishlist = try await wishlists.open(request, caller)
        var reader = try QueryReader(request.http)
        let after = reader.integer("after", in: 0 ... .max) ?? 0
        let limit = Int(reader.integer("per_page", in: 1...100) ?? Self.defaultEvents)
        let otherParameters = reader.queryString(without: "after")
        try reader.finish()
        let id = try Self.id(request)
        let timeline = try await pool.withConnection { connection -> Timeline? in
            // The events first: those that come meanwhile are counted in `revision`, and so are not missed.
            let rows = try connection.query(EventLog.timeline(of: id, after: after, limit: limit + 1))
            guard let row = try Self.row(id, of: wishlist, on: connection) else { return nil }
            return try Timeline(of: HistoryTable.history(from: row), rows, limit: limit)
        }
        guard let timeline else { throw APIError.notFound }
        let url = request.url(publicURL: publicURL)
        let body = timeline.json(after: after, perPage: limit) { "\(url)?\(otherParameters)after=\($0)" }
        return HTTPResponse.json(200, body).conditional(on: request.http)
    }

    private static func id(_ request: APIRequest) throws(APIError) -> Int64 {
        guard let text = request.parameters["id"], text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let id = Int64(text)
        else { throw .notFound }
        return id
    }

    private static func row(
        _ id: Int64, of wishlist: Wishlist, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> MySQLRow? {
        try connection.query(
            """
            SELECT \(HistoryTable.columns), h.result FROM wishlist_dataset_histories h \
            WHERE h.id = \(id) AND h.wishlist_to_group_id = \(wishlist.id)
            """
        ).first
    }
}
