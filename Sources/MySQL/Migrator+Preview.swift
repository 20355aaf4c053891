extension Migrator {
    /// What a statement would do: as it would be sent, and what it would make others wait for.
    public struct Preview: Sendable, Equatable {
        /// The migration's name.
        public var migration: String
        /// One statement.
        public var statement: String
        /// What it locks, in words.
        public var locks: String
    }

    /// What `run` would do to the schema as it is, without doing any of it.
    public func preview() async throws -> [Preview] {
        let connection = try await connect()
        let runner = runner(connection) { _ in }
        var previews: [Preview] = []
        for (migration, _) in try await pending(on: connection, { _ in }, creating: false) {
            for statement in try migration.plan() {
                if let (text, locks) = try await preview(statement, runner) {
                    previews.append(Preview(migration: migration.name, statement: text, locks: locks))
                }
            }
        }
        await connection.close()
        return previews
    }

    private func preview(
        _ statement: MigrationStatement, _ runner: MigrationRunner
    ) async throws -> (text: String, locks: String)? {
        switch statement {
        case .alter(let table, let changes):
            let changes = try await runner.missing(changes, in: table)
            guard !changes.isEmpty else { return nil }
            let algorithm = MigrationStatement.algorithms(for: changes)[0]
            let tables = ([table] + (try await runner.children(of: table))).joined(separator: ", ")
            let sql = MigrationStatement.alter(table, changes, algorithm)
            let locks =
                switch algorithm {
                case .instant: "\(tables) for a moment, no row is touched (if the server can: else online)"
                case .online: "\(table) is read while others write; \(tables) for a moment at its start and its end"
                }
            return (String(decoding: sql.bytes, as: UTF8.self), locks)
        case .prepared(_, let variable):
            guard let text = try await runner.preparedText(variable) else { return nil }
            return try await preview(MigrationStatement(text), runner)
        case .other(let text):
            if let table = statement.createdTable {
                return try await runner.tables()[table] == nil ? (text, "nothing: the table is new") : nil
            }
            // A variable of our session, which the next statement needs.
            if statement.setsVariable {
                try await runner.connection.execute(SQL(unescaped: text))
                return nil
            }
            return (text, "the rows that it changes")
        }
    }
}

extension Migration {
    /// What is to be done.
    func plan() throws(MySQLError) -> [MigrationStatement] {
        do throws(MySQLError) {
            return MigrationStatement.plan(try StatementSplitter.split(text))
        } catch {
            var error = error
            error.place = name
            throw error
        }
    }
}

extension MigrationRunner {
    /// The tables and views of the schema with their engine; views have none.
    func tables() async throws -> [String: String] {
        let rows = try await connection.query(
            "select TABLE_NAME, coalesce(ENGINE, '') from information_schema.TABLES where TABLE_SCHEMA = database()")
        return Dictionary(
            try rows.map { (try $0.string(0), try $0.string(1)) }, uniquingKeysWith: { first, _ in first })
    }
}

extension MigrationStatement {
    /// The table and the columns or indexes that it is about, for the preview; nil: another statement's line has them.
    var subject: String? {
        switch self {
        case .alter(let table, let changes):
            let names = changes.map(\.name).filter { !$0.isEmpty }
            return "ALTER TABLE \(table)" + (names.isEmpty ? "" : ": " + names.joined(separator: ", "))
        case .prepared: return nil
        case .other(let text):
            if setsVariable { return nil }
            let line = text.prefix { $0 != "\n" }.prefix(80)
            return String(line.reversed().drop { $0 == "(" || $0.isWhitespace }.reversed())
        }
    }

    /// Where it stands in its migration.
    func place(_ index: Int) -> String { "statement \(index + 1)" + (subject.map { " (\($0))" } ?? "") }

    /// Whether it only sets a variable of our session, for a statement that is prepared next.
    var setsVariable: Bool {
        if case .other(let text) = self { text.uppercased().hasPrefix("SET @") } else { false }
    }

    /// The table that a CREATE TABLE makes.
    var createdTable: String? {
        guard case .other(let text) = self else { return nil }
        var words = text.split(whereSeparator: \.isWhitespace)[...]
        for keyword in ["CREATE", "TABLE"] {
            guard words.popFirst()?.uppercased() == keyword else { return nil }
        }
        if words.prefix(3).map({ $0.uppercased() }) == ["IF", "NOT", "EXISTS"] { words = words.dropFirst(3) }
        return words.first.map { String($0.replacing("`", with: "")) }
    }

    /// A column's type without what does not change which values it takes: display widths of whole numbers, fractions of
    /// seconds, and whether a time is a TIMESTAMP or a DATETIME.
    static func family(_ type: String) -> String {
        let type = type.lowercased()
        guard let open = type.firstIndex(of: "("), let close = type[open...].firstIndex(of: ")") else {
            return type == "datetime" ? "timestamp" : type
        }
        let base = type[..<open]
        if base.hasSuffix("int") { return String(base + type[type.index(after: close)...]) }
        return ["timestamp", "datetime"].contains(base) ? "timestamp" : type
    }
}

extension MigrationStatement.Change {
    /// The type that a column is to have, such as `varchar(1000)` or `bigint unsigned`.
    var columnType: String? {
        let words = clause.split(whereSeparator: \.isWhitespace).dropFirst(3)
        guard let type = words.first?.lowercased() else { return nil }
        return words.dropFirst().first?.lowercased() == "unsigned" ? type + " unsigned" : type
    }

    /// The columns that an index is to be on, in lower case; nil: not plain columns.
    var indexedColumns: [String]? {
        guard let open = clause.firstIndex(of: "("), let close = clause.lastIndex(of: ")") else { return nil }
        let names = clause[clause.index(after: open)..<close].split(separator: ",")
            .map { $0.filter { !$0.isWhitespace && $0 != "`" }.lowercased() }
        return names.contains { $0.contains("(") } ? nil : names
    }

    /// Whether an index that is to be added is unique.
    var isUnique: Bool { clause.split(whereSeparator: \.isWhitespace).dropFirst().first?.uppercased() == "UNIQUE" }
}
