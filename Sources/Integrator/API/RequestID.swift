import HTTPServer

/// `X-Request-Id`: what joins a caller's log with ours.
enum RequestID {
    static let header = "X-Request-Id"

    /// The caller's, if it is one to 128 letters, digits, `-`, `_`, `.`, `:`; else a new one.
    static func of(_ request: HTTPRequest) -> String {
        if let id = request.headers[header], (1...128).contains(id.utf8.count), id.utf8.allSatisfy(isAllowed) {
            return id
        }
        return make()
    }

    /// A new one: 32 hexadecimal digits.
    static func make() -> String {
        let digits = String(UInt128.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5F: true
        default: false
        }
    }
}
