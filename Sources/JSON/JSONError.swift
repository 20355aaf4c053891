/// Why bytes are not a JSON text, and where.
public struct JSONError: Error, Hashable, CustomStringConvertible {
    /// The first byte that cannot be part of a JSON text, counted from 0; the count of bytes if the text ends too early.
    public let offset: Int
    /// What is wrong there.
    public let reason: Reason
    /// The value or name at fault lies in here: names and indices with dots between them, such as `data.result.0.loss`;
    /// empty for the text as a whole. From the text: bounded and without control characters, but not ours.
    public private(set) var path = ""
    /// The beginning of what stands at the fault, bounded and without control characters; empty if nothing does.
    public private(set) var excerpt = ""

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

    /// The same with the place at which it was found.
    func at(path: String, excerpt: String) -> JSONError {
        var error = self
        error.path = path
        error.excerpt = excerpt
        return error
    }

    /// Holds nothing of the text itself, so that it is safe to log and to answer with.
    public var description: String { "\(reason.rawValue) at byte \(offset)" }

    /// The fault in words that name the value, for whoever sent it: `NaN is not JSON`.
    public var explanation: String {
        switch reason {
        case .unexpectedEnd: "the text ends too early"
        case .unexpectedByte, .invalidNumber, .invalidLiteral:
            "\(excerpt.isEmpty ? "a control character" : excerpt) is not JSON"
        case .trailingData: "\(excerpt) stands after the value"
        case .invalidEscape, .loneSurrogate, .controlCharacter, .invalidUTF8: "\(reason.rawValue) in \(excerpt)"
        case .tooDeep, .tooLarge: reason.rawValue
        }
    }
}
