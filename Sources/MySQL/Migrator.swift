/// A plain SQL file that changes a schema.
public struct Migration: Sendable {
    /// The file's name, for example `0001_create_tables.sql`. Recorded, so it must not change.
    public var name: String
    /// Statements that end with a semicolon each.
    public var text: String

    /// A migration of that name and text.
    public init(name: String, text: String) {
        self.name = name
        self.text = text
    }
}

/// Applies migrations in the order given, each once, whoever else tries to at the same time on whatever node.
///
/// MySQL commits each DDL statement by itself, so a migration that was interrupted is run again from its start:
/// statements whose effect is there already (errors 1050, 1060, 1061, 1091) count as done. Statements that change data
/// have to be written so that running them twice does no harm.
public struct Migrator: Sendable {
    /// What happens, in order.
    public enum Event: Sendable, Equatable {
        /// Another migrator is at work; this one waits for its end.
        case waiting
        /// A migration begins.
        case started(name: String, statements: Int)
        /// A migration has been applied and recorded.
        case applied(name: String)
        /// A migration that was applied before has another text now. Nothing is done about it.
        case changed(name: String)
    }

    private let configuration: MySQLConfiguration
    private let migrations: [Migration]
    private let table: String
    private let statementTimeout: Duration
    private let leaseDuration: Duration

    /// A migrator that records in `table` what it has applied, and locks by a row of `TABLE_lease`.
    ///
    /// `statementTimeout` replaces the configuration's: a change of a large table takes long. `leaseDuration`, in whole
    /// seconds, is how long others wait for a migrator that died.
    public init(
        _ configuration: MySQLConfiguration, migrations: [Migration], table: String = "integrator_migrations",
        statementTimeout: Duration = .seconds(3600), leaseDuration: Duration = .seconds(30)
    ) {
        self.configuration = configuration
        self.migrations = migrations
        self.table = table
        self.statementTimeout = statementTimeout
        self.leaseDuration = leaseDuration
    }

    /// Applies what has not been applied and returns the names. Waits as long as another migrator is at work.
    ///
    /// Throws `MySQLError` with its `place`, or `CancellationError`; migrations before the failed one stay applied.
    public func run(report: @Sendable (Event) -> Void = { _ in }) async throws -> [String] {
        var patient = configuration
        patient.statementTimeout = statementTimeout
        let connection = try await MySQLConnection.connect(patient)
        let lease = MigrationLease(table: table + "_lease", duration: leaseDuration, configuration: configuration)
        try await persistently { try await connection.run { try lease.prepare(on: $0) } }
        try await take(lease, on: connection, report)
        let keeper = Task { await lease.keep() }
        do {
            let applied = try await apply(on: connection, lease, report)
            await release(lease, keeper, connection)
            return applied
        } catch {
            await release(lease, keeper, connection)
            throw error
        }
    }

    private func take(
        _ lease: MigrationLease, on connection: MySQLConnection, _ report: (Event) -> Void
    ) async throws {
        var hasReported = false
        while try await !connection.run({ try lease.take(on: $0) }) {
            if !hasReported { report(.waiting) }
            hasReported = true
            try await Task.sleep(for: .milliseconds(Int.random(in: 100...300)))
        }
    }

    private func release(_ lease: MigrationLease, _ keeper: Task<Void, Never>, _ connection: MySQLConnection) async {
        keeper.cancel()
        await keeper.value
        await connection.run { connection in
            // If this fails the lease runs out.
            try? lease.giveBack(on: connection)
            connection.close()
        }
    }

    private func apply(
        on connection: MySQLConnection, _ lease: MigrationLease, _ report: (Event) -> Void
    ) async throws -> [String] {
        try await persistently {
            try await connection.execute(
                """
                create table if not exists \(identifier: table) (
                    name varchar(191) character set utf8mb4 collate utf8mb4_bin not null primary key,
                    applied_at datetime(6) not null,
                    checksum char(64) character set ascii not null
                )
                """)
        }
        let recorded = try await connection.query("select name, checksum from \(identifier: table)")
        var checksums: [String: String] = [:]
        for row in recorded { checksums[try row.string("name")] = try row.string("checksum") }

        var applied: [String] = []
        for migration in migrations {
            // The server has SHA-2; this room needs no other library for it.
            let checksum = try await connection.query("select sha2(\(Array(migration.text.utf8)), 256)")[0].string(0)
            if let known = checksums[migration.name] {
                if known != checksum { report(.changed(name: migration.name)) }
            } else {
                try await apply(migration, checksum, on: connection, lease, report)
                applied.append(migration.name)
            }
        }
        return applied
    }

    private func apply(
        _ migration: Migration, _ checksum: String, on connection: MySQLConnection, _ lease: MigrationLease,
        _ report: (Event) -> Void
    ) async throws {
        var place = migration.name
        do {
            let statements = try StatementSplitter.split(migration.text)
            report(.started(name: migration.name, statements: statements.count))
            for (index, statement) in statements.enumerated() {
                place = "\(migration.name), statement \(index + 1)"
                try Task.checkCancellation()
                try lease.check()
                try await persistently {
                    try await connection.run { connection in
                        do {
                            try connection.execute(statement)
                        } catch let error as MySQLError where Self.meansDone.contains(error.number) {
                            return
                        }
                    }
                }
            }
            place = migration.name
            try await persistently { try await record(migration.name, checksum, on: connection, lease) }
        } catch var error as MySQLError {
            error.place = place
            throw error
        }
        report(.applied(name: migration.name))
    }

    /// Records a migration, provided that the lease is ours at that moment.
    private func record(
        _ name: String, _ checksum: String, on connection: MySQLConnection, _ lease: MigrationLease
    ) async throws {
        try await connection.run { connection in
            do {
                try connection.begin()
                guard try lease.renew(on: connection) else { throw MigrationLease.lostError }
                try connection.execute(
                    """
                    insert into \(identifier: table) (name, applied_at, checksum)
                    values (\(name), utc_timestamp(6), \(checksum))
                    """)
                try connection.commit()
            } catch {
                connection.rollback()
                throw error
            }
        }
    }

    /// Tries again after conflicts: a table's lock that did not become free in time, or another node.
    private func persistently(_ body: () async throws -> Void) async throws {
        for attempt in 1... {
            do {
                return try await body()
            } catch let error as MySQLError where error.kind == .conflict && attempt < 10 {
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...200) * attempt))
            }
        }
    }

    /// Table exists, duplicate column, duplicate key name, cannot drop what is not there.
    private static let meansDone: Set = [1050, 1060, 1061, 1091]
}
