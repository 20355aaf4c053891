import Glibc

/// The target of a request line (RFC 9112, section 3.2), split but not decoded.
struct RequestTarget {
    let path: String
    let query: String?
    let byteCount: Int

    init(_ target: UnsafePointer<CChar>) {
        let text = UnsafeRawPointer(target).assumingMemoryBound(to: UInt8.self)
        var end = 0
        while text[end] != 0 { end += 1 }
        self.init(UnsafeBufferPointer(start: text, count: end))
    }

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        byteCount = bytes.count
        let rest = bytes[Self.authorityEnd(bytes)...]
        if let mark = rest.firstIndex(of: 0x3F) {
            path = Self.path(rest[..<mark])
            query = String(decoding: rest[(mark + 1)...], as: UTF8.self)
        } else {
            path = Self.path(rest)
            query = nil
        }
    }

    private static func path(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> String {
        bytes.isEmpty ? "/" : String(decoding: UnsafeBufferPointer(rebasing: bytes), as: UTF8.self)
    }

    /// Where the path begins: after `http://host` of an absolute target, else at 0.
    private static func authorityEnd(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        guard let first = bytes.first, first != 0x2F, first != 0x2A else { return 0 }
        for scheme in ["http://", "https://"] as [StaticString] {
            let length = scheme.utf8CodeUnitCount
            let isScheme =
                bytes.count >= length && (0..<length).allSatisfy { bytes[$0] | 0x20 == scheme.utf8Start[$0] | 0x20 }
            if isScheme {
                return bytes[length...].firstIndex { $0 == 0x2F || $0 == 0x3F } ?? bytes.count
            }
        }
        return 0
    }
}

/// A request line where it stands in libmicrohttpd's buffer: its parts cut apart, each ends with a NUL.
struct RequestLine {
    let method: UnsafePointer<CChar>
    let target: UnsafePointer<CChar>
    let version: UnsafePointer<CChar>

    /// Whether one byte is between the parts. With more there are more blanks, or a NUL at which the target seems to end.
    func hasSingleBlanks(_ targetBytes: Int) -> Bool {
        target - method == strlen(method) + 1 && version - target == targetBytes + 1
    }
}
