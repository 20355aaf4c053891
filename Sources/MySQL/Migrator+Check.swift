/// Something in a schema that is otherwise than a program needs it.
public struct SchemaDifference: Sendable, Equatable {
    /// Statements fail, or mean something else, until it is mended; otherwise something is cut or slow.
    public var isFatal: Bool
    /// Names the table and the column.
    public var text: String
    /// What to do about it.
    public var remedy: String

    /// - Parameters:
    ///   - isFatal: statements fail until it is mended.
    ///   - text: names the table and the column.
    ///   - remedy: what to do about it.
    public init(isFatal: Bool, text: String, remedy: String) {
        self.isFatal = isFatal
        self.text = text
        self.remedy = remedy
    }
}

extension Migrator {
    /// Looks through the schema for all that is in the way of the migrations that have not been applied. Changes nothing.
    ///
    /// - Returns: what is otherwise than the migrations want it, and is left as it is.
    /// - Throws: one `MySQLError` that names all that has to be mended first.
    public func check() async throws -> [SchemaDifference] {
        let connection = try await connect()
        let result: Result<[SchemaDifference], any Error>
        do {
            result = .success(try await differences(on: connection))
        } catch {
            result = .failure(error)
        }
        await connection.close()
        let differences = try result.get()
        let fatal = differences.filter(\.isFatal)
        if fatal.isEmpty { return differences }
        let lines = fatal.map { "\n  \($0.text): \($0.remedy)" }.joined()
        throw MySQLError(kind: .other, message: "nothing has been changed; to be mended first:\(lines)")
    }

    private func differences(on connection: MySQLConnection) async throws -> [SchemaDifference] {
        let runner = runner(connection) { _ in }
        let pending = try await pending(on: connection, { _ in }, creating: false)
        if pending.isEmpty { return [] }
        let precondition = precondition
        var differences = try await connection.run { try precondition($0) }
        let tables = try await runner.tables()
        var altered: Set<String> = []
        for (migration, _) in pending {
            for statement in try migration.plan() {
                if let table = statement.createdTable, tables[table] == nil {
                    differences += try await runner.refusal("CREATE", of: table)
                }
                guard let (table, changes) = try await runner.change(statement) else { continue }
                if altered.insert(table).inserted {
                    differences += try await runner.unfit(table, tables[table])
                }
                for change in changes {
                    let found = try await runner.differences(change, in: table)
                    differences += found.filter { !differences.contains($0) }
                }
            }
        }
        return differences
    }
}

extension MigrationRunner {
    /// The table that a statement changes, and how; of others only that is run that a later statement is made from.
    fileprivate func change(
        _ statement: MigrationStatement
    ) async throws -> (table: String, [MigrationStatement.Change])? {
        switch statement {
        case .alter(let table, let changes): return (table, changes)
        case .prepared(_, let variable):
            guard let text = try await preparedText(variable) else { return nil }
            return try await change(MigrationStatement(text))
        case .other(let text):
            if statement.setsVariable { try await connection.execute(SQL(unescaped: text)) }
            return nil
        }
    }

    /// Why a table cannot be changed at all. One that is missing may be made by a migration before.
    fileprivate func unfit(_ table: String, _ engine: String?) async throws -> [SchemaDifference] {
        guard let engine, engine != "InnoDB" else { return try await refusal("ALTER", of: table) }
        let text =
            engine.isEmpty ? "\(table) is no table but a view" : "\(table) is a table of \(engine), not of InnoDB"
        let remedy =
            engine.isEmpty ? "have the table itself in this schema" : "ALTER TABLE \(table) ENGINE = InnoDB"
        return [SchemaDifference(isFatal: true, text: text, remedy: remedy)]
    }

    /// Why the server does not let a table be made or changed, by a statement that has no effect where it does: a column is
    /// there twice, or is not there.
    fileprivate func refusal(_ right: String, of table: String) async throws -> [SchemaDifference] {
        let probe: SQL =
            right == "CREATE"
            ? "CREATE TABLE \(identifier: table) (a INT PRIMARY KEY, a INT)"
            : "ALTER TABLE \(identifier: table) DROP COLUMN `no such column`"
        do {
            try await connection.execute(probe)
        } catch  where error.number == 1142 {
            return [
                SchemaDifference(
                    isFatal: true, text: "the right \(right) on \(table) is missing",
                    remedy: "GRANT \(right) ON `\(table)` TO this user, or on the whole schema")
            ]
        } catch  where !connection.isUsable {
            throw error
        } catch  where !Self.answersOfProbes.contains(error.number) && error.kind != .conflict {
            return [
                SchemaDifference(
                    isFatal: true, text: "the server refuses \(right) TABLE \(table)", remedy: "it says \(error)")
            ]
        } catch {}
        return []
    }

    /// Table exists, column is there twice, column is not there, table is not there.
    private static let answersOfProbes: Set = [1050, 1060, 1091, 1146]

    /// What to tell of a column or an index that is there already and is another one.
    fileprivate func differences(
        _ change: MigrationStatement.Change, in table: String
    ) async throws -> [SchemaDifference] {
        switch change.kind {
        case .addColumn(let isGenerated): try await column(change, isGenerated, in: table)
        case .addIndex: try await index(change, in: table)
        default: []
        }
    }

    private func column(
        _ change: MigrationStatement.Change, _ isGenerated: Bool, in table: String
    ) async throws -> [SchemaDifference] {
        let row = try await connection.query(
            """
            select COLUMN_TYPE, coalesce(GENERATION_EXPRESSION, '') <> '' from information_schema.COLUMNS
            where TABLE_SCHEMA = database() and TABLE_NAME = \(table) and COLUMN_NAME = \(change.name)
            """
        ).first
        guard let row else { return try await obstacle(change, isGenerated, in: table) }
        let there = try row.string(0)
        let name = "column \(table).\(change.name)"
        let clause = change.clause.dropFirst("ADD COLUMN ".count)
        if isGenerated {
            if try row.bool(1) { return [] }
            return [
                SchemaDifference(
                    isFatal: true, text: "\(name) is there as \(there), not as a generated column",
                    remedy: "rename it: ALTER TABLE \(table) RENAME COLUMN \(change.name) TO another name")
            ]
        }
        guard let wanted = change.columnType, MigrationStatement.family(there) != MigrationStatement.family(wanted)
        else { return [] }
        return [
            SchemaDifference(
                isFatal: false, text: "\(name) is there as \(there), not as \(wanted)",
                remedy: "ALTER TABLE \(table) MODIFY COLUMN \(clause)")
        ]
    }

    /// What a table has that lets no column be added while others write, or no generated one.
    private func obstacle(
        _ change: MigrationStatement.Change, _ isGenerated: Bool, in table: String
    ) async throws -> [SchemaDifference] {
        let indexes = try await connection.query(
            """
            select distinct INDEX_NAME from information_schema.STATISTICS
            where TABLE_SCHEMA = database() and TABLE_NAME = \(table) and INDEX_TYPE = 'FULLTEXT'
            """)
        var obstacles = try indexes.map { row in
            let name = try row.string(0)
            return SchemaDifference(
                isFatal: true, text: "\(table) has the FULLTEXT index \(name), beside which no column is added online",
                remedy: "ALTER TABLE \(table) DROP INDEX `\(name)`; it may be made again after the migrations")
        }
        let partitions = try await connection.query(
            """
            select 1 from information_schema.TABLES where TABLE_SCHEMA = database() and TABLE_NAME = \(table)
            and CREATE_OPTIONS like '%partitioned%'
            """)
        if isGenerated, !partitions.isEmpty {
            obstacles.append(
                SchemaDifference(
                    isFatal: true, text: "\(table) is partitioned, and needs a unique index over all of it",
                    remedy: "ALTER TABLE \(table) REMOVE PARTITIONING"))
        }
        return obstacles
    }

    /// Rows between which a unique index that is to be made would not know a difference.
    private func duplicates(
        of columns: [String], _ index: String, in table: String
    ) async throws -> [SchemaDifference] {
        // What is not there yet has nothing in it.
        let there = try await connection.columns(of: table).map { $0.name.lowercased() }
        guard columns.allSatisfy(there.contains) else { return [] }
        let names = columns.map { "`\($0)`" }
        let query = """
            SELECT \(names.joined(separator: ", ")), COUNT(*) FROM `\(table)` \
            WHERE \(names.map { "\($0) IS NOT NULL" }.joined(separator: " AND ")) \
            GROUP BY \(names.joined(separator: ", ")) HAVING COUNT(*) > 1
            """
        guard try await !connection.query(SQL(unescaped: query + " LIMIT 1")).isEmpty else { return [] }
        return [
            SchemaDifference(
                isFatal: true,
                text: "\(table) has rows with the same \(columns.joined(separator: ", ")), which \(index) forbids",
                remedy: "\(query) shows them")
        ]
    }

    private func index(_ change: MigrationStatement.Change, in table: String) async throws -> [SchemaDifference] {
        let rows = try await connection.query(
            """
            select COLUMN_NAME, NON_UNIQUE = 0 from information_schema.STATISTICS
            where TABLE_SCHEMA = database() and TABLE_NAME = \(table) and INDEX_NAME = \(change.name)
            order by SEQ_IN_INDEX
            """)
        guard let wanted = change.indexedColumns else { return [] }
        guard let first = rows.first else {
            return change.isUnique ? try await duplicates(of: wanted, change.name, in: table) : []
        }
        let there = try rows.map { try $0.optionalString(0)?.lowercased() ?? "" }
        let isUnique = try first.bool(1)
        if there == wanted, isUnique == change.isUnique { return [] }
        return [
            SchemaDifference(
                // What a unique index keeps apart is not kept apart by another; one that is unique refuses rows.
                isFatal: isUnique || change.isUnique,
                text: """
                    the index \(change.name) of \(table) is on (\(there.joined(separator: ", ")))\(isUnique ? ", unique" : "")
                    """,
                remedy: "ALTER TABLE \(table) DROP INDEX \(change.name), \(change.clause)")
        ]
    }
}
