import Foundation
import MySQL
import Store
import TestSupport
import Testing

@testable import Integrator
@testable import Operations

/// Users that have the rights of `fixtures/deploy/grants.sql` and no more.
@Suite(.timeLimit(.minutes(5))) struct RightsTests {
    /// The lines of the file for one of its users, for another user and schema.
    private static func grants(of user: String, to other: String, on schema: String) throws -> [String] {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../fixtures/deploy/grants.sql")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            .filter { $0.hasPrefix("GRANT ") && $0.hasSuffix(" TO \(user)@'%';") }
            .map { String($0).replacing("gb_console.", with: "\(schema).").replacing("\(user)@", with: "\(other)@") }
    }

    /// A migrated schema, a connection of its owner, and the configuration of the user `integrator`.
    private static func with(
        _ body: (_ owner: MySQLConnection, _ user: MySQLConfiguration) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            let owner = try await MySQLConnection.connect(database.patient)
            let suffix = database.database.dropFirst(5)
            let (migrator, user) = ("m_\(suffix)", "i_\(suffix)")
            try await owner.execute("CREATE USER \(migrator)@'%'")
            try await owner.execute("CREATE USER \(user)@'%'")
            var configuration = database.patient
            let result: Result<Void, any Error>
            do {
                for grant in try grants(of: "integrator_migrate", to: migrator, on: database.database) {
                    try await owner.execute("\(unescaped: grant)")
                }
                configuration.username = migrator
                let migrations = Migrations.all
                #expect(try await Migrations.migrator(configuration).run() == migrations.map(\.name))
                #expect(try await Migrations.migrator(configuration).run().isEmpty)
                for grant in try grants(of: "integrator", to: user, on: database.database) {
                    try await owner.execute("\(unescaped: grant)")
                }
                configuration.username = user
                result = .success(try await body(owner, configuration))
            } catch {
                result = .failure(error)
            }
            try await owner.execute("DROP USER \(migrator)@'%', \(user)@'%'")
            await owner.close()
            try result.get()
        }
    }

    @Test func theFileGrantsWhatIsNeededAndNoMore() async throws {
        try await Self.with { owner, user in
            let connection = try await MySQLConnection.connect(user)
            #expect(try await DatabaseRight.lacking(on: connection) == [])
            await connection.close()
            for right in DatabaseRight.needed {
                try await owner.execute(
                    "REVOKE \(unescaped: right.text) ON \(identifier: right.table) FROM \(user.username)@'%'")
            }
            // Nothing is left: no right is granted that is not known to be needed.
            let left = try await owner.query("SHOW GRANTS FOR \(user.username)@'%'")
            #expect(try left.map { try $0.string(0) }.allSatisfy { $0.hasPrefix("GRANT USAGE ON *.*") })
        }
    }

    @Test func doctorNamesEachThatIsMissing() async throws {
        try await Self.with { owner, user in
            for right in DatabaseRight.needed {
                try await owner.execute(
                    "REVOKE \(unescaped: right.text) ON \(identifier: right.table) FROM \(user.username)@'%'")
                let faults = await DatabaseDoctor(configuration: user).examine().filter { $0.level == .fault }
                #expect(faults.map(\.finding) == ["\(right.text) on \(right.table) is missing"])
                #expect(faults.allSatisfy { $0.check == "rights" })
                try await owner.execute(
                    "GRANT \(unescaped: right.text) ON \(identifier: right.table) TO \(user.username)@'%'")
            }
            #expect(await DatabaseDoctor(configuration: user).examine().allSatisfy { $0.level != .fault })
        }
    }
}
