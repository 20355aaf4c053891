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
    public mutating func value(_ value: some FixedWidthInteger) { raw(String(value).utf8) }

    /// Writes `true` or `false`.
    public mutating func value(_ value: Bool) { raw((value ? "true" : "false").utf8) }

    /// Writes a number, or null for what is not finite. The shortest digits that give the same double back.
    public mutating func value(_ value: Double) {
        value.isFinite ? raw(value.description.utf8) : null()
    }

    /// Writes `null`.
    public mutating func null() { raw("null".utf8) }

    /// Writes a value that is JSON already, as it is.
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

    private mutating func beginValue() {
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
        bytes.append(UInt8(ascii: "\""))
        switch escaping {
        case .minimal:
            var text = text
            text.withUTF8 { utf8 in
                var start = 0
                for index in utf8.indices where Self.mustEscape(utf8[index]) {
                    bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start..<index]))
                    append(escaped: UInt16(utf8[index]))
                    start = index + 1
                }
                bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start...]))
            }
        case .php:
            for unit in text.utf16 {
                if unit > 0x7F || unit == UInt8(ascii: "/") || Self.mustEscape(UInt8(unit)) {
                    append(escaped: unit)
                } else {
                    bytes.append(UInt8(unit))
                }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func mustEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func append(escaped unit: UInt16) {
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
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(escape)
        if escape == UInt8(ascii: "u") {
            for shift: UInt16 in [12, 8, 4, 0] {
                let digit = UInt8(unit >> shift & 0xF)
                bytes.append(digit + (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10))
            }
        }
    }
}
