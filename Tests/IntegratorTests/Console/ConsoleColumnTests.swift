import JSON
import MySQL
import TestSupport
import Testing
import Time

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import Store

/// Rows, columns and indexes as other applications have left them.
@Suite(.timeLimit(.minutes(5))) struct ConsoleColumnTests {
    /// One row that cannot be read breaks no page and refuses no webhook.
    @Test func whatIsLeftBreaksNothing() async throws {
        let tables: [SQL] = [
            """
            CREATE TABLE wishlist_to_groups (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
            group_id BIGINT UNSIGNED NULL, name VARCHAR(191) NULL, slug VARCHAR(191) NULL, status DECIMAL(4,2) NULL, \
            created_at DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', \
            updated_at DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', deleted_at DATETIME NULL, KEY (slug))
            """,
            """
            CREATE TABLE wishlist_dataset_histories (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
            wishlist_to_group_id BIGINT UNSIGNED NOT NULL, dataset_id DECIMAL(20,0) NULL, slug VARCHAR(191) NULL, \
            status INT NULL, progress DECIMAL(5,2) NULL, result JSON NULL, message VARCHAR(191) NULL, \
            created_at TIMESTAMP NOT NULL DEFAULT '0000-00-00 00:00:00', \
            updated_at TIMESTAMP NOT NULL DEFAULT '0000-00-00 00:00:00', KEY histories_wishlist (wishlist_to_group_id))
            """,
        ]
        try await ConsoleTables.with(tables) { service in
            let scene = try await service.scene()
            let group = scene.wishlist.groupID
            try await service.execute("SET sql_mode = ''")
            try await service.execute(
                "INSERT INTO wishlist_to_groups (group_id, name, slug, status) VALUES (\(group), NULL, NULL, NULL)")
            for row: SQL in [
                "NULL, NULL, NULL, NULL, NULL, '0000-00-00 00:00:00'",
                "7.4, 'x', 99, 42.5, '[1', '0000-00-00 00:00:00'",
                "8, 'x', 3, 250.99, '{\"a\": 1}', '2026-02-03 04:05:06'",
            ] {
                do {
                    try await service.execute(
                        """
                        INSERT INTO wishlist_dataset_histories (wishlist_to_group_id, dataset_id, slug, status, progress, \
                        result, created_at) VALUES (\(scene.wishlist.id), \(row))
                        """)
                } catch let error as MySQLError {
                    // A JSON column of some servers takes JSON only.
                    #expect([3140, 4025].contains(error.number))
                }
            }
            let history = try await service.history(of: scene.wishlist)
            for query in [
                "", "?sort=updated_at", "?sort=created_at", "?sort=status", "?cursor=",
                "?created_from=2026-01-01T00:00:00Z",
            ] {
                let page = try await service.get("\(scene.wishlist.path)/histories\(query)", token: scene.token)
                #expect(page.status == 200, "\(query) \(page.text)")
            }
            #expect(try await service.get("/api/v1/wishlist-to-group", token: scene.token).status == 200)
            let long = String(repeating: "m", count: 999)
            let deep = String(repeating: "[", count: 120) + String(repeating: "]", count: 120)
            for (sequence, type, more) in [
                (1, DatasetEventType.datasetProgress, #""progress": 42, "message": "\#(long)""#),
                (2, .datasetCompleted, #""result": {"deep": \#(deep)}"#), (3, .trainingStarted, nil),
            ] as [(Int64, DatasetEventType, String?)] {
                let answer = try await service.post(.init(type, of: history, sequence: sequence, more: more))
                #expect(answer.status == 200 && answer.text.contains("applied"), "\(sequence) \(answer.text)")
            }
            for id in try await service.query("SELECT id FROM wishlist_dataset_histories").map({ try $0.int64(0) }) {
                let one = try await service.get("\(scene.wishlist.path)/histories/\(id)", token: scene.token)
                #expect(one.status == 200 && one.json != nil, "\(one.text)")
            }
            #expect(try await service.stored(history.id)?.message?.count == 191)
            let doctor = await service.command("doctor")
            #expect(doctor.output.contains("the index histories_wishlist of wishlist_dataset_histories is on"))
            #expect(doctor.output.contains("wishlist_dataset_histories.progress is decimal(5,2)"))
            #expect(doctor.output.contains("MODIFY COLUMN progress TINYINT UNSIGNED NULL"))
            #expect(doctor.output.contains("wishlist_dataset_histories.result is"))
        }
    }

    /// A result that is no JSON is shown as none, wherever it would be read.
    @Test func aResultThatIsNoJSONIsNone() async throws {
        let histories: SQL = """
            CREATE TABLE wishlist_dataset_histories (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
            wishlist_to_group_id BIGINT UNSIGNED NOT NULL, dataset_id BIGINT NULL, slug VARCHAR(191) NULL, \
            status INT NOT NULL DEFAULT 0, result LONGTEXT NULL, created_at DATETIME NULL, updated_at DATETIME NULL)
            """
        try await ConsoleTables.with([histories]) { service in
            let scene = try await service.scene()
            let id = try await service.history(of: scene.wishlist, status: .completed).id
            try await service.execute("UPDATE wishlist_dataset_histories SET result = '[1' WHERE id = \(id)")
            for path in ["", "?cursor=", "/\(id)"] {
                let answer = try await service.get("\(scene.wishlist.path)/histories\(path)", token: scene.token)
                #expect(answer.status == 200 && answer.json != nil && !answer.text.contains("[1"), "\(answer.text)")
            }
        }
    }

    /// A console that is too different is refused at the start, by the table's and the column's name.
    @Test(arguments: [
        (
            "ALTER TABLE subscriptions CHANGE group_id user_id BIGINT UNSIGNED NULL",
            "subscriptions has no column group_id, but user_id"
        ),
        ("ALTER TABLE group_user DROP COLUMN role", "group_user has no column role"),
        ("RENAME TABLE `groups` TO teams", "there is no table groups"),
        (
            "ALTER TABLE wishlist_dataset_histories ADD COLUMN kind INT NOT NULL",
            "wishlist_dataset_histories.kind is NOT NULL without a default"
        ),
        ("ALTER TABLE subscriptions MODIFY ends_at INT NULL", "subscriptions.ends_at is int"),
        ("ALTER TABLE users MODIFY id CHAR(36) NOT NULL", "users.id is char(36), must be a whole number"),
        (
            "ALTER TABLE wishlist_dataset_histories MODIFY revision SMALLINT NOT NULL DEFAULT 0",
            "wishlist_dataset_histories.revision is smallint"
        ),
        ("ALTER TABLE users ADD COLUMN deleted_at INT NOT NULL DEFAULT 0", "users.deleted_at is NOT NULL"),
    ])
    func whatIsMissingIsNamed(change: String, reason: String) async throws {
        try await ServiceSchema.with { schema in
            let connection = try await MySQLConnection.connect(schema.patient)
            try await connection.execute("\(unescaped: change)")
            let differences = try await DatabaseReadiness.differences(schema).filter(\.isFatal)
            #expect(differences.contains { $0.text.hasPrefix(reason) }, "\(differences)")
            #expect(differences.allSatisfy { !$0.remedy.isEmpty })
            await connection.close()
        }
        try await ServiceUnderTest.with { service in
            try await service.execute("\(unescaped: change)")
            let run = await service.command("serve", changes: ["HTTP_PORT": "1"])
            #expect(run.status == 2)
            #expect(await service.command("doctor").output.contains(reason))
        }
    }

    @Test func theTablesOfTheMigrationsAreAsTheyHaveToBe() async throws {
        try await ServiceSchema.with { schema in
            let differences = try await DatabaseReadiness.differences(schema)
            #expect(differences.isEmpty)
        }
    }
}
