/// A statement, or a piece of one, as the bytes that go to the server.
///
/// Interpolated values become escaped literals: `"select id from users where name = \(name)"`. Text that is meant as
/// SQL has to say so: `\(unescaped: "order by id")`. It is written for sessions of `MySQLConnection`: character set
/// utf8mb4, backslash escapes on, time zone UTC.
public struct SQL: Sendable {
    /// The statement in UTF-8, without a terminating semicolon.
    public var bytes: [UInt8] { written }

    @usableFromInline var written: [UInt8]

    /// How many bytes at the start are free of interpolated values.
    @usableFromInline var plainPrefix: Int?

    /// An empty statement to append to, with room for `capacity` bytes.
    public init(capacity: Int = 0) {
        written = []
        written.reserveCapacity(capacity)
    }

    /// A statement that was rendered before. Nothing is escaped.
    public init(unescaped bytes: [UInt8]) {
        written = bytes
    }

    /// A statement as text. Nothing is escaped.
    public init(unescaped text: String) {
        written = Array(text.utf8)
    }

    /// Appends a value as a literal.
    @inlinable
    public mutating func append(value: some SQLValue) {
        if plainPrefix == nil { plainPrefix = written.count }
        value.appendLiteral(to: &written)
    }

    /// Appends another piece as it is.
    public mutating func append(_ other: SQL) {
        if plainPrefix == nil, let prefix = other.plainPrefix { plainPrefix = written.count + prefix }
        written.append(contentsOf: other.bytes)
    }

    /// Appends text as it is. Nothing is escaped.
    @inlinable
    public mutating func append(unescaped text: String) {
        written.append(contentsOf: text.utf8)
    }

    /// Appends a list for `IN`: `('a', 'b')`. An empty one becomes `(NULL)`, which nothing is equal to.
    public mutating func append(list values: some Sequence<some SQLValue>) {
        var separator = UInt8(ascii: "(")
        for value in values {
            written.append(separator)
            append(value: value)
            separator = UInt8(ascii: ",")
        }
        append(unescaped: separator == UInt8(ascii: "(") ? "(NULL)" : ")")
    }

    /// Appends a name of a schema, table or column in backticks.
    public mutating func append(identifier name: String) {
        written.append(UInt8(ascii: "`"))
        for byte in name.utf8 {
            if byte == UInt8(ascii: "`") { written.append(byte) }
            written.append(byte)
        }
        written.append(UInt8(ascii: "`"))
    }

    /// Two pieces one after the other.
    public static func + (first: SQL, second: SQL) -> SQL {
        var sum = first
        sum.append(second)
        return sum
    }
}

extension SQL: ExpressibleByStringInterpolation {
    /// What the compiler calls for each segment of an interpolated literal.
    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var sql: SQL

        /// Makes room for the literal text and short values.
        public init(literalCapacity: Int, interpolationCount: Int) {
            sql = SQL(capacity: literalCapacity + 24 * interpolationCount)
        }

        /// Appends text of the literal.
        public mutating func appendLiteral(_ text: String) { sql.append(unescaped: text) }

        /// `\(value)`: an escaped literal, or NULL.
        public mutating func appendInterpolation(_ value: (some SQLValue)?) { sql.append(value: value) }

        /// `\(sql)`: another piece, as it is.
        public mutating func appendInterpolation(_ other: SQL) { sql.append(other) }

        /// `\(unescaped: text)`: text, as it is.
        public mutating func appendInterpolation(unescaped text: String) { sql.append(unescaped: text) }

        /// `\(list: values)`: a list for `IN`; `(NULL)` if empty.
        public mutating func appendInterpolation(list values: some Sequence<some SQLValue>) { sql.append(list: values) }

        /// `\(identifier: name)`: a name in backticks.
        public mutating func appendInterpolation(identifier name: String) { sql.append(identifier: name) }
    }

    /// A statement without values.
    public init(stringLiteral text: String) { self.init(unescaped: text) }

    /// A statement with values.
    public init(stringInterpolation: StringInterpolation) { self = stringInterpolation.sql }
}

extension SQL: CustomStringConvertible {
    /// The text before the first value, at most 60 bytes of it: enough to tell statements apart, and safe to log.
    public var description: String {
        let end = min(plainPrefix ?? bytes.count, 60)
        let text = String(decoding: bytes[..<end], as: UTF8.self)
        return end < bytes.count ? text + "…" : text
    }
}
