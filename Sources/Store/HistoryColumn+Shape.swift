import MySQL

/// What the table's columns may be like that were there before the migrations.
extension HistoryColumn {
    /// To these nothing writes NULL.
    private static let neverNull: Set = ["status", "sequence", "revision", "notified_revision", "updated_at"]

    /// Types that hold a status, a user's id, a count or a random number of 63 bits.
    static let large: Set = ["bigint", "decimal"]
    static let medium = large.union(["int"])
    static let small = medium.union(["tinyint", "smallint", "mediumint"])

    /// Whether it holds a time.
    var isTime: Bool { type == "DATETIME(6)" }

    /// Whether a column takes all that is to be written to it as it is.
    func isMatched(by column: MySQLColumnDefinition) -> Bool {
        guard column.isNullable || Self.neverNull.contains(name) else { return false }
        if let textLength { return column.characterSet == "utf8mb4" && column.textLimit >= textLength }
        return name != "progress" || (column.largestNumber ?? .max) >= 100
    }

    /// Whether a column is as the migrations make it, as far as it matters.
    func isAsMade(_ column: MySQLColumnDefinition) -> Bool {
        guard isMatched(by: column) else { return false }
        if textLength != nil { return true }
        switch type {
        case "DATETIME(6)":
            // These are the console's, of either type.
            return ["created_at", "updated_at"].contains(name) || column.fullType.lowercased() == "datetime(6)"
        case "BIGINT UNSIGNED": return column.type == "bigint"
        default: return column.type.hasSuffix("int")
        }
    }

    /// As the migrations make it.
    var definition: String {
        if textLength != nil { return "\(type ?? "") COLLATE utf8mb4_unicode_ci NULL" }
        switch name {
        case "status": return "INT NOT NULL DEFAULT 0"
        case "progress": return "TINYINT UNSIGNED NULL"
        case "sequence", "revision", "notified_revision": return "\(type ?? "") NOT NULL DEFAULT 0"
        default: return "\(type ?? "") NULL"
        }
    }

    /// Whether anything can be written to a column: what can not stays in the log alone.
    func canBeWritten(to column: MySQLColumnDefinition) -> Bool { textLength == nil || column.isText }

    /// A value of the type `type`, or a literal of it, as it is written to the column.
    func stored(_ value: SQL) -> SQL { name == Self.consoles ? ConsoleTime.storable(value) : value }
}
