import Datasets
import HTTPServer
import JSON
import Signatures
import Store
import Time

/// A request for a list of histories, with what its links need to know.
struct HistoriesRequest {
    var query = HistoriesQuery()
    /// Nil: a cursor was given.
    var page: Int?
    var cursor: HistoryCursor?
    /// The query of the links, without the page; empty, or with a `&` at its end.
    var otherParameters = ""

    /// Reads the parameters of Case 2; throws `APIError` 400 that names each one at fault.
    init(_ request: HTTPRequest) throws(APIError) {
        var reader = try QueryReader(request)
        if let statuses = reader.list("status") {
            for text in statuses {
                guard let status = HistoryStatus(text: text) else {
                    let names = HistoryStatus.allCases.map(\.label).joined(separator: ", ")
                    reader.fault("status", "The status must be one or several of \(names), or their numbers.")
                    break
                }
                query.statuses.insert(status)
            }
        }
        query.datasetID = reader.integer("dataset_id", in: 1 ... .max)
        query.createdFrom = reader.time("created_from")
        query.createdTo = reader.time("created_to", endOfDay: true)
        if let text = reader.text("sort") {
            query.isDescending = text.hasPrefix("-")
            if let sort = HistoriesQuery.Sort(rawValue: String(text.dropFirst(query.isDescending ? 1 : 0))) {
                query.sort = sort
            } else {
                let names = HistoriesQuery.Sort.allCases.map(\.rawValue).joined(separator: ", ")
                reader.fault("sort", "The sort must be one of \(names); a leading - is descending.")
            }
        }
        query.perPage = Int(reader.integer("per_page", in: 1...100) ?? 15)
        let number = reader.integer("page", in: 1...1_000_000_000)
        if let text = reader.text("cursor") {
            cursor = HistoryCursor(text: text, sort: query.sort)
            if cursor == nil && !text.isEmpty { reader.fault("cursor", "The cursor is not one of this list.") }
            if reader.text("page") != nil { reader.fault("page", "The page cannot be combined with a cursor.") }
            otherParameters = reader.queryString(without: ["cursor"])
        } else {
            page = Int(number ?? 1)
            otherParameters = reader.queryString(without: ["page"])
        }
        try reader.finish()
    }
}

extension HistoryCursor {
    /// Reads what `text(sort:)` wrote; nil if it is anything else, or of a list that is sorted otherwise.
    init?(text: String, sort: HistoriesQuery.Sort) {
        var base64 = text.replacing("-", with: "+").replacing("_", with: "/")
        guard text.utf8.count <= 500, !text.utf8.contains(UInt8(ascii: "=")) else { return nil }
        base64 += String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
        guard let bytes = Digest.bytes(base64: base64), let root = (try? JSONDocument(parsing: bytes))?.root,
            let id = root["id"]?.int, id > 0, let pointsToNext = root["_pointsToNextItems"]?.bool,
            root.members.count == (sort == .id ? 2 : 3)
        else { return nil }
        let key: HistoryPosition.Key
        switch sort {
        case .id: key = .id
        case .status:
            guard let status = root["status"]?.int, let status = Int32(exactly: status) else { return nil }
            key = .status(Int64(status))
        case .createdAt, .updatedAt:
            guard let value = root[sort.rawValue] else { return nil }
            let time = value.string.flatMap { Timestamp(sql: $0.utf8) }
            guard value.kind == .null || time.map({ (.earliestInTable ... .latestInTable).contains($0) }) == true
            else { return nil }
            key = .time(time)
        }
        self.init(position: HistoryPosition(key: key, id: id), pointsToNext: pointsToNext)
    }

    /// As Laravel writes it: URL-safe base64 without padding of a JSON object with the sorted columns.
    func text(sort: HistoriesQuery.Sort) -> String {
        var json = JSONWriter()
        json.object { json in
            switch position.key {
            case .id: break
            case .status(let status): json.field(sort.rawValue, status)
            case .time(let time): json.field(sort.rawValue, time?.sqlText)
            }
            json.field("id", position.id)
            json.field("_pointsToNextItems", pointsToNext)
        }
        let base64 = Digest.base64(json.bytes).replacing("+", with: "-").replacing("/", with: "_")
        return String(base64.prefix { $0 != "=" })
    }
}
