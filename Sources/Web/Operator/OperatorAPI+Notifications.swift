import HTTPServer
import JSON
import Operations
import Store

/// What Pusher has not got.
extension OperatorAPI {
    func addNotifications(to router: inout Router) {
        read("/owed", &router) { request, _ in
            var query = try QueryReader(request.http)
            let history = query.integer("history", in: 1 ... .max)
            try query.finish()
            return Self.listing(Listing(table: try await tools.desk.owing(history: history, limit: 50)))
        }
        read("/dead-letters", &router) { request, _ in
            var query = try QueryReader(request.http)
            let selection = query.integer("history", in: 1 ... .max).map { DeadLetters.Selection.history($0) } ?? .all
            let (after, limit) = (query.page ?? 0, query.limit)
            try query.finish()
            return Self.listing(try await tools.desk.deadLetters(selection, after: after, limit: Int64(limit)))
        }
        act("/dead-letters/retry", &router) { body, holder in
            let (table, found, sent) = try await tools.retry.run(try Self.selection(body), by: holder.name)
            return Self.object { json in
                json.field("found", found)
                json.field("count", sent)
                json.key("data")
                table.write(to: &json)
            }
        }
        act("/dead-letters/drop", &router) { body, holder in
            let dropped = try await tools.desk.dropDeadLetters(try Self.selection(body), by: holder.name)
            return Self.object { $0.field("count", dropped) }
        }
    }

    /// `{"ids": [...]}`, `{"history": ID}` or `{"all": true}`.
    private static func selection(_ body: JSONView?) throws(APIError) -> DeadLetters.Selection {
        let ids = body?["ids"]?.elements.compactMap(\.int) ?? []
        switch (body?["all"]?.bool ?? false, body?["history"]?.int, ids.isEmpty) {
        case (true, nil, true): return .all
        case (false, let history?, true): return .history(history)
        case (false, nil, false): return .events(ids)
        default: throw .invalid(400, "invalid_parameters", [("ids", ["Either ids, history or all are needed."])])
        }
    }
}
