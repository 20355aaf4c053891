import MySQL
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator
@testable import Operations
@testable import Store

/// `integrator migrate` looks through the console's tables before it changes any of them.
@Suite(.timeLimit(.minutes(5))) struct ConsoleMigrationTests {
    private func migrate(_ database: MySQLConfiguration, _ arguments: String...) async -> CommandRun {
        let environment = [
            "DB_SOCKET": database.socket ?? "", "DB_DATABASE": database.database, "DB_USERNAME": database.username,
        ]
        return await CommandRun(environment, ["migrate"] + arguments)
    }

    /// All tables as `SHOW CREATE TABLE` has them.
    private func tables(_ connection: MySQLConnection) async throws -> [String] {
        var tables: [String] = []
        for row in try await connection.query("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'") {
            let name = try row.string(0)
            tables.append(try await connection.query("SHOW CREATE TABLE \(identifier: name)").first?.string(1) ?? "")
        }
        return tables
    }

    private static let users: [SQL] = [
        "CREATE TABLE users (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, name VARCHAR(191) NULL, email VARCHAR(191) NULL)",
        "INSERT INTO users VALUES (1, 'Ada', 'ada@example.com')",
    ]

    @Test func allThatIsInTheWayIsNamedAtOnce() async throws {
        try await TestDatabase.with { configuration in
            let console = try await MySQLConnection.connect(configuration.patient)
            try await console.execute("SET sql_mode = ''")
            let statements: [SQL] =
                Self.users + [
                    "CREATE TABLE teams (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, name VARCHAR(191) NULL)",
                    "CREATE TABLE group_user (group_id BIGINT UNSIGNED NOT NULL, user_id CHAR(36) NOT NULL)",
                    """
                    CREATE TABLE subscriptions (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, user_id BIGINT UNSIGNED NULL, \
                    stripe_status VARCHAR(191) NULL, trial_ends_at TIMESTAMP NULL, ends_at INT NULL)
                    """,
                    """
                    CREATE TABLE wishlist_to_groups (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, name VARCHAR(191) NULL, \
                    slug VARCHAR(191) NULL, status INT NULL, \
                    deleted_at DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00') ENGINE = MyISAM
                    """,
                    """
                    CREATE TABLE wishlist_dataset_histories (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, \
                    wishlist_to_group_id BIGINT UNSIGNED NOT NULL, dataset_id BIGINT UNSIGNED NOT NULL, \
                    slug VARCHAR(191) NULL, status ENUM('queued', 'completed') NULL, kind INT NOT NULL, \
                    active_wishlist_id INT NULL, revision SMALLINT NOT NULL DEFAULT 0, message VARCHAR(191) NULL, \
                    reference BINARY(16) NULL, created_at INT NULL, UNIQUE KEY histories_dataset_id (slug))
                    """,
                ]
            for statement in statements { try await console.execute(statement) }
            let before = try await tables(console)
            let run = await migrate(configuration)
            #expect(run.status == 1)
            #expect(run.output == "")
            for (reason, remedy) in [
                ("there is no table groups", "CREATE VIEW `groups`"),
                ("there is no table personal_access_tokens", "CREATE VIEW"),
                ("group_user.user_id is char(36), must be a whole number", "ALTER TABLE"),
                ("group_user has no column role", "ALTER TABLE group_user ADD COLUMN role"),
                ("subscriptions has no column group_id, but user_id", "Cashier::useCustomerModel"),
                ("subscriptions.ends_at is int", "ALTER TABLE subscriptions MODIFY COLUMN ends_at"),
                ("wishlist_to_groups is a table of MyISAM", "ALTER TABLE wishlist_to_groups ENGINE = InnoDB"),
                ("wishlist_to_groups.deleted_at is NOT NULL", "MODIFY COLUMN deleted_at datetime NULL"),
                ("wishlist_dataset_histories.status is enum", "MODIFY COLUMN status"),
                ("wishlist_dataset_histories.created_at is int", "MODIFY COLUMN created_at"),
                ("wishlist_dataset_histories.revision is smallint", "MODIFY COLUMN revision"),
                ("wishlist_dataset_histories.reference is binary(16), must be CHAR(36)", "MODIFY COLUMN reference"),
                ("wishlist_dataset_histories.kind is NOT NULL without a default", "MODIFY COLUMN kind int"),
                ("column wishlist_dataset_histories.active_wishlist_id is there as int", "RENAME COLUMN"),
                ("the index histories_dataset_id of wishlist_dataset_histories is on (slug), unique", "DROP INDEX"),
            ] {
                let line = run.complaints.split(separator: "\n").first { $0.contains(reason) }
                #expect(line?.contains(remedy) == true, "\(reason): \(line ?? "not named in \(run.complaints)")")
            }
            // The column is narrower: what does not fit is cut, and nothing is in the way.
            #expect(!run.complaints.contains("histories.message"))
            #expect(try await tables(console) == before)
            let doctor = await DatabaseDoctor(configuration: configuration).examine()
            #expect(doctor.contains { $0.finding.hasPrefix("subscriptions has no column group_id, but user_id") })
            let dry = await migrate(configuration, "--dry-run")
            #expect(dry.status == 1 && dry.complaints == run.complaints)
            #expect(try await tables(console) == before)
            await console.close()
        }
    }

    /// Laravel's `prefix` of a connection.
    @Test func tablesWithAPrefixAreNamed() async throws {
        try await TestDatabase.with { configuration in
            let console = try await MySQLConnection.connect(configuration.patient)
            try await console.execute("CREATE TABLE gb_wishlist_to_groups (id BIGINT UNSIGNED NOT NULL PRIMARY KEY)")
            let run = await migrate(configuration)
            #expect(run.status == 1)
            #expect(run.complaints.contains("there is no table wishlist_to_groups, but gb_wishlist_to_groups"))
            #expect(try await tables(console).count == 1)
            await console.close()
        }
    }

    /// The rights are looked at before anything is changed.
    @Test func rightsThatAreMissingAreNamed() async throws {
        try await TestDatabase.with { configuration in
            let owner = try await MySQLConnection.connect(configuration.patient)
            try await owner.execute(
                """
                CREATE TABLE wishlist_to_groups (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, name VARCHAR(191) NULL, \
                slug VARCHAR(191) NULL, status INT NULL)
                """)
            let user = "m_\(configuration.database.dropFirst(5))"
            try await owner.execute("CREATE USER \(unescaped: user)@'%'")
            try await owner.execute(
                "GRANT SELECT, INSERT, UPDATE, CREATE ON \(identifier: configuration.database).* TO \(unescaped: user)@'%'"
            )
            let before = try await tables(owner)
            var limited = configuration
            limited.username = user
            let run = await migrate(limited)
            #expect(run.status == 1)
            #expect(run.complaints.contains("the right ALTER on wishlist_to_groups is missing: GRANT ALTER"))
            #expect(try await tables(owner) == before)
            try await owner.execute("DROP USER \(unescaped: user)@'%'")
            await owner.close()
        }
    }

    /// A table of another name, which is only read, is shown by a view.
    @Test func aViewMayStandForATable() async throws {
        let tables: [SQL] =
            Self.users.dropLast() + [
                "CREATE TABLE teams (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, name VARCHAR(191) NULL)",
                "CREATE VIEW `groups` AS SELECT id, name FROM teams",
            ]
        try await ConsoleTables.with(tables) { service in
            let scene = try await service.scene()
            #expect(try await service.get("\(scene.wishlist.path)/histories", token: scene.token).status == 200)
            #expect(try await service.create(scene.wishlist, token: scene.token).status == 201)
            #expect(try await service.number("SELECT COUNT(*) FROM teams") == 1)
            #expect(await service.command("doctor").output.contains("as they have to be"))
        }
    }

    /// What managed servers ask of new tables, and what older ones do with times.
    @Test func theTablesAreMadeOnServersThatAskForMore() async throws {
        let options =
            TestServer.isMySQL
            ? ["--sql-require-primary-key=1", "--sql-generate-invisible-primary-key=1"]
            : [
                "--innodb-force-primary-key=1", "--explicit-defaults-for-timestamp=0", "--lower-case-table-names=1",
            ]
        try await ConsoleTables.with(server: options) { service in
            let scene = try await service.scene()
            let made = try await service.create(scene.wishlist, token: scene.token)
            #expect(made.status == 201, "\(made.text)")
            let doctor = await service.command("doctor")
            #expect(doctor.output.contains("as they have to be"), "\(doctor.output)")
        }
    }

    /// Dates that the server's own mode refuses, as old applications have left them in rows and defaults.
    @Test func zeroDatesUnderAStrictMode() async throws {
        let mode = "STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO"
        let server = try await TestServer.startOwn(options: ["--sql-mode=\(mode)"])
        let root = try await MySQLConnection.connect(server.configuration())
        try await root.execute("CREATE DATABASE gb")
        await root.close()
        let configuration = server.configuration(database: "gb")
        let console = try await MySQLConnection.connect(configuration)
        try await console.execute("SET sql_mode = ''")
        let times: SQL = """
            created_at TIMESTAMP NOT NULL DEFAULT '0000-00-00 00:00:00', \
            updated_at TIMESTAMP NOT NULL DEFAULT '0000-00-00 00:00:00'
            """
        for statement: SQL in [
            """
            CREATE TABLE wishlist_to_groups (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
            name VARCHAR(191) NULL, slug VARCHAR(191) NULL, status INT NULL, \(times))
            """,
            """
            CREATE TABLE wishlist_dataset_histories (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
            wishlist_to_group_id BIGINT UNSIGNED NOT NULL, dataset_id BIGINT UNSIGNED NOT NULL, \
            slug VARCHAR(191) NULL, status INT NULL, \(times))
            """,
            """
            CREATE TABLE personal_access_tokens (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
            tokenable_type VARCHAR(191) NOT NULL, tokenable_id BIGINT UNSIGNED NOT NULL, name VARCHAR(191) NOT NULL, \
            token VARCHAR(64) NOT NULL UNIQUE, abilities TEXT NULL, \
            last_used_at DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', expires_at DATETIME NULL, \(times))
            """,
            "INSERT INTO wishlist_to_groups (id, name, slug, status) VALUES (5, 'Five', 'five', 1)",
            """
            INSERT INTO wishlist_dataset_histories (id, wishlist_to_group_id, dataset_id, slug, status) \
            VALUES (7, 5, 9, 'five', 1)
            """,
        ] { try await console.execute(statement) }
        let run = await migrate(configuration)
        #expect(run.status == 0, "\(run.complaints)")
        for table in ["wishlist_to_groups", "wishlist_dataset_histories"] {
            let row = try await console.query("SELECT created_at, updated_at FROM \(identifier: table)")[0]
            #expect(try row.string(0) == "0000-00-00 00:00:00" && row.string(1) == "0000-00-00 00:00:00")
        }
        try await ServiceUnderTest.with(database: configuration) { service in
            let scene = try await service.scene()
            try await service.execute("UPDATE wishlist_to_groups SET group_id = \(scene.wishlist.groupID) WHERE id = 5")
            let webhook = TestWebhook(.datasetCompleted, dataset: 9, sequence: 1)
            #expect(try await service.post(webhook).outcome == "applied")
            let list = try await service.get(
                "/api/v1/wishlist-to-group/five/histories?sort=created_at", token: scene.token)
            #expect(list.status == 200 && list.text.contains(#""created_at":null"#), "\(list.text)")
            #expect(try await service.stored(7)?.status == .completed)
        }
        await console.close()
        await server.stop()
    }
}
