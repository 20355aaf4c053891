/// Sees to it that a statement of the migrator makes nobody wait for long: looks at it from a second connection, and ends it
/// (`KILL QUERY`) if it waits for a lock with everybody behind it, or holds what others need. Works on MariaDB and MySQL alike,
/// whose own limits count in whole seconds, and needs no right over the account's own connections.
actor MigrationWatch {
    /// How long a statement may wait for a lock, or hold one. With what it takes to notice and to end it, others wait for less
    /// than half a second.
    private static let patience: Duration = .milliseconds(150)
    /// The same where the tables have been locked before, and the change itself is made meanwhile. Both add up.
    private static let patienceWhileLocked: Duration = .milliseconds(200)
    private static let interval: Duration = .milliseconds(20)

    private let configuration: MySQLConfiguration
    private var connection: MySQLConnection?

    init(_ configuration: MySQLConfiguration) {
        self.configuration = configuration
    }

    /// Watches the statement that a connection runs, until the task is cancelled.
    /// - Parameter isLocked: all that it does makes others wait.
    /// - Returns: who was in the way when it was ended; nil if it was not.
    func watch(_ id: UInt64, isLocked: Bool) async -> [MigrationBlocker]? {
        let patience = isLocked ? Self.patienceWhileLocked : Self.patience
        var since = ContinuousClock.now
        while (try? await Task.sleep(for: Self.interval)) != nil {
            do {
                let connection = try await open()
                let rows = try await connection.query(
                    "SELECT STATE FROM information_schema.PROCESSLIST WHERE ID = \(id)")
                if Task.isCancelled { break }
                if !isLocked, !Self.makesOthersWait(try rows.first?.optionalString(0) ?? "") { since = .now }
                guard since.duration(to: .now) >= patience else { continue }
                let blockers = await MigrationBlocker.find(except: [id, connection.id], on: connection)
                if Task.isCancelled { break }
                try await connection.execute("KILL QUERY \(id)")
                return blockers
            } catch {
                // The statement's own limit, a second, is still there.
            }
        }
        return nil
    }

    /// Whether a thread in that state keeps others from the table.
    private static func makesOthersWait(_ state: String) -> Bool {
        let state = state.lowercased()
        return state.hasPrefix("waiting for") && state != "waiting for handler commit"
            || state.hasPrefix("committing alter") || state.hasPrefix("preparing for alter")
    }

    private func open() async throws(MySQLError) -> MySQLConnection {
        if let connection, connection.isUsable { return connection }
        let opened = try await MySQLConnection.connect(configuration)
        connection = opened
        return opened
    }

    func close() async {
        await connection?.close()
        connection = nil
    }
}

/// Who may be in the way of a change: a connection with an open transaction.
public struct MigrationBlocker: Sendable, Equatable, CustomStringConvertible {
    /// The connection's number, which `KILL` takes.
    public var connection: UInt64
    /// `user@host`.
    public var account: String
    /// How long its transaction has been open.
    public var seconds: Int64
    /// What it runs; empty: nothing at the moment.
    public var statement: String

    /// One line.
    public var description: String {
        "connection \(connection) of \(account), transaction open for \(seconds) s, "
            + (statement.isEmpty ? "idle" : "running: \(statement)")
    }

    /// The oldest ones, oldest first. Empty where the account may not see them (the right PROCESS).
    static func find(except own: [UInt64], on connection: MySQLConnection) async -> [MigrationBlocker] {
        let sql: SQL = """
            SELECT t.trx_mysql_thread_id, CONCAT(p.USER, '@', p.HOST), \
            TIMESTAMPDIFF(SECOND, t.trx_started, NOW()), LEFT(COALESCE(p.INFO, ''), 200) \
            FROM information_schema.INNODB_TRX t \
            JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id \
            WHERE t.trx_mysql_thread_id NOT IN \(list: own) ORDER BY t.trx_started LIMIT 3
            """
        do {
            return try await connection.query(sql).map {
                MigrationBlocker(
                    connection: try $0.uint64(0), account: try $0.string(1), seconds: max(0, try $0.int64(2)),
                    statement: try $0.string(3).replacing("\n", with: " "))
            }
        } catch {
            return []
        }
    }
}
