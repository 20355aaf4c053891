/// How a request says its body ends (RFC 9112, section 6). What could be read in two ways, and so be used to smuggle a
/// request past a proxy, is ambiguous; libmicrohttpd itself would choose one.
enum BodyFraming: Equatable {
    case none
    case length(UInt64)
    case chunked
    case ambiguous
    case unknownCoding

    init(headers: HTTPHeaders, isVersion10: Bool) {
        let lengths = headers.count(of: "Content-Length")
        let codings = headers.count(of: "Transfer-Encoding")
        switch (lengths, codings) {
        case (0, 0):
            self = .none
        case (1, 0):
            self = Self.length(headers["Content-Length"] ?? "")
        case (0, 1) where !isVersion10:
            self = headers["Transfer-Encoding"]?.lowercased() == "chunked" ? .chunked : .unknownCoding
        default:
            self = .ambiguous
        }
    }

    /// Digits alone: no sign, no list.
    private static func length(_ text: String) -> BodyFraming {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return .ambiguous }
        return .length(UInt64(text) ?? .max)
    }
}
