import MySQL
import TestSupport
import Testing
import Time

@Suite(.timeLimit(.minutes(5))) struct MigratorTests {
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
            // What tests beside this one do to their own tables blocks DDL of others for a moment, on MySQL.
            let steps = events.entries.filter {
                switch $0 {
                case .running, .blocked: false
                default: true
                }
            }
            #expect(
                steps == [
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
            #expect(error?.place == "0002_bad.sql, statement 2 (create tabel d (id int))")
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
            #expect(events.entries == [.waiting, .waitingForDead(seconds: 1)])
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

    @Test func aLivingMigratorIsNotTakenForDead() async throws {
        try await TestDatabase.with { configuration in
            let slow = Migration(name: "slow", text: "do sleep(3);")
            let migrator = Migrator(configuration, migrations: [slow], leaseDuration: .seconds(3))
            let (starts, started) = AsyncStream.makeStream(of: Void.self)
            let running = Task { try await migrator.run { if case .started = $0 { started.finish() } } }
            for await _ in starts {}
            let events = Record<Migrator.Event>()
            _ = try await migrator.run { events.add($0) }
            #expect(events.entries == [.waiting])
            _ = try await running.value
        }
    }

    @Test func waitingForATableIsTriedAgain() async throws {
        try await TestDatabase.with { configuration in
            _ = try await Migrator(configuration, migrations: [first]).run()
            let migrator = Migrator(configuration, migrations: [first, second])
            let reader = try await MySQLConnection.connect(configuration)
            try await reader.begin()
            try await reader.execute("select * from a")
            let (blocks, blocked) = AsyncStream.makeStream(of: Void.self)
            let running = Task {
                defer { blocked.finish() }
                return try await migrator.run { if case .blocked("a", _, _) = $0 { blocked.yield() } }
            }
            for await _ in blocks.prefix(1) {}
            // On a Galera cluster the change of the table has ended this transaction instead.
            _ = try? await reader.commit()
            #expect(try await running.value == [second.name])
        }
    }

    @Test func anEarlierTextIsNoChange() async throws {
        try await TestDatabase.with { configuration in
            _ = try await Migrator(configuration, migrations: [first]).run()
            let connection = try await MySQLConnection.connect(configuration)
            let checksum = try await connection.query("select checksum from integrator_migrations")[0].string(0)
            let events = Record<Migrator.Event>()
            let mended = Migration(name: first.name, text: "do 1;", earlierChecksums: [checksum])
            #expect(try await Migrator(configuration, migrations: [mended]).run { events.add($0) } == [])
            #expect(events.entries == [])
        }
    }

    /// Columns that a table has already are left out of the one ALTER, and told of if they are of another type.
    @Test func someOfSeveralColumnsMayBeThere() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            try await connection.execute("create table a (id int primary key, message varchar(191), n bigint unsigned)")
            let migration = Migration(
                name: "1",
                text: """
                    alter table a add column w int; alter table a add column message varchar(1000) null;
                    alter table a add column n BIGINT UNSIGNED null; alter table a add column t timestamp(6) null;
                    alter table a add key (w); alter table a add unique index u (n), algorithm = inplace, lock = none;
                    """)
            let events = Record<Migrator.Event>()
            #expect(try await Migrator(configuration, migrations: [migration]).run { events.add($0) } == ["1"])
            #expect(
                events.entries.filter { if case .running = $0 { false } else { true } } == [
                    .kept(
                        """
                        column a.message is there as varchar(191), not as varchar(1000); to have it so: \
                        ALTER TABLE a MODIFY COLUMN message varchar(1000) null
                        """), .started(name: "1", statements: 3), .applied(name: "1"),
                ])
            let columns = try await connection.query("show columns from a").map { try $0.string(0) }
            #expect(columns == ["id", "message", "n", "w", "t"])
            #expect(try await connection.query("show index from a").count == 3)
        }
    }

    @Test func thePreviewChangesNothing() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            try await connection.execute("create table a (id int primary key, v int) engine = InnoDB")
            try await connection.execute(
                "create table child (id int primary key, a int, foreign key (a) references a (id)) engine = InnoDB")
            let migration = Migration(
                name: "1",
                text: """
                    create table if not exists a (id int primary key); create table b (id int primary key);
                    alter table a add column v int; alter table a add column w int; alter table child add index i (a);
                    set @ddl = 'alter table child drop column a'; prepare d from @ddl; execute d; deallocate prepare d;
                    update a set v = 1;
                    """)
            let before = try await connection.query("show tables").count
            let previews = try await Migrator(configuration, migrations: [migration]).preview()
            #expect(try await connection.query("show tables").count == before)
            #expect(
                previews.map(\.statement) == [
                    "create table b (id int primary key)", "ALTER TABLE `a` add column w int, ALGORITHM=INSTANT",
                    "ALTER TABLE `child` add index i (a), ALGORITHM=INPLACE, LOCK=NONE",
                    "ALTER TABLE `child` drop column a, ALGORITHM=INSTANT", "update a set v = 1",
                ])
            #expect(previews.map(\.migration) == Array(repeating: "1", count: 5))
            #expect(previews[1].locks.hasPrefix("a, child for a moment"))
            #expect(previews[2].locks.hasPrefix("child is read while others write"))
        }
    }

    @Test func aWayBack() async throws {
        try await TestDatabase.with { configuration in
            _ = try await Migrator(configuration, migrations: [first, second]).run()
            let undo = Migration(name: "undo", text: "alter table a drop index w_key; alter table a drop column w;")
            try await Migrator(configuration, migrations: []).undo(undo, forgetting: [second.name])
            let connection = try await MySQLConnection.connect(configuration)
            #expect(try await connection.query("show columns from a").map { try $0.string(0) } == ["id"])
            #expect(
                try await connection.query("select name from integrator_migrations").map { try $0.string(0) }
                    == [first.name])
            // And again: whatever is gone counts as done.
            try await Migrator(configuration, migrations: []).undo(undo, forgetting: [second.name])
            #expect(try await Migrator(configuration, migrations: [first, second]).run() == [second.name])
        }
    }

    /// The thread of a migrator that is gone, whatever it was doing, is no obstacle for the next.
    @Test func aMigratorMayBeKilledAtAnyPoint() async throws {
        try await TestDatabase.with { configuration in
            let admin = try await MySQLConnection.connect(configuration)
            var kills = 0
            for delay in stride(from: 5, through: 200, by: 15) {
                let migrator = Migrator(configuration, migrations: [first, second], leaseDuration: .seconds(1))
                let running = Task { try await migrator.run() }
                try await Task.sleep(for: .milliseconds(delay))
                let threads = try await admin.query(
                    """
                    select id from information_schema.processlist where db = database() and id <> connection_id()
                    """)
                for thread in threads { _ = try? await admin.execute("kill \(try thread.int64(0))") }
                if case .failure = await running.result { kills += 1 }
                if delay % 2 == 0 { _ = try? await admin.execute("alter table a drop column w") }
                // So that the next has something to do.
                _ = try? await admin.execute("delete from integrator_migrations")
            }
            #expect(kills > 0)
            _ = try await Migrator(configuration, migrations: [first, second]).run()
            #expect(try await admin.query("select name from integrator_migrations").count == 2)
        }
    }
}
