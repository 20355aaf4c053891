/// Strings as RFC 8259 section 7 writes them.
enum JSONString {
    /// Checks a string that begins with a quote at `start`.
    /// - Returns: the offset after the closing quote, and whether there is an escape in it.
    static func end(in input: Span<UInt8>, from start: Int) throws(JSONError) -> (end: Int, isEscaped: Bool) {
        var position = start + 1
        var isEscaped = false
        while position < input.count {
            let byte = input[position]
            if byte == UInt8(ascii: "\"") { return (position + 1, isEscaped) }
            if byte == UInt8(ascii: "\\") {
                isEscaped = true
                position = try endOfEscape(in: input, from: position)
            } else if byte >= 0x80 {
                position = try endOfScalar(in: input, from: position)
            } else if byte >= 0x20 {
                position += 1
            } else {
                throw JSONError(.controlCharacter, at: position)
            }
        }
        throw JSONError(.unexpectedEnd, at: position)
    }

    /// The text of a string that has been checked.
    /// - Parameter contents: what is between the quotes.
    static func decode(_ contents: ArraySlice<UInt8>) -> String {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(contents.count)
        var position = contents.startIndex
        while position < contents.endIndex {
            let byte = contents[position]
            guard byte == UInt8(ascii: "\\") else {
                decoded.append(byte)
                position += 1
                continue
            }
            let escape = contents[position + 1]
            guard escape == UInt8(ascii: "u") else {
                decoded.append(unescaped(escape) ?? escape)
                position += 2
                continue
            }
            var code = codeUnit(contents.span, at: position + 2 - contents.startIndex) ?? 0
            position += 6
            if (0xD800..<0xDC00).contains(code) {
                let low = codeUnit(contents.span, at: position + 2 - contents.startIndex) ?? 0
                code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
                position += 6
            }
            decoded.append(contentsOf: String(Unicode.Scalar(code) ?? "\u{FFFD}").utf8)
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    private static func endOfEscape(in input: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
        guard start + 1 < input.count else { throw JSONError(.unexpectedEnd, at: input.count) }
        let escape = input[start + 1]
        guard escape == UInt8(ascii: "u") else {
            guard unescaped(escape) != nil else { throw JSONError(.invalidEscape, at: start) }
            return start + 2
        }
        guard let unit = codeUnit(input, at: start + 2) else { throw JSONError(.invalidEscape, at: start) }
        switch unit {
        case 0xD800..<0xDC00:
            guard start + 7 < input.count, input[start + 6] == UInt8(ascii: "\\"),
                input[start + 7] == UInt8(ascii: "u"), let low = codeUnit(input, at: start + 8),
                (0xDC00..<0xE000).contains(low)
            else { throw JSONError(.loneSurrogate, at: start) }
            return start + 12
        case 0xDC00..<0xE000:
            throw JSONError(.loneSurrogate, at: start)
        default:
            return start + 6
        }
    }

    private static func unescaped(_ escape: UInt8) -> UInt8? {
        switch escape {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): escape
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    /// Four hexadecimal digits.
    private static func codeUnit(_ input: Span<UInt8>, at start: Int) -> UInt32? {
        guard start + 4 <= input.count else { return nil }
        var unit: UInt32 = 0
        for position in start..<start + 4 {
            let byte = input[position]
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        return unit
    }

    /// Checks one scalar of two to four bytes: Unicode 15, table 3-7 (no overlong forms, no surrogates, nothing above
    /// U+10FFFF).
    private static func endOfScalar(in input: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch input[start] {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        case 0xF1...0xF3: length = 4
        default: throw JSONError(.invalidUTF8, at: start)
        }
        guard start + length <= input.count, second.contains(input[start + 1]) else {
            throw JSONError(.invalidUTF8, at: start)
        }
        for position in start + 2..<start + length where input[position] & 0xC0 != 0x80 {
            throw JSONError(.invalidUTF8, at: start)
        }
        return start + length
    }
}
