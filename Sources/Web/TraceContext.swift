/// Where a request stands in a distributed trace (W3C Trace Context, version 00): the caller's trace is continued with a
/// span of our own, or a new one begins.
package struct TraceContext: Sendable, Equatable {
    /// 32 hexadecimal digits in lower case, not all of them 0.
    package let traceID: String
    /// Ours: 16 digits.
    let spanID: String
    /// The caller's; a new trace is not sampled, since nothing is recorded here.
    package let flags: UInt8
    /// Whether the caller sent a valid `traceparent`.
    package let isContinued: Bool

    /// - Parameter header: `traceparent`. One that is not valid counts as none (section 3.2.2 of the recommendation).
    package init(continuing header: String?) {
        spanID = Self.digits(UInt64.random(in: 1 ... .max))
        if let header, let (traceID, flags) = Self.parse(header) {
            (self.traceID, self.flags, isContinued) = (traceID, flags, true)
        } else {
            traceID = Self.digits(UInt64.random(in: 1 ... .max)) + Self.digits(UInt64.random(in: .min ... .max))
            (flags, isContinued) = (0, false)
        }
    }

    /// `traceparent` for a request that is made on behalf of this one.
    package var header: String { "00-\(traceID)-\(spanID)-0\(flags & 1)" }

    private static func parse(_ header: String) -> (traceID: String, flags: UInt8)? {
        let text = Array(header.utf8.prefix(56))
        let dash = UInt8(ascii: "-")
        guard text.count >= 55, text[2] == dash, text[35] == dash, text[52] == dash,
            isHex(text[0..<2]), isHex(text[3..<35]), isHex(text[36..<52]), isHex(text[53..<55]),
            text[3..<35].contains(where: { $0 != 0x30 }), text[36..<52].contains(where: { $0 != 0x30 })
        else { return nil }
        let version = String(decoding: text[0..<2], as: UTF8.self)
        // A later version may have more after these fields.
        guard version == "00" ? text.count == 55 : version != "ff" && (text.count == 55 || text[55] == dash) else {
            return nil
        }
        guard let flags = UInt8(String(decoding: text[53..<55], as: UTF8.self), radix: 16) else { return nil }
        return (String(decoding: text[3..<35], as: UTF8.self), flags)
    }

    private static func isHex(_ digits: ArraySlice<UInt8>) -> Bool {
        digits.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    private static func digits(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
