import MySQL
import TestSupport

@testable import Integrator
@testable import Store

/// The tables of the service, as the migrations make them: migrated once for the whole process, then copied.
enum ServiceSchema {
    /// What makes the tables in an empty schema.
    private static let statements = Task { try await read() }

    /// A schema of its own with all tables, dropped at the end.
    static func with<R>(_ body: (MySQLConfiguration) async throws -> R) async throws -> R {
        // Before this test has its turn: reading them takes a turn too.
        _ = try await statements.value
        return try await TestDatabase.with { configuration in
            try await create(in: configuration)
            return try await body(configuration)
        }
    }

    /// Makes the tables. Those of another server are migrated: it may be of another kind than the shared one.
    static func create(in configuration: MySQLConfiguration) async throws {
        guard try await configuration.socket == TestServer.shared().socket else {
            _ = try await Migrator(configuration, migrations: Migrations.all).run()
            return
        }
        let statements = try await statements.value
        let connection = try await MySQLConnection.connect(configuration.patient)
        try await connection.executeAll(statements)
        await connection.close()
    }

    private static func read() async throws -> [SQL] {
        try await TestDatabase.with { configuration in
            _ = try await Migrator(configuration, migrations: Migrations.all).run()
            let connection = try await MySQLConnection.connect(configuration)
            var statements: [SQL] = []
            for table in try await connection.query("SHOW TABLES") {
                let name = try table.string(0)
                let row = try await connection.query("SHOW CREATE TABLE \(identifier: name)").first
                statements.append("\(unescaped: try row?.string(1) ?? "")")
            }
            let rows = try await connection.query("SELECT * FROM integrator_migrations")
            for row in rows {
                var values: SQL = "INSERT INTO integrator_migrations VALUES ("
                for column in rows.columns.indices {
                    if column > 0 { values.append(unescaped: ", ") }
                    values.append(value: try row.optionalString(MySQLColumn(column)))
                }
                values.append(unescaped: ")")
                statements.append(values)
            }
            await connection.close()
            return statements
        }
    }
}
