import Text
import Time
import HTTPServer

/// Reads the parameters of a query as PHP does (`status[]=1&status[]=2` is a list, of a repeated name the last counts) and
/// gathers what is wrong with them; parameters that nobody asked for are wrong too.
struct QueryReader {
    /// As the caller sent them; the names of a list without their brackets.
    private let items: [(name: String, value: String)]
    private var known: Set<String> = []
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

    /// The values of a list: `name=a,b`, `name[]=a&name[]=b`, `name=a&name=b`; nil if it is absent.
    mutating func list(_ name: String) -> [String]? {
        let values = items.filter { Self.isElement($0.name, of: name) }
        known.formUnion(values.map(\.name))
        if values.isEmpty { return nil }
        return values.flatMap { item in
            item.value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
    }

    /// `name`, `name[]`, `name[0]`.
    private static func isElement(_ candidate: String, of name: String) -> Bool {
        guard candidate.hasPrefix(name) else { return false }
        let rest = candidate.utf8.dropFirst(name.utf8.count)
        return rest.isEmpty
            || rest.first == UInt8(ascii: "[") && rest.last == UInt8(ascii: "]")
                && rest.dropFirst().dropLast().allSatisfy { (0x30...0x39).contains($0) }
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
        var indices: [String: Int] = [:]
        var text = ""
        for item in items where !names.contains(item.name) {
            var key = item.name
            if key.hasSuffix("[]") || items.count(where: { $0.name == key }) > 1 {
                let list = key.hasSuffix("[]") ? String(key.dropLast(2)) : key
                key = "\(list)[\(indices[list, default: 0])]"
                indices[list, default: 0] += 1
            }
            text += "\(PercentCoding.encode(key))=\(PercentCoding.encode(item.value))&"
        }
        return text
    }
}
