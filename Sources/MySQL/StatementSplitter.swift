/// Splits the text of a migration into its statements, which end with a semicolon each.
///
/// Strings in single and double quotes, names in backticks, and comments (`-- `, `#`, `/* */`) may contain semicolons.
/// Nothing else is understood, `DELIMITER` included. Text that is nothing but comments and white space is no
/// statement; executable comments (`/*! */`, `/*M! */`) are.
struct StatementSplitter {
    private let bytes: [UInt8]
    private var position = 0

    /// The statements, without the semicolons. Throws if the last one is not complete.
    static func split(_ text: String) throws(MySQLError) -> [SQL] {
        var splitter = StatementSplitter(bytes: Array(text.utf8))
        return try splitter.statements()
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private mutating func statements() throws(MySQLError) -> [SQL] {
        var statements: [SQL] = []
        // Where the first token of the current statement is; comments before it are left out.
        var start: Int?
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: ";"):
                if let start { statements.append(SQL(unescaped: Array(bytes[start..<position]))) }
                start = nil
                position += 1
            case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"):
                start = start ?? position
                guard skipQuoted(byte) else { throw Self.incomplete("a quoted text does not end") }
            case UInt8(ascii: "#"):
                skipLine()
            case UInt8(ascii: "-") where isNext("--") && (bytes.count == position + 2 || bytes[position + 2] <= 0x20):
                skipLine()
            case UInt8(ascii: "/") where isNext("/*"):
                if isNext("/*!") || isNext("/*M!") { start = start ?? position }
                guard skipComment() else { throw Self.incomplete("a comment does not end") }
            default:
                if byte > 0x20 { start = start ?? position }
                position += 1
            }
        }
        guard start == nil else { throw Self.incomplete("the last statement does not end with a semicolon") }
        return statements
    }

    private func isNext(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { bytes[position...].starts(with: $0) }
    }

    /// Skips to behind the closing quote. A doubled quote ends one text and begins the next, which comes to the same.
    private mutating func skipQuoted(_ quote: UInt8) -> Bool {
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            position += byte == UInt8(ascii: "\\") && quote != UInt8(ascii: "`") ? 2 : 1
            if byte == quote { return true }
        }
        return false
    }

    private mutating func skipLine() {
        while position < bytes.count, bytes[position] != UInt8(ascii: "\n") { position += 1 }
    }

    private mutating func skipComment() -> Bool {
        position += 2
        while position < bytes.count {
            if isNext("*/") {
                position += 2
                return true
            }
            position += 1
        }
        return false
    }

    private static func incomplete(_ message: String) -> MySQLError {
        MySQLError(kind: .other, message: message)
    }
}
