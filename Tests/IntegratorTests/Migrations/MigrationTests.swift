import Foundation
import MySQL
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator
@testable import Store

/// The migrations on the databases that there are (spec, section 6).
@Suite(.timeLimit(.minutes(10))) struct MigrationTests {
    private func migrate(_ configuration: MySQLConfiguration) async throws -> [String] {
        try await Migrator(configuration, migrations: Migrations.all).run()
    }

    private func connected<R: Sendable>(
        _ configuration: MySQLConfiguration, _ body: (MySQLConnection) async throws -> R
    ) async throws -> R {
        let connection = try await MySQLConnection.connect(configuration)
        let result = try await body(connection)
        await connection.close()
        return result
    }

    /// The tables as `SHOW CREATE TABLE` has them.
    private func tables(_ configuration: MySQLConfiguration) async throws -> [String] {
        try await connected(configuration) { connection in
            var tables: [String] = []
            for row in try await connection.query("SHOW TABLES LIKE 'wishlist%'") {
                let name = try row.string(0)
                tables.append(
                    try await connection.query("SHOW CREATE TABLE \(identifier: name)").first?.string(1) ?? "")
            }
            return tables
        }
    }

    @Test func theListIsTheFolder() throws {
        var folder = URL(filePath: #filePath)
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        for (name, list) in [("migrations", Migrations.all), ("demo", Migrations.demo), ("undo", Migrations.undo)] {
            let path = folder.appending(path: "db/\(name)")
            let files = try FileManager.default.contentsOfDirectory(atPath: path.path).sorted()
            #expect(list.map(\.name) == files)
            for migration in list {
                #expect(
                    migration.text == (try String(contentsOf: path.appending(path: migration.name), encoding: .utf8)))
            }
        }
    }

    @Test func emptyDatabaseTwice() async throws {
        try await TestDatabase.with { configuration in
            #expect(try await migrate(configuration) == Migrations.all.map(\.name))
            let tables = try await tables(configuration)
            #expect(try await migrate(configuration).isEmpty)
            #expect(try await self.tables(configuration) == tables)
        }
    }

    @Test func twoAtOnce() async throws {
        try await TestDatabase.with { configuration in
            async let first = migrate(configuration)
            async let second = migrate(configuration)
            let applied = try await first + second
            #expect(applied.sorted() == Migrations.all.map(\.name))
        }
    }

    @Test(arguments: ["utf8mb4", "latin1"])
    func theConsolesTables(charset: String) async throws {
        try await TestDatabase.with { configuration in
            _ = try await connected(configuration) { connection in
                try await connection.executeAll([
                    """
                    CREATE TABLE wishlist_to_groups (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
                    name VARCHAR(255) NOT NULL, slug VARCHAR(255) NOT NULL, status INT NOT NULL) \
                    ENGINE = InnoDB DEFAULT CHARSET = \(unescaped: charset)
                    """,
                    """
                    CREATE TABLE wishlist_dataset_histories (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
                    wishlist_to_group_id BIGINT UNSIGNED NOT NULL, dataset_id BIGINT UNSIGNED NOT NULL, \
                    slug VARCHAR(255) NOT NULL, status INT NOT NULL) \
                    ENGINE = InnoDB DEFAULT CHARSET = \(unescaped: charset)
                    """,
                    "INSERT INTO wishlist_to_groups VALUES (11, 'Über', 'über', 1), (12, 'Zwei', 'zwei', 0)",
                    """
                    INSERT INTO wishlist_dataset_histories VALUES (21, 11, 31, 'über', 2), (22, 11, 32, 'über', 1), \
                    (23, 12, 33, 'zwei', 3)
                    """,
                ])
            }
            #expect(try await migrate(configuration) == Migrations.all.map(\.name))
            try await ServiceUnderTest.with(database: configuration) { service in
                let rows = try await service.query(
                    "SELECT id, wishlist_to_group_id, dataset_id, slug, status FROM wishlist_dataset_histories")
                let found = try rows.map { row in
                    "\(try row.int64(0)) \(try row.int64(1)) \(try row.int64(2)) \(try row.string(3)) \(try row.int64(4))"
                }
                #expect(found == ["21 11 31 über 2", "22 11 32 über 1", "23 12 33 zwei 3"])
                #expect(try await service.number("SELECT COUNT(*) FROM wishlist_to_groups WHERE name = 'Über'") == 1)
                // A dataset that was started before this service is finished with it.
                let message = #""message": "Größe 🦊""#
                for (dataset, id) in [(Int64(31), Int64(21)), (32, 22)] {
                    let webhook = TestWebhook(
                        .datasetProgress, dataset: dataset, sequence: 1, more: message + #", "progress": 5"#)
                    #expect(try await service.post(webhook).outcome == "applied")
                    let done = TestWebhook(.datasetCompleted, dataset: dataset, sequence: 2)
                    #expect(try await service.post(done).outcome == "applied")
                    let stored = try await service.stored(id)
                    #expect(stored?.status == .completed)
                    #expect(stored?.message == "Größe 🦊")
                    #expect(stored?.slug == "über")
                    try await service.waitUntilSettled(id)
                }
            }
        }
    }
}
