import Foundation
import MySQL
import TestSupport
import Testing

/// The product's migrations on tables as the console has them, with a foreign key, 50,000 rows, and others at work in them.
@Suite(.timeLimit(.minutes(3)), .serialized) struct OnlineMigrationTests {
    static let migrations = files("migrations")

    private static func files(_ folder: String) -> [Migration] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../db/\(folder)")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.sorted().compactMap { name in
            (try? String(contentsOf: folder.appending(path: name), encoding: .utf8)).map {
                Migration(name: name, text: $0)
            }
        }
    }

    /// No writer waits longer because of the migrator.
    private static let bound: Duration = .milliseconds(500)

    private struct Transaction: Sendable {
        let end: ContinuousClock.Instant
        let took: Duration
        let error: MySQLError?
    }

    /// That the slowest transaction was within the bound, and none failed. What they take without the migrator, on a machine that
    /// is busy with other tests, is no fault of its.
    private func check(_ transactions: [Transaction], migratorBeganAt start: ContinuousClock.Instant) {
        let noise = transactions.filter { $0.end < start }.map(\.took).max() ?? .zero
        let worst = transactions.map(\.took).max() ?? .zero
        #expect(worst < Self.bound + noise * 2)
        #expect(transactions.compactMap(\.error).map(\.description) == [])
        #expect(transactions.count > 20)
    }

    private func console(_ configuration: MySQLConfiguration, rows: Int = 50_000) async throws {
        let connection = try await MySQLConnection.connect(configuration.patient)
        try await connection.execute(
            """
            create table wishlist_to_groups (
                id bigint unsigned not null auto_increment primary key, name varchar(255) not null,
                slug varchar(255) not null, status int not null default 1, unique key (slug)
            ) engine = InnoDB default charset = utf8mb4
            """)
        try await connection.execute(
            """
            create table wishlist_dataset_histories (
                id bigint unsigned not null auto_increment primary key,
                wishlist_to_group_id bigint unsigned not null, dataset_id bigint unsigned not null comment 'the API''s id',
                slug varchar(255) not null, status int not null default 0 comment 'status of the dataset',
                foreign key (wishlist_to_group_id) references wishlist_to_groups (id)
            ) engine = InnoDB default charset = utf8mb4
            """)
        try await connection.execute(
            """
            insert into wishlist_to_groups (name, slug) select concat('n', seq), concat('s', seq)
            from \(SQL.numbers(upTo: 1000))
            """)
        for start in stride(from: 0, to: rows, by: 10_000) {
            try await connection.execute(
                """
                insert into wishlist_dataset_histories (wishlist_to_group_id, dataset_id, slug, status)
                select 1 + (seq - 1) % 1000, \(start) + seq, 's', 3 from \(SQL.numbers(upTo: 10_000))
                """)
        }
        await connection.close()
    }

    /// Connections that update a history, and 30 ms later its wishlist, in one transaction.
    /// - Returns: how long each transaction took beyond the 30 ms, and what it failed with.
    private func write(
        _ configuration: MySQLConfiguration, until isOver: @escaping @Sendable () -> Bool
    ) async throws -> [Transaction] {
        try await withThrowingTaskGroup(of: [Transaction].self) { group in
            for writer in 0..<4 {
                let connection = try await MySQLConnection.connect(configuration.patient)
                group.addTask {
                    var results: [Transaction] = []
                    while !isOver() {
                        let id = Int.random(in: 1...50_000)
                        var took = Duration.zero
                        var failure: MySQLError?
                        do {
                            var start = ContinuousClock.now
                            try await connection.begin()
                            try await connection.execute(
                                "update wishlist_dataset_histories set slug = \(writer) where id = \(id)")
                            took = start.duration(to: .now)
                            try await Task.sleep(for: .milliseconds(30))
                            start = .now
                            try await connection.execute(
                                """
                                update wishlist_to_groups set name = concat(name, '') where id = \(1 + (id - 1) % 1000)
                                """)
                            try await connection.commit()
                            took += start.duration(to: .now)
                        } catch let error as MySQLError {
                            failure = error
                            await connection.rollback()
                        }
                        results.append(Transaction(end: .now, took: took, error: failure))
                    }
                    await connection.close()
                    return results
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private func isComplete(_ configuration: MySQLConfiguration) async throws {
        let connection = try await MySQLConnection.connect(configuration)
        #expect(try await connection.query("select name from integrator_migrations").count == Self.migrations.count)
        let columns = try await connection.query(
            """
            select COLUMN_COMMENT, IS_NULLABLE from information_schema.COLUMNS where TABLE_SCHEMA = database()
            and TABLE_NAME = 'wishlist_dataset_histories' and COLUMN_NAME = 'dataset_id'
            """)
        #expect(try columns[0].string(0) == "the API's id")
        #expect(try columns[0].string(1) == "YES")
        let indexes = try await connection.query(
            """
            select distinct INDEX_NAME from information_schema.STATISTICS where TABLE_SCHEMA = database()
            and TABLE_NAME = 'wishlist_dataset_histories' and INDEX_NAME like 'histories\\_%'
            """)
        #expect(indexes.count == 11)
    }

    /// Trial 21: four connections at work.
    @Test func writersDoNotWait() async throws {
        try await TestDatabase.with { configuration in
            try await console(configuration)
            let events = Record<Migrator.Event>()
            let over = Record<Bool>()
            async let writing = write(configuration) { !over.entries.isEmpty }
            try await Task.sleep(for: .seconds(1))
            let start = ContinuousClock.now
            let result = await Task {
                try await Migrator(configuration, migrations: Self.migrations).run { events.add($0) }
            }.result
            over.add(true)
            let results = try await writing
            #expect(try result.get() == Self.migrations.map(\.name))
            check(results, migratorBeganAt: start)
            // Not one for each column and index.
            let changes = events.entries.count {
                if case .running(let what) = $0 { what.hasPrefix("ALTER") } else { false }
            }
            #expect(changes == 13)
            try await isComplete(configuration)
        }
    }

    /// Trial 22: a transaction that has read one history stays open.
    @Test func anOpenTransactionStopsNobodyElse() async throws {
        try await TestDatabase.with { configuration in
            try await console(configuration)
            let reader = try await MySQLConnection.connect(configuration)
            try await reader.execute("set session transaction isolation level repeatable read")
            try await reader.begin()
            try await reader.execute("select id from wishlist_dataset_histories where id = 7")
            let readerID = await reader.id
            let events = Record<Migrator.Event>()
            let over = Record<Bool>()
            async let writing = write(configuration) { !over.entries.isEmpty }
            try await Task.sleep(for: .seconds(1))
            let start = ContinuousClock.now
            let migrating = Task {
                try await Migrator(configuration, migrations: Self.migrations).run { events.add($0) }
            }
            let deadline = ContinuousClock.now + .seconds(30)
            func blocks() -> [[MigrationBlocker]] {
                events.entries.compactMap { if case .blocked(_, let blockers, _) = $0 { blockers } else { nil } }
            }
            while blocks().count < 4 {
                try #require(.now < deadline)
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(blocks().allSatisfy { $0.contains { $0.connection == readerID && $0.account.hasPrefix("root@") } })
            try await reader.commit()
            let result = await migrating.result
            over.add(true)
            let results = try await writing
            #expect(try result.get() == Self.migrations.map(\.name))
            check(results, migratorBeganAt: start)
            try await isComplete(configuration)
        }
    }

    @Test func theLimitIsKeptAndNamesWhoBlocks() async throws {
        try await TestDatabase.with { configuration in
            try await console(configuration, rows: 10_000)
            let reader = try await MySQLConnection.connect(configuration)
            try await reader.begin()
            try await reader.execute("select id from wishlist_dataset_histories where id = 7")
            let id = await reader.id
            let error = await #expect(throws: MySQLError.self) {
                _ = try await Migrator(configuration, migrations: Self.migrations, lockLimit: .seconds(2)).run()
            }
            #expect(error?.kind == .conflict)
            #expect(error?.place?.hasPrefix("0002_columns_of_the_histories.sql, statement 1 (ALTER TABLE") == true)
            #expect(error?.description.contains("was not free for 2 s; connection \(id) of root@") == true)
            try await reader.commit()
        }
    }

    /// The console's program as it was before, on the tables as they are after; and the way back, under load.
    @Test func thereIsAWayBack() async throws {
        try await TestDatabase.with { configuration in
            try await console(configuration)
            let migrator = Migrator(configuration, migrations: Self.migrations)
            _ = try await migrator.run()
            let connection = try await MySQLConnection.connect(configuration)
            let oldInsert: SQL = """
                insert into wishlist_dataset_histories (wishlist_to_group_id, dataset_id, slug, status)
                values (7, 99, 's7', 1)
                """
            try await connection.execute(oldInsert)
            try await connection.execute(oldInsert)
            try await connection.execute("update wishlist_dataset_histories set status = 3 where dataset_id = 99")
            try await connection.execute(
                """
                insert into wishlist_dataset_events (event_key, outcome, body, recorded_at) values ('k', 0, '', now())
                """)
            try await connection.execute(
                "update wishlist_dataset_histories set reference = 'r', result = '{}' where id = 1")

            let undo = Self.files("undo")
            let over = Record<Bool>()
            async let writing = write(configuration) { !over.entries.isEmpty }
            let kept = ["0001_tables_of_the_console.sql", "0004_event_log.sql"]
            let forgotten = Self.migrations.map(\.name).filter { !kept.contains($0) }
            try await Task.sleep(for: .seconds(1))
            let start = ContinuousClock.now
            let undone = await Task { try await migrator.undo(undo[0], forgetting: forgotten) }.result
            over.add(true)
            let results = try await writing
            try undone.get()
            check(results, migratorBeganAt: start)
            // Nothing is lost, and nothing is left that checks what the console writes.
            try await connection.execute(oldInsert)
            #expect(try await connection.query("select 1 from wishlist_dataset_events").count == 1)
            let row = try await connection.query("select reference from wishlist_dataset_histories where id = 1")[0]
            #expect(try row.string(0) == "r")
            let names = try await connection.query(
                """
                select INDEX_NAME from information_schema.STATISTICS where TABLE_SCHEMA = database()
                and TABLE_NAME = 'wishlist_dataset_histories' and SEQ_IN_INDEX = 1 and INDEX_NAME <> 'PRIMARY'
                """)
            // The one that the foreign key needs.
            #expect(names.count == 1)
            #expect(try await migrator.run() == forgotten)
            try await isComplete(configuration)

            for migration in undo { try await migrator.undo(migration, forgetting: Self.migrations.map(\.name)) }
            #expect(try await connection.query("show tables like 'wishlist_dataset_events'").isEmpty)
            let columns = try await connection.query("show columns from wishlist_dataset_histories").map {
                try $0.string(0)
            }
            #expect(!columns.contains("reference"))
            #expect(columns.contains("result"))
            #expect(try await migrator.run() == Self.migrations.map(\.name))
        }
    }

    /// Without the right to lock tables, and without the right to see who blocks.
    @Test func fewRightsAreEnough() async throws {
        try await TestDatabase.with { configuration in
            try await console(configuration, rows: 10_000)
            let root = try await MySQLConnection.connect(configuration)
            var plain = configuration
            plain.username = "few_\(String(UInt32.random(in: 0 ... .max), radix: 36))"
            try await root.execute("create user \(plain.username)@localhost")
            try await root.execute(
                """
                grant select, insert, update, delete, create, alter, index on \(identifier: configuration.database).*
                to \(plain.username)@localhost
                """)
            let events = Record<Migrator.Event>()
            let result = await Task {
                try await Migrator(plain, migrations: Self.migrations).run { events.add($0) }
            }.result
            try await root.execute("drop user \(plain.username)@localhost")
            #expect(try result.get() == Self.migrations.map(\.name))
            #expect(
                events.entries.contains { if case .kept(let what) = $0 { what.contains("LOCK TABLES") } else { false } }
            )
            try await isComplete(configuration)
        }
    }
}
