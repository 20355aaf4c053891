import JSON
package import MySQL
package import Time

/// Values as other applications may have left them. A row that holds what nobody can read is read as if it held nothing there.
extension MySQLRow {
    /// A whole number, of a column of any type; nil: NULL, or none.
    package func number(_ column: MySQLColumn) throws(MySQLError) -> Int64? {
        guard let bytes = try optionalBytes(column) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        return Int64(text) ?? Double(text).flatMap { Int64(exactly: $0.rounded()) }
    }

    /// Text; bytes that are none are replaced.
    package func text(_ column: MySQLColumn) throws(MySQLError) -> String? {
        try optionalBytes(column).map { String(decoding: $0, as: UTF8.self) }
    }

    /// JSON as it stands there; nil: NULL, or something else.
    package func json(_ column: MySQLColumn) throws(MySQLError) -> [UInt8]? {
        guard let bytes = try optionalBytes(column), (try? JSONDocument(parsing: bytes)) != nil else { return nil }
        return bytes
    }

    /// A time of the console's: see `ConsoleTime`.
    func consoleTime(_ column: MySQLColumn) throws(MySQLError) -> Timestamp? {
        try time(column).map { localTime?.moment(of: $0) ?? $0 }
    }

    /// A time; nil: NULL, or a date that is none, such as `0000-00-00`.
    package func time(_ column: MySQLColumn) throws(MySQLError) -> Timestamp? {
        do {
            return try optionalTimestamp(column)
        } catch {
            // A column that is not there is our fault.
            _ = try isNull(column)
            return nil
        }
    }
}
