import Datasets
import HTTPServer
import JSON
import Store

/// Reading a wishlist's histories (spec, section 2, Case 2).
struct HistoryEndpoints: Sendable {
    /// Changes in one answer, if the client does not say, and at most.
    private static let (defaultEvents, mostEvents): (Int64, Int64) = (100, 500)

    let histories: Histories
    let wishlists: Wishlists
    let publicURL: String

    func add(to router: inout Router) {
        let path = "\(DatasetEndpoints.wishlist)/histories"
        router.on("GET", path, needs: .read, list)
        router.on("GET", "\(path)/{id}", needs: .read, show)
        router.on("GET", "\(path)/{id}/events", needs: .read, events)
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
            let (total, found) = try await histories.page(of: list, from: (page - 1) * wanted.query.perPage)
            body = pagination.numbered(
                page: page, count: found.page.items.count, total: total, data: resources(found, at: pagination.path))
        } else {
            let cursor = wanted.cursor
            let found = try await histories.page(of: list, at: cursor)
            let (previous, next) = Self.cursors(around: found.page, from: cursor)
            body = pagination.cursors(
                previous: previous?.text(sort: wanted.query.sort), next: next?.text(sort: wanted.query.sort),
                data: resources(found, at: pagination.path))
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

    /// - Parameter url: of the list.
    private func resources(_ found: Histories.Listed, at url: String) -> [UInt8] {
        var json = JSONWriter()
        json.array { json in
            for item in found.page.items {
                item.history.resource(result: item.result, into: &json) { json in
                    json.field("created_by_name", item.history.createdBy.flatMap { found.names[$0] })
                    if item.isResultLeftOut { json.field("result_url", "\(url)/\(item.history.id)") }
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
        guard let found = try await histories.find(id, of: wishlist) else { throw APIError.notFound }
        var json = JSONWriter()
        found.history.resource(result: found.result, into: &json) { $0.field("created_by_name", found.createdByName) }
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
        guard let timeline = try await histories.timeline(of: id, of: wishlist, part, limit: limit) else {
            throw APIError.notFound
        }
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
}
