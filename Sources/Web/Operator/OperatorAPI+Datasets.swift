import Datasets
import HTTPServer
import JSON
import Operations
import Store

/// The datasets of all customers.
extension OperatorAPI {
    func addDatasets(to router: inout Router) {
        read("/datasets", &router) { request, _ in
            var query = try QueryReader(request.http)
            var filter = DatasetFilter()
            filter.dataset = query.integer("dataset", in: 1 ... .max)
            filter.history = query.integer("history", in: 1 ... .max)
            filter.reference = query.named("reference")?.lowercased()
            filter.slug = query.named("slug")
            filter.wishlist = query.integer("wishlist", in: 1 ... .max)
            filter.group = query.integer("group", in: 1 ... .max)
            filter.statuses = query.choices("status") { HistoryStatus(text: $0) }
            filter.isLate = query.named("late") == "true"
            let (before, limit) = (query.page, query.limit)
            try query.finish()
            return Self.listing(try await tools.desk.datasets(filter, before: before, limit: limit))
        }
        read("/datasets/{history}", &router) { request, _ in
            var filter = DatasetFilter()
            filter.history = request.parameters["history"].flatMap { Int64($0) }
            guard let history = filter.history, let details = try await tools.desk.dataset(filter) else {
                throw APIError.notFound
            }
            let letters = try await tools.desk.deadLetters(.history(history), limit: 50)
            return Self.object { json in
                details.write(to: &json)
                json.key("dead_letters")
                letters.table.write(to: &json)
            }
        }
    }
}
