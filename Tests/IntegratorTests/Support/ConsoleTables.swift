import MySQL
import TestSupport

@testable import Integrator
@testable import Store

/// Schemas that a console has made, before this service came.
enum ConsoleTables {
    /// Makes a schema: first with these statements, under a session that takes anything, then with the migrations.
    static func make(in configuration: MySQLConfiguration, _ statements: [SQL]) async throws {
        let console = try await MySQLConnection.connect(configuration.patient)
        try await console.execute("SET sql_mode = ''")
        for statement in statements { try await console.execute(statement) }
        await console.close()
        _ = try await Migrations.migrator(configuration).run()
    }

    /// A service on the shared server, in a schema that a console has made.
    static func with<R>(
        _ statements: [SQL], _ environment: [String: String] = [:], _ body: (ServiceUnderTest) async throws -> R
    ) async throws -> R {
        try await TestDatabase.with { configuration in
            try await make(in: configuration, statements)
            return try await ServiceUnderTest.with(environment, database: configuration, body)
        }
    }

    /// A service on a server of its own, started with these options, in a schema that a console has made.
    ///
    /// - Parameter before: runs on the server before there is a schema.
    static func with(
        server options: [String], before: [SQL] = [], _ statements: [SQL] = [], _ environment: [String: String] = [:],
        registered: Bool = true, configuration change: (inout Configuration) -> Void = { _ in },
        _ body: (ServiceUnderTest) async throws -> Void
    ) async throws {
        let server = try await TestServer.startOwn(options: options)
        let result: Result<Void, any Error>
        do {
            let root = try await MySQLConnection.connect(server.configuration())
            for statement in before { try await root.execute(statement) }
            try await root.execute("CREATE DATABASE gb COLLATE utf8mb4_unicode_ci")
            await root.close()
            let configuration = server.configuration(database: "gb")
            try await make(in: configuration, statements)
            try await ServiceUnderTest.with(
                environment, database: configuration, registered: registered, configuration: change, body)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await server.stop()
        try result.get()
    }

    /// Tables of the seed in a character set: a word of `SHOW CHARACTER SET`, with its collation if need be.
    static func inCharacterSet(_ characterSet: String) -> [SQL] {
        let end: SQL = "ENGINE = InnoDB DEFAULT CHARSET = \(unescaped: characterSet)"
        return [
            """
            CREATE TABLE wishlist_to_groups (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
            group_id BIGINT UNSIGNED NULL, name VARCHAR(191) NULL, slug VARCHAR(191) NULL, \
            status INT NULL DEFAULT 1, created_at TIMESTAMP NULL, updated_at TIMESTAMP NULL, \
            deleted_at TIMESTAMP NULL, UNIQUE KEY slug_unique (slug)) \(end)
            """,
            """
            CREATE TABLE wishlist_dataset_histories (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
            wishlist_to_group_id BIGINT UNSIGNED NOT NULL, dataset_id BIGINT UNSIGNED NULL, slug VARCHAR(20) NULL, \
            name VARCHAR(40) NULL, message VARCHAR(12) NULL, stage VARCHAR(10) NOT NULL DEFAULT '', \
            error_message TINYTEXT NULL, progress DECIMAL(3,1) NULL, status INT NULL DEFAULT 0, \
            created_at TIMESTAMP(6) NULL, updated_at TIMESTAMP(6) NULL) \(end)
            """,
        ]
    }
}
