import HTTPClient
import JSON
import MySQL
import Signatures
import TestSupport
import Testing
import Time

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import Store
@testable import Web

/// Two instances, each at a node of its own of a cluster, that race for the same rows (spec, section 9).
@Suite(.serialized, .enabled(if: Cluster.isThere), .timeLimit(.minutes(60))) struct ClusterRaceTests {
    private let client = HTTPClient(maximumConnectionsPerHost: 32, maximumResponseBytes: 1 << 20)

    /// Each webhook goes to both nodes at once, and again until both have acknowledged it.
    @Test(.timeLimit(.minutes(5))) func theSameWebhookAtTwoNodesCountsOnce() async throws {
        try await Cluster.withTwoInstances(client) { service, cluster, instances in
            let histories = try await service.manyHistories(8, at: cluster)
            let length: Int64 = 40
            let outcomes = try await withThrowingTaskGroup(of: [[String]].self) { group in
                for history in histories {
                    group.addTask {
                        var pairs: [[String]] = []
                        for sequence in 1...length {
                            let webhook = TestWebhook(
                                sequence == length ? .datasetCompleted : .datasetProgress, of: history,
                                sequence: sequence)
                            async let first = acknowledged(webhook, at: instances[0])
                            async let second = acknowledged(webhook, at: instances[1])
                            pairs.append(try await [first, second].sorted())
                        }
                        return pairs
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            // A 503 whose commit went through all the same makes two duplicates of one webhook.
            #expect(Set(outcomes).subtracting([["applied", "duplicate"], ["duplicate", "duplicate"]]) == [])
            #expect(outcomes.count { $0.contains("applied") } > outcomes.count * 9 / 10)
            try await service.waitUntilNothingIsOwed()
            for history in histories {
                let stored = try #require(try await service.stored(history.id))
                #expect(stored.status == .completed)
                #expect(stored.revision == length)
                #expect(
                    try await service.number(
                        """
                        SELECT COUNT(DISTINCT revision) FROM wishlist_dataset_events \
                        WHERE history_id = \(history.id) AND outcome = 0
                        """) == length)
            }
            #expect(
                try await service.number("SELECT COUNT(*) FROM wishlist_dataset_events")
                    == Int64(histories.count) * length)
        }
    }

    /// The outcome of a webhook, sent until it is acknowledged.
    private func acknowledged(_ webhook: TestWebhook, at instance: IntegratorProcess) async throws -> String {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            let now = Timestamp.now().seconds
            let signature = WebhookSigner(secret: ServiceUnderTest.secret).sign(
                id: webhook.id, timestamp: now, body: webhook.body)
            let request = HTTPClientRequest(
                method: "POST", url: instance.url + WebhookEndpoint.path,
                headers: [
                    ("webhook-id", webhook.id), ("webhook-timestamp", "\(now)"), ("webhook-signature", signature),
                ], body: webhook.body, timeout: .seconds(20))
            let answer = HTTPAnswer(try await client.send(request))
            if answer.status == 200 { return answer.outcome ?? "?" }
            try #require(answer.status == 503)
        }
        throw SandboxError("not acknowledged within a minute")
    }

    @Test(.timeLimit(.minutes(5))) func webhooksOverTwoNodesAddUp() async throws {
        try await Cluster.withTwoInstances(client) { service, cluster, instances in
            let load = try await service.load(60, on: instances, at: cluster, client: client)
            await load.run()
            try await service.check(load, at: cluster)
        }
    }

    @Test(.timeLimit(.minutes(5))) func oneCreateWinsOnTwoNodes() async throws {
        var scenario = Scenario()
        scenario.outcome = .silent
        scenario.steps = 1
        try await Cluster.withTwoInstances(client, scenario: scenario) { service, _, instances in
            for round in 1...8 {
                let scene = try await service.scene()
                let statuses = await withTaskGroup(of: Int.self) { group in
                    for number in 0..<8 {
                        group.addTask {
                            let request = HTTPClientRequest(
                                method: "POST",
                                url: instances[number % 2].url + scene.wishlist.path + "/createAnalysis",
                                headers: [("Authorization", "Bearer \(scene.token)")], timeout: .seconds(30))
                            return (try? await client.send(request).status) ?? 0
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                #expect(statuses.sorted() == [201] + Array(repeating: 409, count: 7), "round \(round)")
                #expect(service.sandbox.tv.createCounts.accepted == round)
            }
        }
    }

    /// The TV Python API's webhooks come at one node, in part before the call returns that was made at the other.
    @Test(.timeLimit(.minutes(5))) func webhooksOfADatasetReservedOnTheOtherNode() async throws {
        var scenario = Scenario()
        scenario.stepDelay = 0
        scenario.webhookBeforeCreateReturns = true
        scenario.concurrent = true
        scenario.retryScale = 0.01
        // The last to register is the one that gets the webhooks.
        try await Cluster.withTwoInstances(client, scenario: scenario) { service, _, instances in
            var scenes: [TestScene] = []
            for _ in 0..<20 { scenes.append(try await service.scene()) }
            try await withThrowingTaskGroup(of: Int.self) { group in
                for scene in scenes {
                    group.addTask {
                        let request = HTTPClientRequest(
                            method: "POST", url: instances[0].url + scene.wishlist.path + "/createAnalysis",
                            headers: [("Authorization", "Bearer \(scene.token)")], timeout: .seconds(30))
                        return try await client.send(request).status
                    }
                }
                for try await status in group { #expect(status == 201) }
            }
            try await service.waitForNumber(
                20, "SELECT COUNT(*) FROM wishlist_dataset_histories WHERE status = 3", timeout: .seconds(60))
            try await service.waitForNumber(0, "SELECT COUNT(*) FROM wishlist_dataset_parked", timeout: .seconds(60))
            try await service.waitUntilNothingIsOwed()
        }
    }

    /// A client is told by one instance, and asks the other what it missed.
    @Test(.timeLimit(.minutes(5))) func whatOneNodeAcknowledgedTheOtherShows() async throws {
        try await Cluster.withTwoInstances(client) { service, cluster, instances in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let load = WebhookLoad(
                try await service.manyHistories(16, at: cluster), length: 400, urls: [instances[0].url], client: client)
            async let running: Void = load.run()
            for sequence in 1...200 as ClosedRange<Int64> {
                let webhook = TestWebhook(.datasetProgress, of: history, sequence: sequence)
                try #require(try await acknowledged(webhook, at: instances[0]) == "applied")
                let request = HTTPClientRequest(
                    method: "GET",
                    url: instances[1].url + scene.wishlist.path
                        + "/histories/\(history.id)/events?after=\(sequence - 1)",
                    headers: [("Authorization", "Bearer \(scene.token)")], timeout: .seconds(30))
                let answer = HTTPAnswer(try await client.send(request))
                try #require(answer.data?.elements.last?["revision"]?.int == sequence, "\(answer.text)")
            }
            load.stop()
            await running
            try await service.waitUntilNothingIsOwed()
        }
    }

    /// Another node's transaction ends one of ours while its INSERT runs. Sent in one packet with the statement after it,
    /// MariaDB would tell of success and run that one by itself.
    @Test(.timeLimit(.minutes(5))) func statementsOfATransactionThatAnotherNodeEnds() async throws {
        let cluster = try Cluster()
        try await TestDatabase.with { database in
            try await cluster.settle(database: database.database)
            let connection = try await MySQLConnection.connect(database)
            try await connection.execute("CREATE TABLE histories (id INT PRIMARY KEY, revision INT NOT NULL)")
            try await connection.execute("CREATE TABLE log (id INT PRIMARY KEY)")
            try await connection.execute("INSERT INTO histories VALUES (1, 0)")
            let other = try await MySQLConnection.connect(
                cluster.configuration(node: 2, database: database.database))
            #expect(try await other.query("SELECT 1 FROM histories").count == 1)

            async let first = connection.run { connection in
                #expect(throws: MySQLError.self) {
                    _ = try connection.begin(with: ["SELECT 1", "SELECT * FROM histories WHERE id = 1 FOR UPDATE"])
                    try connection.executeAll([
                        "INSERT INTO log (id) SELECT 1 + SLEEP(1)", "UPDATE histories SET revision = 1 WHERE id = 1",
                    ])
                    try connection.commit()
                }
            }
            try await Task.sleep(for: .milliseconds(300))
            try await other.execute("UPDATE histories SET revision = 2 WHERE id = 1")
            #expect(await first?.kind == .conflict)
            await connection.rollback()
            #expect(try await connection.query("SELECT revision FROM histories")[0].int64(0) == 2)
            #expect(try await connection.query("SELECT id FROM log").isEmpty)
            await connection.close()
            await other.close()
        }
    }

    @Test(.timeLimit(.minutes(5))) func migratedAtTwoNodesAtOnce() async throws {
        let cluster = try Cluster()
        try await TestDatabase.with { database in
            try await cluster.settle(database: database.database)
            let applied = try await withThrowingTaskGroup(of: [String].self) { group in
                for node in [1, 2, 3, 1, 2, 3] {
                    let configuration = cluster.configuration(node: node, database: database.database)
                    group.addTask { try await Migrator(configuration, migrations: Migrations.all).run() }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(applied == Migrations.all.map(\.name))
            for node in 1...3 {
                let connection = try await MySQLConnection.connect(
                    cluster.configuration(node: node, database: database.database))
                let recorded = try await connection.query("SELECT name FROM integrator_migrations ORDER BY name")
                #expect(try recorded.map { try $0.string(0) } == Migrations.all.map(\.name))
                #expect(
                    try await connection.query("SELECT owner FROM integrator_migrations_lease")[0].isNull(0))
                await connection.close()
            }
        }
    }
}
