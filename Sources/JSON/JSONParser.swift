/// Builds the tape of a document in one pass, without recursion: open containers are chained through their entries.
struct JSONParser {
    var tape = ContiguousArray<TapeEntry>()
    private let maximumDepth: Int
    /// Take `NaN`, `Infinity` and `-Infinity`, which Python writes, for null.
    private let takesPythonNumbers: Bool
    private(set) var position = 0
    private var depth = 0
    /// The innermost open container, or `none`.
    private(set) var open = Self.none
    /// A value is complete, and what follows it is not known yet.
    private(set) var isAfterValue = false
    static let none = UInt32.max

    init(maximumDepth: Int, expectedCount: Int, takesPythonNumbers: Bool = false) {
        self.maximumDepth = maximumDepth
        self.takesPythonNumbers = takesPythonNumbers
        tape.reserveCapacity(expectedCount + 8)
    }

    mutating func parse(_ input: Span<UInt8>) throws(JSONError) {
        repeat {
            isAfterValue = false
            isAfterValue = try parseValue(input)
            if isAfterValue { try endValue(input) }
        } while open != Self.none
        if skipWhitespace(input) != nil {
            throw JSONError(.trailingData, at: position)
        }
    }

    /// Parses a scalar or an empty container, or opens a container (and reads the first name of an object).
    /// - Returns: whether a value is complete.
    private mutating func parseValue(_ input: Span<UInt8>) throws(JSONError) -> Bool {
        guard let byte = skipWhitespace(input) else { throw JSONError(.unexpectedEnd, at: position) }
        switch byte {
        case UInt8(ascii: "\""):
            try parseString(input)
        case UInt8(ascii: "{"):
            try openContainer(.object)
            guard skipWhitespace(input) == UInt8(ascii: "}") else {
                try parseName(input)
                return false
            }
            closeContainer()
        case UInt8(ascii: "["):
            try openContainer(.array)
            guard skipWhitespace(input) == UInt8(ascii: "]") else { return false }
            closeContainer()
        case UInt8(ascii: "t"):
            try parseLiteral("true", .bool, input)
        case UInt8(ascii: "f"):
            try parseLiteral("false", .bool, input)
        case UInt8(ascii: "n"):
            try parseLiteral("null", .null, input)
        case UInt8(ascii: "N") where takesPythonNumbers:
            try parseLiteral("NaN", .null, input)
        case UInt8(ascii: "I") where takesPythonNumbers:
            try parseLiteral("Infinity", .null, input)
        case UInt8(ascii: "-")
        where takesPythonNumbers && position + 1 < input.count && input[position + 1] == UInt8(ascii: "I"):
            try parseLiteral("-Infinity", .null, input)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            let start = position
            position = try JSONNumber.end(in: input, from: start)
            append(.number, from: start)
        default:
            throw JSONError(.unexpectedByte, at: position)
        }
        return true
    }

    /// After a value: closes what ends here; at a comma, goes on to where the next value has to be.
    private mutating func endValue(_ input: Span<UInt8>) throws(JSONError) {
        while open != Self.none {
            guard let byte = skipWhitespace(input) else { throw JSONError(.unexpectedEnd, at: position) }
            let isObject = tape[Int(open)].kind == .object
            if byte == UInt8(ascii: ",") {
                position += 1
                isAfterValue = false
                if isObject {
                    _ = skipWhitespace(input)
                    try parseName(input)
                }
                return
            }
            guard byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                throw JSONError(.unexpectedByte, at: position)
            }
            closeContainer()
        }
    }

    private mutating func parseName(_ input: Span<UInt8>) throws(JSONError) {
        guard position < input.count else { throw JSONError(.unexpectedEnd, at: position) }
        guard input[position] == UInt8(ascii: "\"") else { throw JSONError(.unexpectedByte, at: position) }
        try parseString(input)
        guard let byte = skipWhitespace(input) else { throw JSONError(.unexpectedEnd, at: position) }
        guard byte == UInt8(ascii: ":") else { throw JSONError(.unexpectedByte, at: position) }
        position += 1
    }

    private mutating func parseString(_ input: Span<UInt8>) throws(JSONError) {
        let start = position
        let (end, isEscaped) = try JSONString.end(in: input, from: start)
        position = end
        append(.string, from: start, isEscaped: isEscaped)
    }

    private mutating func parseLiteral(
        _ literal: StaticString, _ kind: JSONView.Kind, _ input: Span<UInt8>
    ) throws(JSONError) {
        let start = position
        let isEqual = literal.withUTF8Buffer { expected in
            input.count - start >= expected.count
                && expected.indices.allSatisfy { input[start + $0] == expected[$0] }
        }
        guard isEqual else { throw JSONError(.invalidLiteral, at: start) }
        position += literal.utf8CodeUnitCount
        append(kind, from: start)
    }

    private mutating func append(_ kind: JSONView.Kind, from start: Int, isEscaped: Bool = false) {
        tape.append(
            TapeEntry(
                kind: kind, isEscaped: isEscaped, start: UInt32(start), end: UInt32(position),
                next: UInt32(tape.count + 1)))
    }

    private mutating func openContainer(_ kind: JSONView.Kind) throws(JSONError) {
        guard depth < maximumDepth else { throw JSONError(.tooDeep, at: position) }
        depth += 1
        let index = UInt32(tape.count)
        tape.append(TapeEntry(kind: kind, start: UInt32(position), end: 0, next: open))
        open = index
        position += 1
    }

    private mutating func closeContainer() {
        position += 1
        close(Int(open))
    }

    /// Ends the innermost open container, at the parser's position.
    mutating func close(_ index: Int) {
        open = tape[index].next
        tape[index].next = UInt32(tape.count)
        tape[index].end = UInt32(position)
        depth -= 1
    }

    /// - Returns: the byte at the position after white space, or nil at the end.
    private mutating func skipWhitespace(_ input: Span<UInt8>) -> UInt8? {
        while position < input.count {
            switch input[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            case let byte: return byte
            }
        }
        return nil
    }
}
