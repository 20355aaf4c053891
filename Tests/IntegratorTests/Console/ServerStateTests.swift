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

    /// Whatever the server hands out, the service works as ever.
    @Test(arguments: [
        ["--log-bin=binlog", "--binlog-format=STATEMENT"],
        ["--wait-timeout=2", "--interactive-timeout=2"],
        [
            "--autocommit=0", "--completion-type=CHAIN", "--default-time-zone=+05:30",
            "--transaction-isolation=SERIALIZABLE",
            "--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,STRICT_ALL_TABLES,NO_ZERO_DATE",
            "--character-set-server=latin1", "--collation-server=latin1_swedish_ci",
            "--init-connect=SET sql_safe_updates=1, sql_select_limit=1",
        ],
    ])
    func theServiceWorksWhateverTheServerHandsOut(options: [String]) async throws {
        let account: [SQL] = ["CREATE USER plain@localhost", "GRANT ALL ON gb.* TO plain@localhost"]
        // An administrator is spared `init_connect`.
        try await ConsoleTables.with(
            server: options, before: account, configuration: { $0.database.username = "plain" }
        ) {
            service in
            let scene = try await service.scene()
            let made = try await service.create(scene.wishlist, token: scene.token)
            #expect(made.status == 201, "\(made.text)")
            let id = try #require(made.data?["id"]?.int)
            _ = try await service.waitForPushed(of: id) { $0.contains { $0.name == "dataset.completed" } }
            // Longer than connections may be idle.
            if options[0].contains("timeout") { try await Task.sleep(for: .seconds(4)) }
            let statuses = try await withThrowingTaskGroup(of: Int.self) { tasks in
                for _ in 0..<8 {
                    tasks.addTask {
                        try await service.get("\(scene.wishlist.path)/histories", token: scene.token).status
                    }
                }
                return try await tasks.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses == Array(repeating: 200, count: 8))
            let fresh = try await MySQLConnection.connect(service.database)
            var other = service
            other.connection = fresh
            let history = try await other.history(of: other.wishlist(of: scene.wishlist.groupID))
            if options[0].contains("timeout") { try await Task.sleep(for: .seconds(4)) }
            for (sequence, type) in [
                (1, DatasetEventType.datasetStarted), (2, .datasetCompleted), (3, .trainingCompleted),
            ] {
                let answer = try await service.post(.init(type, of: history, sequence: Int64(sequence)))
                #expect(answer.outcome == "applied", "\(answer.text)")
            }
            #expect(try await service.get("\(scene.wishlist.path)/histories/\(id)", token: scene.token).status == 200)
            #expect(try await service.api("GET", "/health/ready").status == 200)
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
