/// Runs the statements of migrations so that nobody else waits for long: short waits for the table's lock, long pauses between
/// tries, and a table that others refer to locked together with them.
struct MigrationRunner {
    let connection: MySQLConnection
    let watch: MigrationWatch
    /// How long a statement may be tried.
    let limit: Duration
    let report: @Sendable (Migrator.Event) -> Void

    /// Runs one statement; whose effect is there already counts as done.
    func run(_ statement: MigrationStatement) async throws {
        if let subject = statement.subject { report(.running(subject)) }
        switch statement {
        case .alter(let table, let changes): try await alter(table, changes)
        case .prepared(_, let variable):
            guard let text = try await preparedText(variable) else { return }
            try await run(MigrationStatement(text))
        case .other(let text):
            try await persistently(text) { _ in
                do {
                    try await watched(SQL(unescaped: text))
                } catch let error as MySQLError where Self.meansDone.contains(error.number) {}
            }
        }
    }

    /// The statement that a user variable holds; nil if there is nothing to do.
    func preparedText(_ variable: String) async throws -> String? {
        let row = try await connection.query("SELECT \(unescaped: "@" + variable)").first
        guard let text = try row?.optionalString(0), text != "DO 0" else { return nil }
        return text
    }

    /// The changes that have not been made.
    func missing(_ changes: [MigrationStatement.Change], in table: String) async throws -> [MigrationStatement.Change] {
        let columns = try await names(
            """
            SELECT COLUMN_NAME FROM information_schema.COLUMNS
            WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = \(table)
            """)
        let indexes = try await names(
            """
            SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS
            WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = \(table)
            """)
        return changes.filter { change in
            switch change.kind {
            case .addColumn: !columns.contains(change.name.lowercased())
            case .addIndex: !indexes.contains(change.name.lowercased())
            case .dropColumn: columns.contains(change.name.lowercased())
            case .dropIndex: indexes.contains(change.name.lowercased())
            case .other: true
            }
        }
    }

    /// Tables with foreign keys that refer to this one: a change of it has to have their locks too.
    func children(of table: String) async throws -> [String] {
        try await connection.query(
            """
            SELECT DISTINCT TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE
            WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_SCHEMA = DATABASE()
            AND REFERENCED_TABLE_NAME = \(table) AND TABLE_NAME <> \(table) ORDER BY 1
            """
        ).map { try $0.string(0) }
    }

    /// How many rows a table has, about.
    private func rows(of table: String) async throws -> Int64 {
        let sql: SQL = """
            SELECT TABLE_ROWS FROM information_schema.TABLES
            WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = \(table)
            """
        return try await connection.query(sql).first?.optionalInt64(0) ?? 0
    }

    private func names(_ sql: SQL) async throws -> Set<String> {
        Set(try await connection.query(sql).map { try $0.string(0).lowercased() })
    }

    private func alter(_ table: String, _ changes: [MigrationStatement.Change]) async throws {
        let changes = try await missing(changes, in: table)
        guard !changes.isEmpty else { return }
        let children = try await children(of: table)
        var algorithms = MigrationStatement.algorithms(for: changes)[...]
        // A node of a Galera cluster ends the transactions that are in the way by itself.
        let isGaleraNode = await connection.isGaleraNode
        var mayLock = !children.isEmpty && !isGaleraNode
        // Locked, the change itself has to be short. An index that takes longer is tried without, now and then: at a moment when
        // nobody is at work in both tables it can be had.
        let isSmall = try await rows(of: table) < 20_000
        var lockedTries = 0
        try await persistently(table) { _ in
            while let algorithm = algorithms.first {
                let sql = MigrationStatement.alter(table, changes, algorithm)
                do {
                    let isLocked =
                        mayLock && (algorithm == .instant || isSmall && !(lockedTries > 2 && lockedTries % 2 == 1))
                    if !isLocked {
                        lockedTries += 1
                        try await watched(sql)
                    } else {
                        try await lock([table] + children)
                        lockedTries += 1
                        let result = await Result { () async throws in try await watched(sql, isLocked: true) }
                        try await connection.execute("UNLOCK TABLES")
                        try result.get()
                    }
                    return
                } catch let error as MySQLError where mayLock && error.number == 1044 {
                    mayLock = false
                    report(
                        .kept("\(table): without the right LOCK TABLES it is changed at a moment when nobody uses it"))
                } catch let error as MySQLError where Self.isNotSupported(error) && algorithms.count > 1 {
                    algorithms.removeFirst()
                    lockedTries = 0
                } catch let error as MySQLError where Self.meansDone.contains(error.number) {
                    // Somebody else has made it meanwhile.
                    if try await missing(changes, in: table).isEmpty { return }
                    throw error
                } catch let error as MySQLError where error.number == 1553 && changes[0].kind == .dropIndex {
                    report(.kept("index \(table).\(changes[0].name): a foreign key needs it"))
                    return
                }
            }
        }
    }

    /// Locks tables in the one order that the server takes: who is at work in them finishes, who comes waits outside. To lock
    /// one after the other would be a deadlock with whoever works in them in that order.
    private func lock(_ tables: [String]) async throws {
        var sql: SQL = "LOCK TABLES "
        for (index, table) in tables.enumerated() {
            if index > 0 { sql.append(unescaped: ", ") }
            sql.append("\(identifier: table) WRITE")
        }
        try await watched(sql)
    }

    /// Runs a statement under watch.
    private func watched(_ sql: SQL, isLocked: Bool = false) async throws {
        let id = await connection.id
        let watching = Task { await watch.watch(id, isLocked: isLocked) }
        let result = await Result { () async throws in try await connection.execute(sql) }
        watching.cancel()
        let blockers = await watching.value
        // The end may have come too late for this statement: then it is for the next.
        if blockers != nil { _ = try? await connection.execute("DO 0") }
        if case .failure(let error as MySQLError) = result, error.kind == .interrupted, let blockers {
            throw Blocked(blockers: blockers, error: error)
        }
        _ = try result.get()
    }

    /// The watch has ended a statement.
    private struct Blocked: Error {
        let blockers: [MigrationBlocker]
        let error: MySQLError
    }

    /// Tries until the time is up: after a statement that the watch has ended, and after conflicts.
    func persistently(_ subject: String, _ body: (Int) async throws -> Void) async throws {
        let start = ContinuousClock.now
        for attempt in 1... {
            var reason: MySQLError
            var blockers: [MigrationBlocker] = []
            do {
                return try await body(attempt)
            } catch let blocked as Blocked {
                reason = blocked.error
                blockers = blocked.blockers
            } catch let error as MySQLError where error.kind == .conflict {
                reason = error
            }
            guard start.duration(to: .now) < limit else {
                let names = blockers.map { "; \($0)" }.joined()
                reason.kind = .conflict
                reason.message = "\(subject): its lock was not free for \(limit.components.seconds) s\(names)"
                throw reason
            }
            // Half of the time at least nobody waits because of us: 1, 2, 4, then 5 s on average.
            let longest = min(2000 << min(attempt - 1, 3), 10_000)
            let pause = Duration.milliseconds(Int.random(in: longest / 4...longest * 3 / 4))
            report(.blocked(subject: subject, blockers: blockers, pause: pause))
            try await Task.sleep(for: pause)
        }
    }

    /// Table exists, duplicate column, duplicate key name, cannot drop what is not there.
    private static let meansDone: Set = [1050, 1060, 1061, 1091]

    /// The server does not do it in that way, for this table.
    private static func isNotSupported(_ error: MySQLError) -> Bool { [1845, 1846, 1221].contains(error.number) }
}

extension Result where Failure == any Error {
    /// What an asynchronous body returns or throws.
    fileprivate init(_ body: () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}
