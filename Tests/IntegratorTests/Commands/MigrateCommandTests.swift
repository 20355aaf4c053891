import Integrator
import MySQL
import Store
import TestSupport
import Testing

/// `integrator migrate`, and its way back.
@Suite(.timeLimit(.minutes(5))) struct MigrateCommandTests {
    private func run(_ database: MySQLConfiguration, _ arguments: String...) async -> CommandRun {
        let environment = [
            "DB_SOCKET": database.socket ?? "", "DB_DATABASE": database.database, "DB_USERNAME": database.username,
        ]
        return await CommandRun(environment, ["migrate"] + arguments)
    }

    private func tables(_ configuration: MySQLConfiguration) async throws -> [String] {
        let connection = try await MySQLConnection.connect(configuration)
        let tables = try await connection.query("SHOW TABLES").map { try $0.string(0) }
        await connection.close()
        return tables
    }

    @Test func showsWhatItWouldDo() async throws {
        try await TestDatabase.with { configuration in
            let preview = await run(configuration, "--dry-run")
            #expect(preview.status == 0)
            #expect(preview.output.contains("CREATE TABLE IF NOT EXISTS wishlist_to_groups"))
            #expect(preview.output.contains("ADD INDEX histories_dataset_id (dataset_id), ADD UNIQUE INDEX"))
            #expect(
                preview.output.contains(
                    "-- 0003_indexes_of_the_histories.sql; locks wishlist_dataset_histories is read"))
            let tables = try await tables(configuration)
            #expect(tables.isEmpty)
            let migrated = await run(configuration, "--wait", "30")
            #expect(migrated.status == 0)
            #expect(migrated.lines.first == "applying 0001_tables_of_the_console.sql (10 steps)")
            #expect(migrated.lines.last == "\(Migrations.all.count) migrations applied")
            #expect(await run(configuration, "--dry-run").output == "")
            #expect(await run(configuration).output == "the database is up to date\n")
        }
    }

    @Test func isUndoneWithoutLossUnlessAsked() async throws {
        try await TestDatabase.with { configuration in
            #expect(await run(configuration, "--demo").status == 0)
            let before = try await tables(configuration)
            #expect(await run(configuration, "--undo").status == 0)
            #expect(try await tables(configuration) == before)
            let preview = await run(configuration, "--dry-run")
            #expect(preview.output.contains("ADD COLUMN active_wishlist_id"))
            #expect(await run(configuration).lines.last == "11 migrations applied")
            #expect(await run(configuration, "--undo", "--drop-data").status == 0)
            #expect(try await !tables(configuration).contains("wishlist_dataset_events"))
            #expect(try await tables(configuration).contains("wishlist_dataset_histories"))
            #expect(await run(configuration).lines.last == "\(Migrations.all.count) migrations applied")
        }
    }

    @Test(arguments: [
        ["--drop-data"], ["--undo", "--dry-run"], ["--demo", "--dry-run"], ["--wait", "0"], ["--undone"],
    ])
    func optionsThatAreWrong(options: [String]) async {
        #expect(await CommandRun(["DB_USERNAME": "x"], ["migrate"] + options).status == 2)
    }
}
