/// A plain SQL file that changes a schema.
public struct Migration: Sendable {
    /// The file's name, for example `0001_create_tables.sql`. Recorded, so it must not change.
    public var name: String
    /// Statements that end with a semicolon each.
    public var text: String
    /// SHA-256 of earlier texts, in hexadecimal: a schema to which one of these was applied is as it should be.
    public var earlierChecksums: [String]

    /// A migration of that name and text.
    public init(name: String, text: String, earlierChecksums: [String] = []) {
        self.name = name
        self.text = text
        self.earlierChecksums = earlierChecksums
    }
}

/// Applies migrations in the order given, each once, whoever else tries to at the same time on whatever node, while others work
/// in the tables: nobody waits for it longer than half a second, whatever else holds locks (see `MigrationRunner`).
///
/// MySQL commits each DDL statement by itself, so a migration that was interrupted is run again from its start:
/// statements whose effect is there already (errors 1050, 1060, 1061, 1091) count as done. Statements that change data
/// have to be written so that running them twice does no harm.
public struct Migrator: Sendable {
    /// What happens, in order.
    public enum Event: Sendable, Equatable {
        /// Another migrator is at work; this one waits for its end.
        case waiting
        /// The migrator that is waited for seems to have died; its lease runs out after so many seconds.
        case waitingForDead(seconds: Int64)
        /// A migration begins.
        case started(name: String, statements: Int)
        /// A statement of it begins.
        case running(String)
        /// The statement makes others wait, because of these as far as they can be seen: it is tried again after a pause.
        case blocked(subject: String, blockers: [MigrationBlocker], pause: Duration)
        /// Something is left as it is, and why.
        case kept(String)
        /// A migration has been applied and recorded.
        case applied(name: String)
        /// A migration that was applied before has another text now. Nothing is done about it.
        case changed(name: String)
    }

    private let configuration: MySQLConfiguration
    let migrations: [Migration]
    let table: String
    private let statementTimeout: Duration
    private let leaseDuration: Duration
    private let lockLimit: Duration
    /// What else has to be looked at before anything is changed; reads only.
    let precondition: @Sendable (isolated MySQLConnection) throws(MySQLError) -> [SchemaDifference]

    /// A migrator that records in `table` what it has applied, and locks by a row of `TABLE_lease`.
    ///
    /// - Parameters:
    ///   - statementTimeout: replaces the configuration's: a change of a large table takes long.
    ///   - leaseDuration: in whole seconds, how long others wait for a migrator that died.
    ///   - lockLimit: how long one statement is tried whose lock others hold.
    ///   - precondition: what else is in the way of the migrations, or otherwise than it should be; reads only.
    public init(
        _ configuration: MySQLConfiguration, migrations: [Migration], table: String = "integrator_migrations",
        statementTimeout: Duration = .seconds(3600), leaseDuration: Duration = .seconds(12),
        lockLimit: Duration = .seconds(600),
        precondition: @escaping @Sendable (isolated MySQLConnection) throws(MySQLError) -> [SchemaDifference] = { _ in
            []
        }
    ) {
        var configuration = configuration
        // Should this process die, the statement that it leaves behind waits no longer than this.
        configuration.lockWaitTimeout = .seconds(1)
        self.configuration = configuration
        self.migrations = migrations
        self.table = table
        self.statementTimeout = statementTimeout
        self.leaseDuration = leaseDuration
        self.lockLimit = lockLimit
        self.precondition = precondition
    }

    /// Applies what has not been applied and returns the names. Waits as long as another migrator is at work.
    ///
    /// Throws `MySQLError` with its `place`, or `CancellationError`; migrations before the failed one stay applied. What
    /// `check` throws is thrown before anything is changed.
    public func run(report: @escaping @Sendable (Event) -> Void = { _ in }) async throws -> [String] {
        for difference in try await check() {
            report(.kept("\(difference.text); to have it so: \(difference.remedy)"))
        }
        return try await alone(report) { runner, lease in
            let pending = try await pending(on: runner.connection, report)
            var applied: [String] = []
            for (migration, checksum) in pending {
                try await apply(migration, runner, lease) {
                    try await record(migration.name, checksum, on: runner.connection, lease)
                }
                report(.applied(name: migration.name))
                applied.append(migration.name)
            }
            return applied
        }
    }

    /// Runs `undo`, a migration in the other direction, and forgets that those of these names were applied.
    public func undo(
        _ undo: Migration, forgetting names: [String], report: @escaping @Sendable (Event) -> Void = { _ in }
    ) async throws {
        try await alone(report) { runner, lease in
            try await apply(undo, runner, lease) {
                try await runner.connection.execute("delete from \(identifier: table) where name in \(list: names)")
            }
        }
    }

    /// A connection on which a statement may take long.
    func connect() async throws(MySQLError) -> MySQLConnection {
        var patient = configuration
        patient.statementTimeout = statementTimeout
        return try await MySQLConnection.connect(patient)
    }

    func runner(
        _ connection: MySQLConnection, _ report: @escaping @Sendable (Event) -> Void
    ) -> MigrationRunner {
        MigrationRunner(
            connection: connection, watch: MigrationWatch(configuration), limit: lockLimit, report: report)
    }

    /// Runs `body` with the lease.
    private func alone<R: Sendable>(
        _ report: @escaping @Sendable (Event) -> Void,
        _ body: (MigrationRunner, MigrationLease) async throws -> R
    ) async throws -> R {
        let connection = try await connect()
        let runner = runner(connection, report)
        let lease = MigrationLease(table: table + "_lease", duration: leaseDuration, configuration: configuration)
        try await runner.persistently(table + "_lease") { _ in
            try await connection.run { try lease.prepare(on: $0) }
        }
        try await take(lease, on: connection, report)
        let keeper = Task { await lease.keep() }
        let result: Result<R, any Error>
        do {
            result = .success(try await body(runner, lease))
        } catch {
            result = .failure(error)
        }
        keeper.cancel()
        await keeper.value
        await connection.run { connection in
            // If this fails the lease runs out.
            try? lease.giveBack(on: connection)
            connection.close()
        }
        await runner.watch.close()
        return try result.get()
    }

    private func take(
        _ lease: MigrationLease, on connection: MySQLConnection, _ report: (Event) -> Void
    ) async throws {
        var (hasReported, hasReportedDeath) = (false, false)
        while try await !connection.run({ try lease.take(on: $0) }) {
            if !hasReported { report(.waiting) }
            hasReported = true
            if !hasReportedDeath, let holder = try await connection.run({ try lease.holder(on: $0) }), holder.isDead {
                report(.waitingForDead(seconds: holder.seconds))
                hasReportedDeath = true
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 100...300)))
        }
    }

    /// The migrations that have not been applied, each with its checksum.
    func pending(
        on connection: MySQLConnection, _ report: (Event) -> Void, creating: Bool = true
    ) async throws -> [(Migration, checksum: String)] {
        if creating {
            try await connection.execute(
                """
                create table if not exists \(identifier: table) (
                    name varchar(191) character set utf8mb4 collate utf8mb4_bin not null primary key,
                    applied_at datetime(6) not null,
                    checksum char(64) character set ascii not null
                ) engine = InnoDB
                """)
        }
        var checksums: [String: String] = [:]
        if try await !connection.query("show tables like \(table)").isEmpty {
            for row in try await connection.query("select name, checksum from \(identifier: table)") {
                checksums[try row.string("name")] = try row.string("checksum")
            }
        }
        var pending: [(Migration, checksum: String)] = []
        for migration in migrations {
            // The server has SHA-2; this room needs no other library for it.
            let checksum = try await connection.query("select sha2(\(Array(migration.text.utf8)), 256)")[0].string(0)
            if let known = checksums[migration.name] {
                if known != checksum && !migration.earlierChecksums.contains(known) {
                    report(.changed(name: migration.name))
                }
            } else {
                pending.append((migration, checksum))
            }
        }
        return pending
    }

    private func apply(
        _ migration: Migration, _ runner: MigrationRunner, _ lease: MigrationLease, _ finish: () async throws -> Void
    ) async throws {
        var place = migration.name
        do {
            let statements = try migration.plan()
            runner.report(.started(name: migration.name, statements: statements.count))
            for (index, statement) in statements.enumerated() {
                place = "\(migration.name), \(statement.place(index))"
                try Task.checkCancellation()
                try lease.check()
                try await runner.run(statement)
            }
            place = migration.name
            try lease.check()
            try await runner.persistently(table) { _ in try await finish() }
        } catch var error as MySQLError {
            error.place = place
            throw error
        }
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
}
