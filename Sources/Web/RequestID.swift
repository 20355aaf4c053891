import HTTPServer
import Synchronization

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

    /// A new one: 32 hexadecimal digits. Unique, but no secret: half of it is this process's, half a count.
    static func make() -> String {
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue
        return String(unsafeUninitializedCapacity: 32) { text in
            for place in 0..<16 {
                let shift = UInt64(60 - 4 * place)
                text[place] = digit(process >> shift)
                text[16 + place] = digit(number >> shift)
            }
            return 32
        }
    }

    private static let process = UInt64.random(in: .min ... .max)
    private static let count = Atomic<UInt64>(0)

    private static func digit(_ value: UInt64) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: value & 15)
        return value < 10 ? 0x30 + value : 0x57 + value
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5F: true
        default: false
        }
    }
}
