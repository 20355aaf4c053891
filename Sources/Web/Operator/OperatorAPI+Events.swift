import Datasets
import HTTPServer
import JSON
import Operations
import Store
import Time

/// The log, and what is done with webhooks that changed nothing.
extension OperatorAPI {
    func addEvents(to router: inout Router) {
        read("/events", &router) { request, _ in
            var query = try QueryReader(request.http)
            let filter = query.logFilter
            let (before, limit) = (query.page, query.limit)
            try query.finish()
            return Self.listing(try await tools.desk.events(filter, before: before, limit: limit))
        }
        read("/events/{which}", &router) { request, _ in
            guard let (details, body) = try await tools.desk.event(request.parameters["which"] ?? "") else {
                throw APIError.notFound
            }
            return Self.object { json in
                details.write(to: &json)
                json.field("body", String(decoding: body, as: UTF8.self))
            }
        }
        read("/refused", &router) { request, _ in
            var query = try QueryReader(request.http)
            let (before, limit) = (query.page, query.limit)
            try query.finish()
            return Self.listing(try await tools.desk.refused(before: before, limit: limit))
        }
        act("/events/replay", &router) { body, holder in
            let meant = try EventSelection(body)
            let ids = try await meant.ids.isEmpty ? tools.desk.unapplied(meant.filter) : meant.ids
            let table =
                try await meant.isDry
                ? Replay.dryRun(ids, desk: tools.desk)
                : tools.replay.run(ids, meant.target, by: holder.name)
            return Self.result(table, found: ids.count, isDry: meant.isDry)
        }
        act("/events/drop", &router) { body, holder in
            let meant = try EventSelection(body)
            var ids = try await meant.ids.isEmpty ? tools.desk.droppable(meant.filter) : meant.ids
            if meant.isDry {
                ids = try await tools.desk.droppable(ids)
                return Self.object { json in
                    json.field("dry_run", true)
                    json.field("count", ids.count)
                }
            }
            let dropped = try await tools.desk.dropEvents(ids, meant.target, by: holder.name)
            return Self.object { $0.field("count", dropped) }
        }
    }

    static func result(_ table: Table, found: Int, isDry: Bool) -> HTTPResponse {
        object { json in
            json.field("dry_run", isDry)
            json.field("found", found)
            json.field("count", table.count)
            json.key("data")
            table.write(to: &json)
        }
    }

    /// `{"ids": [...]}` or `{"filter": {...}}`, and `"dry_run"`.
    private struct EventSelection {
        var ids: [Int64] = []
        var filter = LogFilter()
        var isDry: Bool
        var target: String { ids.isEmpty ? filter.text : ids.map(String.init).joined(separator: " ") }

        init(_ body: JSONView?) throws(APIError) {
            isDry = body?["dry_run"]?.bool ?? false
            ids = body?["ids"]?.elements.compactMap(\.int) ?? []
            var query = QueryReader(
                items: body?["filter"]?.members.compactMap { member in
                    (member.value.string ?? member.value.int.map(String.init)).map { (member.name, $0) }
                } ?? [])
            filter = query.logFilter
            try query.finish()
            if ids.isEmpty == filter.isEmpty {
                throw .invalid(400, "invalid_parameters", [("ids", ["Either ids or a filter are needed."])])
            }
        }
    }
}

extension QueryReader {
    /// The filter of the log; as the command line's options.
    var logFilter: LogFilter {
        mutating get {
            var filter = LogFilter()
            filter.dataset = integer("dataset", in: 1 ... .max)
            filter.history = integer("history", in: 1 ... .max)
            filter.reference = named("reference")?.lowercased()
            filter.slug = named("slug")
            filter.key = named("key")
            filter.type = named("type")
            filter.since = time("since")
            filter.until = time("until", endOfDay: true)
            filter.outcomes = choices("outcome") { text in EventOutcome.allCases.first { $0.label == text } }
            return filter
        }
    }

    /// A text; empty is as good as absent.
    mutating func named(_ name: String) -> String? {
        text(name).flatMap { $0.isEmpty ? nil : $0 }
    }

    mutating func choices<Choice>(_ name: String, _ choice: (String) -> Choice?) -> [Choice] {
        var chosen: [Choice] = []
        for text in list(name) ?? [] where !text.isEmpty {
            if let value = choice(text) { chosen.append(value) } else { fault(name, "The \(name) is not known.") }
        }
        return chosen
    }
}
