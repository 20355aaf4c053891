import HTTPClient
import MySQL
import Sandbox
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator
@testable import Store

/// Many webhooks at once.
@Suite(.timeLimit(.minutes(10))) struct CrowdTests {
    @Test(arguments: [(datasets: 3, seed: UInt64(1)), (datasets: 60, seed: UInt64(2))])
    func shuffledWebhooksOfManyDatasets(datasets: Int, seed: UInt64) async throws {
        try await ServiceUnderTest.with { service in
            var generator = SplitMix64(state: seed)
            let scene = try await service.scene()
            var histories: [TestHistory] = []
            for _ in 0..<datasets {
                histories.append(try await service.history(of: try await service.wishlist(of: scene.wishlist.groupID)))
            }
            let each = 540 / datasets
            var webhooks: [TestWebhook] = []
            for history in histories {
                for sequence in 1...each {
                    let type: DatasetEventType = sequence == each ? .datasetCompleted : .datasetProgress
                    webhooks.append(TestWebhook(type, of: history, sequence: Int64(sequence)))
                }
            }
            // Some come twice.
            let sent = (webhooks + webhooks.prefix(60)).shuffled(using: &generator)
            let answers = try await service.post(sent)
            #expect(answers.allSatisfy { ["applied", "stale", "duplicate"].contains($0.outcome) })
            #expect(answers.filter { $0.outcome == "duplicate" }.count == 60)
            let applied = answers.filter { $0.outcome == "applied" }.count
            let rows = try await service.logRows()
            #expect(Set(rows.map(\.key)) == Set(webhooks.map(\.id)))
            #expect(rows.count == webhooks.count)
            #expect(rows.filter { $0.outcome == .applied }.count == applied)
            for history in histories {
                let stored = try #require(try await service.stored(history.id))
                #expect(stored.status == .completed)
                #expect(stored.sequence == Int64(each))
                let revisions = rows.filter { $0.historyID == history.id }.compactMap(\.revision).sorted()
                #expect(revisions == Array(1...max(1, stored.revision)))
                let events = try await service.waitForPushed(of: history.id, revision: stored.revision)
                #expect(events.map(\.revision) == Array(Set(events.map(\.revision))).sorted())
                try await service.waitUntilSettled(history.id)
            }
        }
    }

    /// A row that cannot be stored does not take those beside it down.
    @Test func aPoisonousWebhook() async throws {
        try await ServiceUnderTest.with { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            let webhooks = (1...40).map { TestWebhook(.datasetProgress, of: history, sequence: Int64($0)) }
            let poison = webhooks[17]
            try await service.execute(
                """
                CREATE TRIGGER poison BEFORE INSERT ON wishlist_dataset_events FOR EACH ROW \
                IF NEW.event_key = \(poison.id) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'poison'; END IF
                """)
            let answers = try await service.post(webhooks)
            for (webhook, answer) in zip(webhooks, answers) {
                #expect(answer.status == (webhook.id == poison.id ? 500 : 200))
            }
            #expect(try await service.logRows().count == 39)
            #expect(try await service.stored(history.id)?.sequence == 40)
        }
    }

    @Test func theDatabaseIsAway() async throws {
        let server = try await TestServer.startOwn()
        do {
            try await theDatabaseIsAway(server)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    private func theDatabaseIsAway(_ server: TestServer) async throws {
        let root = try await MySQLConnection.connect(server.configuration())
        _ = try await root.execute("CREATE DATABASE own")
        await root.close()
        let database = server.configuration(database: "own")
        try await ServiceSchema.create(in: database)
        try await ServiceUnderTest.with(database: database) { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            #expect(
                try await service.post(TestWebhook(.datasetStarted, of: history, sequence: 1)).outcome == "applied")
            await server.kill()
            let webhook = TestWebhook(.datasetCompleted, of: history, sequence: 2)
            let answer = try await service.post(webhook)
            #expect(answer.status == 503)
            #expect(answer.header("retry-after").flatMap { Int($0) } ?? 0 > 0)
            #expect(try await service.api("GET", "/health/ready").status == 503)
            try await server.restart()
            // The sender tries again, and it works by itself.
            var again = try await service.post(webhook)
            for _ in 0..<20 where again.status == 503 { again = try await service.post(webhook) }
            #expect(again.outcome == "applied")
            try await service.waitForPushed(of: history.id) { $0.last?.name == "dataset.completed" }
        }
    }
}
