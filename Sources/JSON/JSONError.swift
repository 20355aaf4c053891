/// Why bytes are not a JSON text, and where.
public struct JSONError: Error, Hashable, CustomStringConvertible {
    /// The first byte that cannot be part of a JSON text, counted from 0; the count of bytes if the text ends too early.
    public let offset: Int
    /// What is wrong there.
    public let reason: Reason

    /// A closed set, fit for the label of a counter.
    public enum Reason: String, Sendable {
        case unexpectedEnd = "unexpected end"
        case unexpectedByte = "unexpected byte"
        case trailingData = "data after the value"
        case invalidNumber = "invalid number"
        case invalidLiteral = "invalid literal"
        case invalidEscape = "invalid escape"
        case loneSurrogate = "lone surrogate escape"
        case controlCharacter = "control character in a string"
        case invalidUTF8 = "invalid UTF-8"
        case tooDeep = "nested too deeply"
        case tooLarge = "too large"
    }

    init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    /// Holds nothing of the text itself, so that it is safe to log and to answer with.
    public var description: String { "\(reason.rawValue) at byte \(offset)" }
}
