import Foundation
import JSON
import MySQL
import TestSupport
import Testing
import Time

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import Store

/// Laravel writes the digits of UTC through a session of the server's or of its connection's time zone.
@Suite(.timeLimit(.minutes(3))) struct ConsoleTimeTests {
    struct Setup: Sendable, CustomStringConvertible {
        /// The server's time zone.
        var server: String
        /// Laravel's `timezone` of its connection, and ours.
        var connection: String?
        /// Laravel's `app.timezone`, and ours.
        var application: String?

        var description: String { "\(server) \(connection ?? "-") \(application ?? "-")" }

        /// How far the application's clock is ahead of UTC, in seconds.
        var ahead: Int64 {
            Int64(application.flatMap { TimeZone(identifier: $0) }?.secondsFromGMT(for: Date()) ?? 0)
        }
    }

    /// Europe/Berlin in 2026, as `mysql_tzinfo_to_sql` loads it.
    static let berlin: [SQL] = [
        "INSERT INTO mysql.time_zone VALUES (1, 'N')",
        "INSERT INTO mysql.time_zone_name VALUES ('Europe/Berlin', 1)",
        "INSERT INTO mysql.time_zone_transition_type VALUES (1, 0, 3600, 0, 'CET'), (1, 1, 7200, 1, 'CEST')",
        "INSERT INTO mysql.time_zone_transition VALUES (1, 0, 0), (1, 1774746000, 1), (1, 1792890000, 0)",
    ]

    @Test(arguments: [
        Setup(server: "-05:00"), Setup(server: "+08:00"), Setup(server: "+00:00", connection: "-05:00"),
        Setup(server: "+08:00", connection: "Europe/Berlin"), Setup(server: "-05:00", connection: "utc"),
        Setup(server: "+00:00", application: "America/New_York"),
        Setup(server: "-05:00", application: "America/New_York"),
        Setup(server: "+05:30", application: "Asia/Kolkata"),
        Setup(server: "-05:00", connection: "+08:00", application: "Asia/Kolkata"),
    ])
    func timesAreReadAsLaravelReadsThem(_ setup: Setup) async throws {
        var environment = setup.connection.map { ["DB_TIMEZONE": $0] } ?? [:]
        environment["APP_TIMEZONE"] = setup.application ?? "UTC"
        environment["SANCTUM_EXPIRATION"] = "15"
        try await ConsoleTables.with(
            server: ["--default-time-zone=\(setup.server)"], before: Self.berlin, [], environment
        ) { service in
            var configuration = service.database.patient
            configuration.timeZone = setup.connection == "utc" ? "+00:00" : setup.connection
            let laravel = try await MySQLConnection.connect(configuration)
            var console = service
            console.connection = laravel
            // What is UTC_TIMESTAMP() in its statements is what `now()` writes.
            if setup.ahead != 0 {
                try await laravel.execute("SET timestamp = UNIX_TIMESTAMP() + \(setup.ahead)")
            }
            try await judge(console, "TIMESTAMP")
            for change in [
                "personal_access_tokens MODIFY expires_at DATETIME NULL, MODIFY last_used_at DATETIME NULL",
                "personal_access_tokens MODIFY created_at DATETIME NULL",
                "subscriptions MODIFY ends_at DATETIME NULL, MODIFY trial_ends_at DATETIME NULL",
                "wishlist_dataset_histories MODIFY created_at DATETIME(6) NULL",
            ] { try await laravel.execute("ALTER TABLE \(unescaped: change)") }
            try await judge(console, "DATETIME")
            await laravel.close()
        }
    }

    /// - Parameter console: its fixtures write as Laravel does.
    private func judge(_ console: ServiceUnderTest, _ type: Comment) async throws {
        var scene = try await console.scene()
        let user = scene.user
        let path = "\(scene.wishlist.path)/histories"
        let token = { (seconds: Int64, age: Int64) in
            let token = try await console.token(of: user, expiresIn: seconds)
            try await console.execute(
                """
                UPDATE personal_access_tokens SET created_at = UTC_TIMESTAMP() - INTERVAL \(age) MINUTE \
                WHERE id = \(Int64(token.split(separator: "|")[0]))
                """)
            return token
        }
        #expect(try await console.get(path, token: token(-600, 1)).status == 401, type)
        #expect(try await console.get(path, token: token(600, 1)).status == 200, type)
        // SANCTUM_EXPIRATION
        #expect(try await console.get(path, token: token(600, 20)).status == 401, type)
        scene = TestScene(user: user, token: try await token(600, 10), wishlist: scene.wishlist)
        #expect(try await console.get(path, token: scene.token).status == 200, type)
        let other = try await console.group(stripeStatus: nil)
        try await console.member(scene.user, of: other)
        let wishlist = try await console.wishlist(of: other)
        try await console.subscription(of: other, status: "canceled", endsIn: -7200)
        #expect(try await console.create(wishlist, token: scene.token).status == 402, type)
        try await console.subscription(of: other, status: "canceled", endsIn: 600)
        let made = try await console.create(wishlist, token: scene.token)
        #expect(made.status == 201, type)
        let id = made.data?["id"]?.int ?? 0
        // Both see the present: whoever made the resource, and Laravel; and what Laravel made, after a webhook too.
        let laravels = try await console.history(of: scene.wishlist)
        #expect(try await console.post(TestWebhook(.datasetProgress, of: laravels, sequence: 1)).status == 200, type)
        let read = try await console.get("\(path)/\(laravels.id)", token: scene.token)
        let now = Timestamp.now()
        for name in ["created_at", "updated_at"] {
            for resource in [made.data, read.data] {
                let shown = resource?[name]?.string.flatMap {
                    Timestamp(sql: $0.replacing("T", with: " ").dropLast().utf8)
                }
                #expect(shown.map { abs($0.microseconds - now.microseconds) < 60_000_000 } == true, type)
            }
            let row = try await console.query(
                """
                SELECT \(identifier: name), TIMESTAMPDIFF(SECOND, \(identifier: name), UTC_TIMESTAMP()) \
                FROM wishlist_dataset_histories WHERE id = \(id)
                """
            ).first
            let age = try row?.int64(1)
            #expect(age.map { abs($0) < 60 } == true, type)
        }
        let minutes = { (number: Int64) in now.adding(seconds: 60 * number).iso8601 }
        for (from, to, count) in [(-2, 2, 1), (2, 4, 0), (-4, -2, 0)] as [(Int64, Int64, Int)] {
            let list = try await console.get(
                "\(path)?created_from=\(minutes(from))&created_to=\(minutes(to))", token: scene.token)
            #expect(list.ids.count == count, type)
        }
        // Both ways to write a row.
        for (sequence, event) in [(2, DatasetEventType.datasetProgress), (3, .datasetCompleted)] {
            let webhook = TestWebhook(event, of: laravels, sequence: Int64(sequence))
            #expect(try await console.post(webhook).outcome == "applied", type)
            #expect(
                try await console.number(
                    """
                    SELECT ABS(TIMESTAMPDIFF(SECOND, updated_at, UTC_TIMESTAMP())) < 60 \
                    FROM wishlist_dataset_histories WHERE id = \(laravels.id)
                    """) == 1, type)
        }
        #expect(
            try await console.post(TestWebhook(.trainingStarted, of: laravels, sequence: 4)).outcome == "applied", type)
        #expect(
            try await console.number(
                """
                SELECT ABS(TIMESTAMPDIFF(SECOND, updated_at, UTC_TIMESTAMP())) < 60 \
                FROM wishlist_to_groups WHERE id = \(scene.wishlist.id)
                """) == 1, type)
        try await console.waitForNumber(
            1,
            """
            SELECT COUNT(*) FROM personal_access_tokens WHERE id = \(Int64(scene.token.split(separator: "|")[0])) \
            AND ABS(TIMESTAMPDIFF(SECOND, last_used_at, UTC_TIMESTAMP())) < 60
            """)
        #expect(try await ConsoleTime.contradictions(on: console.connection).isEmpty, type)
    }

    /// An hour a year has no moment in a zone with summer time: the server refuses its digits.
    @Test func theHourThatDoesNotExistRefusesNothing() async throws {
        let server = try await TestServer.startOwn()
        let root = try await MySQLConnection.connect(server.configuration())
        for statement in Self.berlin { try await root.execute(statement) }
        try await root.execute("CREATE DATABASE d")
        var configuration = server.configuration(database: "d")
        configuration.timeZone = "Europe/Berlin"
        let connection = try await MySQLConnection.connect(configuration)
        try await connection.execute("CREATE TABLE t (a TIMESTAMP(6) NULL, b DATETIME(6) NULL)")
        // 2026-03-29 02:30:00.5 UTC
        try await connection.execute("SET timestamp = 1774751400.5")
        await #expect(throws: MySQLError.self) {
            try await connection.execute("INSERT INTO t (a) VALUES (UTC_TIMESTAMP(6))")
        }
        try await connection.execute("INSERT INTO t VALUES (\(ConsoleTime(nil).now), \(ConsoleTime(nil).now))")
        let row = try await connection.query("SELECT a, b FROM t")[0]
        #expect(try row.string(0) == "2026-03-29 03:00:00.500000")
        await connection.close()
        await root.close()
        await server.stop()
    }

    /// In the hour that clocks show a second time all that is of its digits is over, as PHP reads them.
    @Test func theHourThatComesTwiceIsOverTheSecondTime() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            try await connection.execute("CREATE TABLE t (a DATETIME NULL, b TIMESTAMP NULL)")
            try await connection.execute("INSERT INTO t VALUES ('2026-11-01 01:45:00', '2026-11-01 01:45:00')")
            let time = ConsoleTime(LocalTime("America/New_York"))
            for (clock, isAhead) in [("05:30", true), ("06:00", false), ("06:30", false)] {
                // The server's clock is ours.
                let now = try #require(Timestamp(sql: "2026-11-01 \(clock):00".utf8))
                try await connection.execute("SET timestamp = \(now.seconds)")
                let (boundary, later) = (time.boundary(now: now), time.boundary(minutesAgo: 60, now: now))
                let row = try await connection.query("SELECT a >= \(boundary), b >= \(boundary), a >= \(later) FROM t")[
                    0]
                #expect(try row.bool(0) == isAhead && row.bool(1) == isAhead, "\(clock)")
                #expect(try row.bool(2), "\(clock)")
            }
            await connection.close()
        }
    }

    @Test func anUnknownZoneIsRefusedByName() async throws {
        try await ServiceUnderTest.with { service in
            let run = await service.command("serve", changes: ["DB_TIMEZONE": "Mars/Olympus"])
            #expect(run.status == 2)
            let doctor = await service.command("doctor", changes: ["DB_TIMEZONE": "Mars/Olympus"])
            #expect(doctor.output.contains("time_zone") && doctor.output.contains("Mars/Olympus"))
            #expect(doctor.output.contains("DB_TIMEZONE"))
            let faults = #expect(throws: ConfigurationFaults.self) {
                try Configuration(
                    Environment(service.variables(["DB_TIMEZONE": "+5 hours'", "APP_TIMEZONE": "Mars/Olympus"])))
            }
            #expect(faults?.description.contains("DB_TIMEZONE") == true)
            #expect(faults?.description.contains("APP_TIMEZONE") == true)
        }
    }

    /// What is in the tables tells that the zone is wrong.
    @Test func doctorFindsAContradiction() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let fine = await service.command("doctor")
            #expect(fine.output.contains("agree with"))
            try await service.execute("UPDATE personal_access_tokens SET created_at = UTC_TIMESTAMP()")
            let application = await service.command("doctor", changes: ["APP_TIMEZONE": "America/New_York"])
            #expect(application.status == 1)
            #expect(application.output.contains("personal_access_tokens.created_at is"))
            #expect(application.output.contains("America/New_York"))
            try await service.execute(
                """
                UPDATE personal_access_tokens SET created_at = UTC_TIMESTAMP() + INTERVAL 5 HOUR \
                WHERE tokenable_id = \(scene.user)
                """)
            let wrong = await service.command("doctor")
            #expect(wrong.status == 1)
            #expect(wrong.output.contains("personal_access_tokens.created_at is"))
            #expect(wrong.output.contains("DB_TIMEZONE"))
        }
    }

    /// A column that the server sets to the present time by itself stays as it is, whatever we write into its row.
    @Test func timesThatFollowEachUpdateStayAsTheyAre() async throws {
        let changing = "TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"
        let tables: [SQL] = [
            """
            CREATE TABLE wishlist_to_groups (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
            group_id BIGINT UNSIGNED NULL, name VARCHAR(255) NOT NULL, slug VARCHAR(255) NOT NULL UNIQUE, \
            status INT NOT NULL DEFAULT 1, created_at \(unescaped: changing), updated_at TIMESTAMP NULL, \
            deleted_at TIMESTAMP NULL) CHARSET = utf8mb4
            """,
            """
            CREATE TABLE wishlist_dataset_histories (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
            wishlist_to_group_id BIGINT UNSIGNED NOT NULL, dataset_id BIGINT UNSIGNED NULL, slug VARCHAR(255) NOT NULL, \
            status INT NOT NULL DEFAULT 0, created_at \(unescaped: changing), `Updated At` \(unescaped: changing), \
            updated_at \(unescaped: changing)) CHARSET = utf8mb4
            """,
            """
            CREATE TABLE personal_access_tokens (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
            tokenable_type VARCHAR(255) NOT NULL, tokenable_id BIGINT UNSIGNED NOT NULL, name VARCHAR(255) NOT NULL, \
            token VARCHAR(64) NOT NULL UNIQUE, abilities TEXT NULL, last_used_at TIMESTAMP NULL, \
            expires_at \(unescaped: changing), created_at TIMESTAMP NULL, updated_at TIMESTAMP NULL) CHARSET = utf8mb4
            """,
        ]
        try await ConsoleTables.with(tables) { service in
            let march: SQL = "'2026-03-01 10:00:00'"
            let user = try await service.user()
            let group = try await service.group()
            try await service.member(user, of: group)
            let token = try await service.token(of: user, expiresIn: 86_400)
            let wishlist = try await service.wishlist(of: group)
            let history = try await service.history(of: wishlist)
            try await service.change(history, "created_at = \(march), `Updated At` = \(march)")
            try await service.execute(
                "UPDATE wishlist_to_groups SET created_at = \(march) WHERE id = \(wishlist.id)")
            for (sequence, type) in [
                (1, DatasetEventType.datasetStarted), (2, .datasetProgress), (3, .datasetCompleted),
                (4, .trainingCompleted),
            ] {
                #expect(try await service.post(.init(type, of: history, sequence: Int64(sequence))).status == 200)
            }
            #expect(try await service.get("\(wishlist.path)/histories", token: token).status == 200)
            try await service.waitForNumber(
                1, "SELECT COUNT(*) FROM personal_access_tokens WHERE last_used_at IS NOT NULL")
            #expect(
                try await service.number(
                    "SELECT COUNT(*) FROM personal_access_tokens WHERE expires_at > UTC_TIMESTAMP() + INTERVAL 23 HOUR")
                    == 1)
            // The outbox writes too, once all is delivered.
            try await service.waitForNumber(
                1,
                """
                SELECT COUNT(*) FROM wishlist_dataset_histories WHERE dispatcher = 0 AND notified_revision = revision
                """)
            #expect(
                try await service.number(
                    """
                    SELECT COUNT(*) FROM wishlist_dataset_histories WHERE created_at = \(march) \
                    AND `Updated At` = \(march) AND updated_at > UTC_TIMESTAMP() - INTERVAL 1 MINUTE
                    """) == 1)
            #expect(
                try await service.number("SELECT COUNT(*) FROM wishlist_to_groups WHERE created_at = \(march)") == 1)
        }
    }
}
