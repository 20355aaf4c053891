/// The columns of a table, as statements ask for them.
struct KnownColumns {
    let all: [MySQLColumnDefinition]
    /// By their names in lower case.
    let byName: [String: MySQLColumnDefinition]
    let setOnUpdate: [MySQLColumnDefinition]

    init(_ columns: [MySQLColumnDefinition]) {
        all = columns
        byName = Dictionary(columns.map { ($0.name.lowercased(), $0) }) { first, _ in first }
        setOnUpdate = columns.filter(\.isSetOnUpdate)
    }
}

extension MySQLConnection {
    /// The columns of a table of the default schema, in their order; none: there is no such table. Read once a connection.
    public func columns(of table: String) throws(MySQLError) -> [MySQLColumnDefinition] { try known(table).all }

    private func known(_ table: String) throws(MySQLError) -> KnownColumns {
        if let known = knownColumns[table] { return known }
        let rows = try query(
            """
            SELECT COLUMN_NAME, LOWER(DATA_TYPE), COLUMN_TYPE, CHARACTER_SET_NAME, COLLATION_NAME, \
            CHARACTER_MAXIMUM_LENGTH, IS_NULLABLE = 'YES', COLUMN_DEFAULT, LOWER(EXTRA) \
            FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = \(table) \
            ORDER BY ORDINAL_POSITION
            """)
        let columns = try rows.map { row throws(MySQLError) in
            MySQLColumnDefinition(
                name: try row.string(0), type: try row.string(1), fullType: try row.string(2),
                characterSet: try row.optionalString(3), collation: try row.optionalString(4),
                maximumLength: try row.optionalUInt64(5), isNullable: try row.bool(6),
                defaultValue: try row.optionalString(7), extra: try row.string(8))
        }
        let known = KnownColumns(columns)
        knownColumns[table] = known
        return known
    }

    /// A column of a table of the default schema, by its name in lower case; nil: there is none.
    public func column(_ name: String, of table: String) throws(MySQLError) -> MySQLColumnDefinition? {
        try known(table).byName[name]
    }

    /// A condition that a text column holds exactly this text, byte for byte, found by an index of the column. It cannot fail:
    /// text that the column's character set has not is in no row.
    ///
    /// - Parameter alias: of the table in the statement, and a dot; empty: it has none.
    public func equality(
        of name: String, in table: String, alias: String = "", to text: String
    ) throws(MySQLError) -> SQL {
        let column: SQL = "\(unescaped: alias)\(identifier: name)"
        guard let definition = try self.column(name, of: table), let characterSet = definition.characterSet,
            let collation = definition.collation, characterSet != "utf8mb4"
        else { return "\(column) = \(text) AND BINARY \(column) = BINARY \(text)" }
        return """
            \(column) = CONVERT(\(text) USING \(unescaped: characterSet)) COLLATE \(unescaped: collation) \
            AND BINARY CONVERT(\(column) USING utf8mb4) = BINARY \(text)
            """
    }

    /// What an UPDATE of a table has to say besides, after all else that it sets: the columns that the server would set to the
    /// present time stay what they are. Begins with a comma, if there is anything to say.
    ///
    /// - Parameters:
    ///   - alias: of the table in the statement, and a dot; empty: it has none.
    ///   - assigned: columns that the statement sets itself.
    public func keepingTimes(
        of table: String, alias: String = "", but assigned: Set<String> = []
    ) throws(MySQLError) -> SQL {
        var sql: SQL = ""
        for column in try known(table).setOnUpdate where !assigned.contains(column.name.lowercased()) {
            let name: SQL = "\(unescaped: alias)\(identifier: column.name)"
            sql.append(", \(name) = \(name)" as SQL)
        }
        return sql
    }
}
