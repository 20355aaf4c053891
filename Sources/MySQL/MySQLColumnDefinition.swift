/// A column of a table, as the server describes it.
public struct MySQLColumnDefinition: Sendable, Equatable {
    /// Its name.
    public var name: String
    /// The type without its size, in lower case, for example `varchar`.
    public var type: String
    /// The type as it is written, for example `varchar(191)`.
    public var fullType: String
    /// Nil: it holds no text.
    public var characterSet: String?
    /// Nil: it holds no text.
    public var collation: String?
    /// The most characters, or bytes, that it holds; nil: it holds numbers or times.
    public var maximumLength: UInt64?
    /// Whether it may be NULL.
    public var isNullable: Bool
    /// What it is without being said; nil: NULL, or nothing.
    public var defaultValue: String?
    /// What the server says of it besides, in lower case: `auto_increment`, `on update current_timestamp()`.
    public var extra: String

    /// The server sets it to the present time when a row changes and nothing is said of it.
    public var isSetOnUpdate: Bool { extra.contains("on update") }

    /// Whether it holds text of any form.
    public var isText: Bool { type.hasSuffix("char") || type.hasSuffix("text") }

    /// How many characters it surely holds; 0: it holds no text.
    public var textLimit: Int {
        guard isText, let maximumLength else { return 0 }
        // Of a `text` it is the bytes that are counted.
        let limit = type.hasSuffix("text") ? maximumLength / 4 : maximumLength
        return Int(clamping: limit)
    }

    /// The largest whole number that a `decimal` holds; nil: it is none, or holds all that we write.
    public var largestNumber: Int64? {
        guard type == "decimal", let sizes = fullType.firstMatch(of: /\(([0-9]+),([0-9]+)\)/), let all = Int(sizes.1),
            let fraction = Int(sizes.2), (0..<18).contains(all - fraction)
        else { return nil }
        return (0..<(all - fraction)).reduce(1) { power, _ in power * 10 } - 1
    }

    /// The text as the column takes it: without what its character set has not, which becomes `?`, and cut to its length.
    public func fitting(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        var room = textLimit
        for scalar in text.unicodeScalars {
            if room == 0 { break }
            room -= 1
            scalars.append(Self.has(scalar, characterSet ?? "utf8mb4") ? scalar : "?")
        }
        return String(scalars)
    }

    /// Whether a character set has a character. Of sets that are not known here only ASCII is taken.
    private static func has(_ scalar: Unicode.Scalar, _ characterSet: String) -> Bool {
        if scalar.isASCII { return true }
        switch characterSet {
        case "utf8mb4", "utf16", "utf16le", "utf32", "binary": return true
        case "utf8", "utf8mb3", "ucs2": return scalar.value <= 0xFFFF
        // Windows-1252.
        case "latin1": return (0xA0...0xFF).contains(scalar.value) || windows1252.contains(scalar)
        default: return false
        }
    }

    private static let windows1252 = Set("€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ".unicodeScalars)
}
