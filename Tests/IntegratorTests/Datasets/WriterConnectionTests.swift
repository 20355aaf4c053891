import MySQL
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator

/// The writers' connections, where the account may have few.
@Suite(.timeLimit(.minutes(1))) struct WriterConnectionTests {
    /// Reads that come before the first webhook do not take the last connections: each writer has its own since the start.
    @Test func aBurstOfReadsLeavesTheWritersTheirs() async throws {
        try await ServiceSchema.with { schema in
            let owner = try await MySQLConnection.connect(schema.patient)
            let account = "w_\(Fresh.number())"
            try await owner.execute("CREATE USER \(account)@'%' WITH MAX_USER_CONNECTIONS 5")
            try await owner.execute("GRANT ALL ON \(identifier: schema.database).* TO \(account)@'%'")
            let result: Result<Void, any Error>
            do {
                try await ServiceUnderTest.with(
                    ["RATE_LIMIT_PER_MINUTE": "10000"], database: schema, registered: false,
                    configuration: { $0.database.username = account }
                ) { service in
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
                    // Both lanes.
                    let other = try await service.history(of: try await service.scene().wishlist)
                    for history in [history, other] {
                        #expect(try await service.post(.init(.datasetStarted, of: history, sequence: 1)).status == 200)
                    }
                }
                result = .success(())
            } catch {
                result = .failure(error)
            }
            try await owner.execute("DROP USER \(account)@'%'")
            await owner.close()
            try result.get()
        }
    }
}
