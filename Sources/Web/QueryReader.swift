import HTTPServer
import Text
import Time

/// Reads the parameters of a query as PHP does (`status[]=1&status[]=2` is a list, of a repeated name the last counts) and
/// gathers what is wrong with them; parameters that nobody asked for are wrong too.
struct QueryReader {
    /// As the caller sent them; the names of a list without their brackets.
    private let items: [(name: String, value: String)]
    private var known: Set<String> = []
    private var lists: Set<String> = []
    private(set) var errors: [(field: String, reasons: [String])] = []

    /// Throws `APIError` 400 if the query is not rightly encoded.
    init(_ request: HTTPRequest) throws(APIError) {
        guard let items = request.queryItems else {
            throw APIError(400, "bad_request", "The query is not rightly encoded.")
        }
        self.items = items
    }

    /// Parameters that came in another way.
    init(items: [(name: String, value: String)]) {
        self.items = items
    }

    mutating func fault(_ name: String, _ reason: String) {
        errors.append((name, [reason]))
    }

    /// The value of a parameter; nil if it is absent.
    mutating func text(_ name: String) -> String? {
        known.insert(name)
        return items.last { $0.name == name }?.value
    }

    /// A whole number; anything else, or one out of bounds, is a fault.
    mutating func integer(_ name: String, in range: ClosedRange<Int64>) -> Int64? {
        guard let text = text(name) else { return nil }
        let digits = text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        if digits, let number = Int64(text), range.contains(number) { return number }
        let limit =
            range.upperBound == .max
            ? "at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
        fault(name, "The \(Self.words(name)) must be an integer \(limit).")
        return nil
    }

    /// A time in ISO 8601, or a day.
    /// - Parameter endOfDay: a day means its last microsecond, not its first.
    mutating func time(_ name: String, endOfDay: Bool = false) -> Timestamp? {
        guard let text = text(name) else { return nil }
        if let time = ISO8601.parse(text) { return time }
        if text.utf8.count == 10, let day = ISO8601.parse(text + "T00:00:00Z") {
            return endOfDay ? day.adding(microseconds: 86_400_000_000 - 1) : day
        }
        fault(name, "The \(Self.words(name)) must be a time in ISO 8601, such as 2026-11-23T16:00:00Z, or a day.")
        return nil
    }

    /// A name as people say it, as in Laravel's messages.
    private static func words(_ name: String) -> String { name.replacing("_", with: " ") }

    /// The values of a list: `name=a,b`, `name[]=a&name[]=b`, `name[0]=a`, `name=a&name=b`; nil if it is absent.
    mutating func list(_ name: String) -> [String]? {
        lists.insert(name)
        known.formUnion(items.lazy.map(\.name).filter { $0 == name || Self.index($0, of: name) != nil })
        let values = Self.numbered(items).filter { $0.name == name || Self.index($0.name, of: name) != nil }
        if values.isEmpty { return nil }
        return values.flatMap { item in
            item.value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
    }

    /// What stands in the brackets of `name[0]`, digits or nothing; nil if it is anything else.
    private static func index(_ candidate: String, of name: String? = nil) -> Substring? {
        guard candidate.hasSuffix("]"), let bracket = candidate.firstIndex(of: "["),
            name.map({ candidate[..<bracket] == $0 }) ?? true
        else { return nil }
        let index = candidate[candidate.index(after: bracket)...].dropLast()
        return index.utf8.allSatisfy { (0x30...0x39).contains($0) } ? index : nil
    }

    /// The same items as PHP numbers them: `name[]` takes the number after the highest, and an element that comes again
    /// takes the place of the first.
    private static func numbered(_ items: [(name: String, value: String)]) -> [(name: String, value: String)] {
        var next: [Substring: Int] = [:]
        var places: [String: Int] = [:]
        var numbered: [(name: String, value: String)] = []
        for item in items {
            guard let index = index(item.name) else {
                numbered.append(item)
                continue
            }
            let list = item.name.prefix { $0 != "[" }
            let number = index.isEmpty ? next[list, default: 0] : Int(index)
            if let number, number < .max { next[list] = max(next[list, default: 0], number + 1) }
            let name = number.map { "\(list)[\($0)]" } ?? item.name
            if let place = places[name] {
                numbered[place].value = item.value
            } else {
                places[name] = numbered.count
                numbered.append((name, item.value))
            }
        }
        return numbered
    }

    /// Throws `APIError` 400 if anything was wrong, or not asked for.
    mutating func finish() throws(APIError) {
        for name in items.map(\.name) where known.insert(name).inserted {
            errors.append((name, ["The parameter \(name) is not known."]))
        }
        if !errors.isEmpty { throw .invalid(400, "invalid_parameters", errors) }
    }

    /// The query as it goes into links: all but these, written anew as PHP's `http_build_query` does (RFC 3986).
    func queryString(without names: Set<String>) -> String {
        let items = Self.numbered(items)
        let last = Dictionary(items.enumerated().map { ($1.name, $0) }) { _, later in later }
        let counts = Dictionary(items.map { ($0.name, 1) }, uniquingKeysWith: +)
        var indices: [String: Int] = [:]
        var text = ""
        for (place, item) in items.enumerated() where !names.contains(item.name) {
            var key = item.name
            if lists.contains(key), counts[key] ?? 0 > 1 {
                indices[key, default: -1] += 1
                key += "[\(indices[key] ?? 0)]"
            } else if last[key] != place {
                continue
            }
            text += "\(PercentCoding.encode(key))=\(PercentCoding.encode(item.value))&"
        }
        return text
    }
}
