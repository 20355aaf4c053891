/// Percent-coding of URLs and forms (RFC 3986, section 2.1; WHATWG URL, section 5).
package enum PercentCoding {
    /// Escapes all bytes but the unreserved ones (RFC 3986, section 2.3) and those of `kept`.
    package static func encode(_ text: String, keeping kept: StaticString = "") -> String {
        if text.utf8.allSatisfy(isUnreserved) { return text }
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        encoded.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case _ where isUnreserved(byte): encoded.append(byte)
            case _ where kept.withUTF8Buffer({ $0.contains(byte) }): encoded.append(byte)
            default: encoded += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// The text that escapes stand for; nil if one is broken, or the result is not UTF-8 or has a NUL in it.
    package static func decode(_ text: Substring.UTF8View, plusIsSpace: Bool = false) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var rest = text[...]
        while let byte = rest.popFirst() {
            switch byte {
            case 0x25:
                guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit),
                    high | low != 0
                else { return nil }
                bytes.append(high << 4 | low)
            case 0x2B where plusIsSpace: bytes.append(0x20)
            case 0: return nil
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The items of a query or a form body: `a=1&b=x+y`; `+` is a space, a name alone has an empty value, order and
    /// repeats are kept. Nil where `decode` is.
    package static func items(_ text: String) -> [(name: String, value: String)]? {
        var items: [(name: String, value: String)] = []
        for pair in text.utf8.split(separator: 0x26) {
            let mark = pair.firstIndex(of: 0x3D) ?? pair.endIndex
            guard let name = decode(pair[..<mark], plusIsSpace: true),
                let value = decode(pair[mark...].dropFirst(), plusIsSpace: true)
            else { return nil }
            items.append((name, value))
        }
        return items
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
        default: false
        }
    }

    private static func digit(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x37
        case 0x61...0x66: digit - 0x57
        default: nil
        }
    }
}
