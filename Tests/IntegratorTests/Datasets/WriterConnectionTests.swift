import MySQL
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox

/// The writers' connections, where the account may have few.
@Suite(.timeLimit(.minutes(5))) struct WriterConnectionTests {
    private func with(
        connections: Int, _ body: (ServiceUnderTest, _ account: MySQLConfiguration) async throws -> Void
    ) async throws {
        try await ServiceSchema.with { schema in
            let owner = try await MySQLConnection.connect(schema.patient)
            var account = schema.patient
            account.username = "w_\(Fresh.number())"
            try await owner.execute("CREATE USER \(account.username)@'%' WITH MAX_USER_CONNECTIONS \(connections)")
            try await owner.execute("GRANT ALL ON \(identifier: schema.database).* TO \(account.username)@'%'")
            let result: Result<Void, any Error>
            do {
                try await ServiceUnderTest.with(
                    ["RATE_LIMIT_PER_MINUTE": "10000"], database: schema, registered: false,
                    configuration: { $0.database.username = account.username }
                ) { try await body($0, account) }
                result = .success(())
            } catch {
                result = .failure(error)
            }
            try await owner.execute("DROP USER \(account.username)@'%'")
            await owner.close()
            try result.get()
        }
    }

    /// The pool gives up a connection for a writer that needs one.
    @Test func aBurstOfReadsGivesWay() async throws {
        try await with(connections: 5) { service, _ in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<60 {
                    group.addTask {
                        try await service.get("\(scene.wishlist.path)/histories", token: scene.token).status
                    }
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses == Array(repeating: 200, count: 60))
            #expect(try await service.post(.init(.datasetStarted, of: history, sequence: 1)).status == 200)
        }
    }

    /// The writers have theirs before the first webhook: others may take what is left, readers of the API too.
    @Test func theWritersConnectAtTheStart() async throws {
        try await with(connections: 12) { service, account in
            let scene = try await service.scene()
            let histories = [
                try await service.history(of: scene.wishlist),
                try await service.history(of: try await service.scene().wishlist),
            ]
            let connected: SQL =
                "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = \(account.username)"
            while try await service.number(connected) ?? 0 < 2 { try await Task.sleep(for: .milliseconds(10)) }
            // No reader gives its connection up: all wait for a table that somebody has locked.
            try await service.execute("LOCK TABLES personal_access_tokens WRITE")
            let answered = Recorder<Int>()
            let readers = (0..<20).map { _ in
                Task {
                    let answer = try? await service.get("\(scene.wishlist.path)/histories", token: scene.token)
                    answered.append(answer?.status ?? 0)
                }
            }
            var others: [MySQLConnection] = []
            while let next = try? await MySQLConnection.connect(account) { others.append(next) }
            #expect(others.count <= 10)
            for history in histories {
                #expect(try await service.post(.init(.datasetStarted, of: history, sequence: 1)).status == 200)
            }
            #expect(answered.all.isEmpty)
            try await service.execute("UNLOCK TABLES")
            for reader in readers { _ = await reader.value }
            for other in others { await other.close() }
        }
    }
}
