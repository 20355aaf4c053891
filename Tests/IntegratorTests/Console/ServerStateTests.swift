import JSON
import MySQL
import TestSupport
import Testing
import Time

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import Store

/// What a server's settings let through, and what passes.
@Suite(.timeLimit(.minutes(3))) struct ServerStateTests {
    /// Twelve webhooks of 250 KB at once, where a statement has at most 1 MiB.
    @Test func aBatchThatIsTooLargeIsHalved() async throws {
        try await ConsoleTables.with(server: ["--max-allowed-packet=1M"]) { service in
            let group = try await service.group()
            var histories: [TestHistory] = []
            for _ in 0..<12 { histories.append(try await service.history(of: service.wishlist(of: group))) }
            let rows = String(repeating: "r", count: 250_000)
            let answers = try await withThrowingTaskGroup(of: (Int, String).self) { tasks in
                for history in histories {
                    tasks.addTask {
                        let answer = try await service.post(
                            .init(.datasetCompleted, of: history, sequence: 1, more: #""result": {"rows": "\#(rows)"}"#)
                        )
                        return (answer.status, answer.text)
                    }
                }
                return try await tasks.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.0 == 200 && $0.1.contains("applied") }, "\(answers)")
            #expect(
                try await service.number(
                    "SELECT COUNT(*) FROM wishlist_dataset_histories WHERE LENGTH(result) > 250000") == 12)
        }
    }

    /// After a failover the server only reads: not ready, 503, and all goes on once it writes.
    @Test func aServerThatOnlyReadsIsLeftAndFoundAgain() async throws {
        let account: [SQL] = ["CREATE USER plain@localhost", "GRANT ALL ON gb.* TO plain@localhost"]
        try await ConsoleTables.with(server: [], before: account, configuration: { $0.database.username = "plain" }) {
            service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            #expect(try await service.post(.init(.datasetStarted, of: history, sequence: 1)).status == 200)
            #expect(try await service.api("GET", "/health/ready").status == 200)
            try await service.execute("SET GLOBAL read_only = 1")
            let refused = try await service.post(.init(.datasetProgress, of: history, sequence: 2))
            #expect(refused.status == 503 && refused.header("Retry-After") != nil)
            let made = try await service.create(scene.wishlist, token: scene.token)
            #expect([409, 503].contains(made.status))
            let ready = try await service.ready(503)
            #expect(ready.status == 503 && ready.text.contains("takes no writes"), "\(ready.text)")
            #expect(try await service.get("\(scene.wishlist.path)/histories", token: scene.token).status == 200)
            try await service.execute("SET GLOBAL read_only = 0")
            #expect(try await service.post(.init(.datasetProgress, of: history, sequence: 2)).status == 200)
            #expect(try await service.post(.init(.datasetCompleted, of: history, sequence: 3)).status == 200)
            #expect(try await service.create(scene.wishlist, token: scene.token).status == 201)
            #expect(try await service.ready(200).status == 200)
        }
    }
}

extension ServiceUnderTest {
    /// The answer of `/health/ready` once it has a status: one is believed for a second.
    fileprivate func ready(_ status: Int) async throws -> HTTPAnswer {
        var answer = try await api("GET", "/health/ready")
        let deadline = ContinuousClock.now + .seconds(10)
        while answer.status != status, .now < deadline {
            try await Task.sleep(for: .milliseconds(100))
            answer = try await api("GET", "/health/ready")
        }
        return answer
    }
}
