import Time
import MySQL
import TestSupport
import Testing

@Suite struct MigratorTests {
    private let first = Migration(
        name: "0001_tables.sql",
        text: """
            -- The first table; there will be more.
            create table a (id int primary key, v varchar(20) default 'x;y');
            create table b (id int primary key);
            """)
    private let second = Migration(
        name: "0002_columns.sql",
        text: """
            alter table a add column w int;
            alter table a add key w_key (w);
            alter table a drop column v;
            """)

    @Test func appliesEachOnceInOrder() async throws {
        try await TestDatabase.with { configuration in
            let events = Record<Migrator.Event>()
            let report: @Sendable (Migrator.Event) -> Void = { event in events.add(event) }
            #expect(try await Migrator(configuration, migrations: [first]).run(report: report) == [first.name])
            let migrator = Migrator(configuration, migrations: [first, second])
            #expect(try await migrator.run(report: report) == [second.name])
            #expect(try await migrator.run(report: report) == [])
            #expect(
                events.entries == [
                    .started(name: first.name, statements: 2), .applied(name: first.name),
                    .started(name: second.name, statements: 3), .applied(name: second.name),
                ])
            let connection = try await MySQLConnection.connect(configuration)
            let rows = try await connection.query(
                "select name, applied_at, checksum from integrator_migrations order by name")
            #expect(try rows.map { try $0.string("name") } == [first.name, second.name])
            #expect(try rows[0].string("checksum").count == 64)
            let age = try Timestamp.now().seconds - rows[0].timestamp("applied_at").seconds
            #expect((-1...60).contains(age))
            #expect(try await connection.query("show columns from a").map { try $0.string(0) } == ["id", "w"])
        }
    }

    @Test func reportsChangedFiles() async throws {
        try await TestDatabase.with { configuration in
            _ = try await Migrator(configuration, migrations: [first]).run()
            let events = Record<Migrator.Event>()
            let changed = Migration(name: first.name, text: first.text + "create table c (id int);")
            let migrator = Migrator(configuration, migrations: [changed])
            #expect(try await migrator.run { event in events.add(event) } == [])
            #expect(events.entries == [.changed(name: first.name)])
        }
    }

    @Test func twoAtOnceApplyEachOnce() async throws {
        try await TestDatabase.with { configuration in
            // It fails if it is run twice.
            let migrations = [
                Migration(
                    name: "1", text: "create table c (id int primary key); do sleep(0.5); insert into c values (1);")
            ]
            let migrator = Migrator(configuration, migrations: migrations, table: "history")
            let (waits, waiting) = AsyncStream.makeStream(of: Void.self)
            let report: @Sendable (Migrator.Event) -> Void = { if $0 == .waiting { waiting.yield() } }
            async let one = migrator.run(report: report)
            async let other = migrator.run(report: report)
            #expect(try await [one, other].flatMap(\.self) == ["1"])
            waiting.finish()
            #expect(await waits.reduce(0) { count, _ in count + 1 } == 1)
            let connection = try await MySQLConnection.connect(configuration)
            let lease = try await connection.query("select owner from history_lease")
            #expect(try lease.count == 1 && lease[0].isNull("owner"))
        }
    }

    @Test func namesTheFileAndTheStatement() async throws {
        try await TestDatabase.with { configuration in
            let bad = Migration(name: "0002_bad.sql", text: "create table c (id int); create tabel d (id int);")
            let error = await #expect(throws: MySQLError.self) {
                _ = try await Migrator(configuration, migrations: [first, bad]).run()
            }
            #expect(error?.place == "0002_bad.sql, statement 2")
            #expect(error?.number == 1064)
            let open = Migration(name: "0002_open.sql", text: "create table c (id int)")
            let incomplete = await #expect(throws: MySQLError.self) {
                _ = try await Migrator(configuration, migrations: [first, open]).run()
            }
            #expect(incomplete?.place == "0002_open.sql")
            // Put right, it goes on from there: the statement that was done counts as done.
            let good = Migration(name: "0002_bad.sql", text: "create table c (id int); create table d (id int);")
            let applied = try await Migrator(configuration, migrations: [first, good]).run()
            #expect(applied == [good.name])
        }
    }

    @Test func whatIsThereAlreadyCountsAsDone() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            try await connection.execute("create table a (id int primary key, w int, key w_key (w))")
            let migrations = [first, second]
            #expect(try await Migrator(configuration, migrations: migrations).run() == migrations.map(\.name))
            #expect(try await connection.query("show tables like 'b'").count == 1)
        }
    }

    @Test func aDeadMigratorsLeaseRunsOut() async throws {
        try await TestDatabase.with { configuration in
            let migrator = Migrator(configuration, migrations: [first])
            _ = try await migrator.run()
            let connection = try await MySQLConnection.connect(configuration)
            try await connection.execute(
                """
                update integrator_migrations_lease
                set owner = 'dead', expires_at = utc_timestamp(6) + interval 1 second
                """)
            let events = Record<Migrator.Event>()
            #expect(try await migrator.run { event in events.add(event) } == [])
            #expect(events.entries == [.waiting])
        }
    }

    @Test func aLeaseIsRenewedWhileAStatementRuns() async throws {
        try await TestDatabase.with { configuration in
            let slow = Migration(name: "slow", text: "do sleep(2.5);")
            let migrator = Migrator(configuration, migrations: [slow], leaseDuration: .seconds(1))
            let (starts, started) = AsyncStream.makeStream(of: Void.self)
            let running = Task { try await migrator.run { if case .started = $0 { started.finish() } } }
            for await _ in starts {}
            let second = try await migrator.run()
            #expect(second == [])
            let first = try await running.value
            #expect(first == ["slow"])
        }
    }

    @Test func whoLosesTheLeaseRecordsNothing() async throws {
        try await TestDatabase.with { configuration in
            let thief = Migration(
                name: "stolen", text: "create table c (id int); update history_lease set owner = 'thief';")
            let error = await #expect(throws: MySQLError.self) {
                _ = try await Migrator(configuration, migrations: [thief], table: "history").run()
            }
            #expect(error?.description == "stolen: the migration lease was lost to another migrator")
            let connection = try await MySQLConnection.connect(configuration)
            #expect(try await connection.query("select * from history").isEmpty)
            #expect(try await connection.query("select owner from history_lease")[0].string(0) == "thief")
        }
    }

    @Test func waitingForATableIsTriedAgain() async throws {
        try await TestDatabase.with { configuration in
            _ = try await Migrator(configuration, migrations: [first]).run()
            var impatient = configuration
            impatient.lockWaitTimeout = .seconds(1)
            let migrator = Migrator(impatient, migrations: [first, second])
            let reader = try await MySQLConnection.connect(configuration)
            try await reader.begin()
            try await reader.execute("select * from a")
            let running = Task { try await migrator.run() }
            let other = try await MySQLConnection.connect(configuration)
            let blocked: SQL = """
                select id from information_schema.processlist where state like 'Waiting for table metadata lock%' \
                and info like 'alter table a%' and db = database()
                """
            try await other.waitUntil(blocked)
            // Once it has given up at least once.
            try await other.waitUntil("select 1 where not exists (\(blocked))")
            // On a Galera cluster the change of the table has ended this transaction instead.
            _ = try? await reader.commit()
            #expect(try await running.value == [second.name])
        }
    }
}
