import Datasets
import Store
import HTTPServer
import JSON
import MySQL

/// Reading a wishlist's histories (spec, section 2, Case 2).
struct HistoryEndpoints: Sendable {
    /// Changes in one answer, if the client does not say, and at most.
    private static let (defaultEvents, mostEvents): (Int64, Int64) = (100, 500)

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
            path: publicURL + request.http.path, otherParameters: wanted.otherParameters,
            perPage: wanted.query.perPage)
        let body: [UInt8]
        if let page = wanted.page {
            let offset = (page - 1) * wanted.query.perPage
            let (total, items, names) = try await pool.withConnection { connection in
                let total = try list.total(on: connection)
                let items = offset < total ? try list.page(at: .offset(offset), on: connection).items : []
                return (total, items, try Self.names(items, on: connection))
            }
            body = pagination.numbered(
                page: page, count: items.count, total: total, data: Self.resources(items, names))
        } else {
            let cursor = wanted.cursor
            let (page, names) = try await pool.withConnection { connection in
                let page = try list.page(at: .cursor(cursor), on: connection)
                return (page, try Self.names(page.items, on: connection))
            }
            let (previous, next) = Self.cursors(around: page, from: cursor)
            body = pagination.cursors(
                previous: previous?.text(sort: wanted.query.sort), next: next?.text(sort: wanted.query.sort),
                data: Self.resources(page.items, names))
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

    private static func names(
        _ items: [HistoryList.Item], on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [Int64: String] {
        try Wishlists.names(ofUsers: Set(items.compactMap(\.history.createdBy)), on: connection)
    }

    /// - Parameter names: of the users who made them.
    private static func resources(_ items: [HistoryList.Item], _ names: [Int64: String]) -> [UInt8] {
        var json = JSONWriter()
        json.array { json in
            for item in items {
                item.history.resource(result: item.result, into: &json) { json in
                    json.field("created_by_name", item.history.createdBy.flatMap { names[$0] })
                }
            }
        }
        return json.bytes
    }

    private func show(_ request: APIRequest, _ caller: Caller) async throws -> HTTPResponse {
        let wishlist = try await wishlists.open(request, caller)
        var reader = try QueryReader(request.http)
        try reader.finish()
        let id = try Self.id(request)
        let found = try await pool.withConnection { connection -> ([UInt8]?, DatasetHistory, String?)? in
            guard let row = try Self.row(id, of: wishlist, on: connection) else { return nil }
            let history = try HistoryTable.history(from: row)
            let names = try Wishlists.names(ofUsers: Set([history.createdBy].compactMap(\.self)), on: connection)
            return (try row.optionalBytes("result"), history, history.createdBy.flatMap { names[$0] })
        }
        guard let (result, history, name) = found else { throw APIError.notFound }
        var json = JSONWriter()
        history.resource(result: result, into: &json) { $0.field("created_by_name", name) }
        return HTTPResponse.resource(200, json.bytes).conditional(on: request.http)
    }

    private func events(_ request: APIRequest, _ caller: Caller) async throws -> HTTPResponse {
        let wishlist = try await wishlists.open(request, caller)
        var reader = try QueryReader(request.http)
        let part = Self.part(&reader)
        let limit = Int(reader.integer("per_page", in: 1...Self.mostEvents) ?? Self.defaultEvents)
        let otherParameters = reader.queryString(without: ["after", "before"])
        try reader.finish()
        let id = try Self.id(request)
        let timeline = try await pool.withConnection { connection -> Timeline? in
            // Nothing is looked up in the log for a history of somebody else's.
            guard let row = try Self.row(id, of: wishlist, on: connection) else { return nil }
            let history = try HistoryTable.history(from: row)
            let rows = try connection.query(EventLog.timeline(of: id, part, limit: limit + 1))
            return try Timeline(of: history, part, rows, limit: limit)
        }
        guard let timeline else { throw APIError.notFound }
        let url = publicURL + request.http.path
        let body = timeline.json(perPage: limit) { part in
            switch part {
            case .after(let revision): "\(url)?\(otherParameters)after=\(revision)"
            case .before(let revision): "\(url)?\(otherParameters)before=\(revision)"
            }
        }
        return HTTPResponse.json(200, body).conditional(on: request.http)
    }

    /// Which part of a timeline is wanted; an empty `before` is the newest end.
    private static func part(_ reader: inout QueryReader) -> Timeline.Part {
        guard let before = reader.text("before") else { return .after(reader.integer("after", in: 0 ... .max) ?? 0) }
        if reader.text("after") != nil {
            reader.fault("after", "The parameter after cannot be combined with before.")
        }
        return .before(before.isEmpty ? .max : reader.integer("before", in: 1 ... .max) ?? .max)
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
