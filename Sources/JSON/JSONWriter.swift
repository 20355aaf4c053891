/// Writes a JSON text, compact, with the commas where they belong.
///
/// A misuse of its nesting (a value in an object without a name, a name outside of one, a second root) is a programming
/// error and traps.
public struct JSONWriter: Sendable {
    /// What has been written.
    public var bytes: [UInt8] = []
    private let escaping: Escaping
    private var place = Place.root

    /// How strings are written; both ways are the same text to a JSON parser.
    public enum Escaping: Sendable {
        /// Only what has to be escaped is.
        case minimal
        /// As PHP's `json_encode` does by default: `\/`, and `\u` escapes for all but ASCII.
        case php
    }

    private enum Place { case root, firstElement, element, firstName, name, member, end }

    /// A writer of one value.
    public init(escaping: Escaping = .minimal) {
        self.escaping = escaping
    }

    /// Writes an object; `body` writes its members.
    public mutating func object(_ body: (inout JSONWriter) -> Void) {
        container(UInt8(ascii: "{"), .firstName, body)
        bytes.append(UInt8(ascii: "}"))
    }

    /// Writes an array; `body` writes its elements.
    public mutating func array(_ body: (inout JSONWriter) -> Void) {
        container(UInt8(ascii: "["), .firstElement, body)
        bytes.append(UInt8(ascii: "]"))
    }

    /// Writes the name of a member; its value has to follow.
    public mutating func key(_ name: String) {
        precondition(place == .firstName || place == .name, "a name outside of an object")
        if place == .name { bytes.append(UInt8(ascii: ",")) }
        place = .member
        append(quoted: name)
        bytes.append(UInt8(ascii: ":"))
    }

    /// Writes a string.
    public mutating func value(_ value: String) {
        beginValue()
        append(quoted: value)
    }

    /// Writes an integer.
    @inlinable
    public mutating func value(_ value: some FixedWidthInteger) {
        guard let magnitude = UInt64(exactly: value.magnitude) else { return raw(String(value).utf8) }
        integer(magnitude, isNegative: value < 0)
    }

    @usableFromInline mutating func integer(_ magnitude: UInt64, isNegative: Bool) {
        beginValue()
        bytes.append(addingCapacity: 21) { output in
            if isNegative { output.append(UInt8(ascii: "-")) }
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
                var (rest, place) = (magnitude, 20)
                repeat {
                    place -= 1
                    digits[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                    rest /= 10
                } while rest > 0
                for digit in digits[place...] { output.append(digit) }
            }
        }
    }

    /// Writes `true` or `false`.
    public mutating func value(_ value: Bool) { raw((value ? "true" : "false").utf8) }

    /// Writes a number, or null for what is not finite. The shortest digits that give the same double back.
    public mutating func value(_ value: Double) {
        value.isFinite ? raw(value.description.utf8) : null()
    }

    /// Writes `null`.
    public mutating func null() { raw("null".utf8) }

    /// Writes a value that is JSON already, as it is.
    @inlinable
    public mutating func raw(_ json: some Collection<UInt8>) {
        beginValue()
        bytes.append(contentsOf: json)
    }

    private mutating func container(_ bracket: UInt8, _ inner: Place, _ body: (inout JSONWriter) -> Void) {
        beginValue()
        bytes.append(bracket)
        let outer = place
        place = inner
        body(&self)
        precondition(place != .member, "a name without a value")
        place = outer
    }

    @usableFromInline mutating func beginValue() {
        switch place {
        case .root: place = .end
        case .firstElement: place = .element
        case .element: bytes.append(UInt8(ascii: ","))
        case .member: place = .name
        case .firstName, .name: preconditionFailure("a value without a name in an object")
        case .end: preconditionFailure("a second value")
        }
    }

    private mutating func append(quoted text: String) {
        switch escaping {
        case .minimal:
            var text = text
            text.withUTF8 { append(quoted: $0) }
        case .php:
            bytes.append(UInt8(ascii: "\""))
            for unit in text.utf16 {
                if unit > 0x7F || unit == UInt8(ascii: "/") || Self.mustEscape(UInt8(unit)) {
                    Self.escape(unit) { bytes.append($0) }
                } else {
                    bytes.append(UInt8(unit))
                }
            }
            bytes.append(UInt8(ascii: "\""))
        }
    }

    private mutating func append(quoted text: UnsafeBufferPointer<UInt8>) {
        // What escapes add at most.
        var added = 0
        for byte in text { added &+= byte < 0x20 ? 5 : Self.mustEscape(byte) ? 1 : 0 }
        bytes.append(addingCapacity: text.count + added + 2) { output in
            output.append(UInt8(ascii: "\""))
            output.withUnsafeMutableBufferPointer { buffer, count in
                if added == 0 {
                    _ = UnsafeMutableBufferPointer(rebasing: buffer[count...]).initialize(from: text)
                    count += text.count
                    return
                }
                for byte in text {
                    if Self.mustEscape(byte) {
                        Self.escape(UInt16(byte)) { (buffer[count], count) = ($0, count + 1) }
                    } else {
                        (buffer[count], count) = (byte, count + 1)
                    }
                }
            }
            output.append(UInt8(ascii: "\""))
        }
    }

    private static func mustEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    @inline(__always)
    private static func escape(_ unit: UInt16, _ put: (UInt8) -> Void) {
        let escape: UInt8
        switch unit {
        case 0x08: escape = UInt8(ascii: "b")
        case 0x09: escape = UInt8(ascii: "t")
        case 0x0A: escape = UInt8(ascii: "n")
        case 0x0C: escape = UInt8(ascii: "f")
        case 0x0D: escape = UInt8(ascii: "r")
        case 0x22, 0x2F, 0x5C: escape = UInt8(unit)
        default: escape = UInt8(ascii: "u")
        }
        put(UInt8(ascii: "\\"))
        put(escape)
        if escape == UInt8(ascii: "u") {
            for shift: UInt16 in [12, 8, 4, 0] {
                let digit = UInt8(unit >> shift & 0xF)
                put(digit + (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10))
            }
        }
    }
}
