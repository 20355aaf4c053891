import JSON
import MySQL
import Synchronization
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox

/// Case 1 (spec, section 2).
@Suite(.timeLimit(.minutes(10))) struct CreateFlowTests {
    private func quiet(_ configuration: inout SandboxServer.Configuration) {
        configuration.scenario.outcome = .silent
        configuration.scenario.steps = 0
    }

    @Test func checksAreMadeInTheirOrder() async throws {
        try await ServiceUnderTest.with(sandbox: quiet) { service in
            let scene = try await service.scene()
            // Everything is wrong with this one; each fault that is put right shows the next.
            let group = try await service.group(stripeStatus: nil)
            let wishlist = try await service.wishlist(of: group, status: 0, products: 0, categories: 0, queries: 0)
            #expect(try await service.create(wishlist, token: "1|nobody").status == 401)
            let stranger = try await service.create(wishlist, token: scene.token)
            let nowhere = try await service.api(
                "POST", "/api/v1/wishlist-to-group/nowhere/createAnalysis", token: scene.token)
            #expect(stranger.status == 404)
            #expect(nowhere.status == 404)
            #expect(stranger.body == nowhere.body)
            try await service.member(scene.user, of: group)
            let inactive = try await service.create(wishlist, token: scene.token)
            #expect(inactive.status == 409)
            #expect(inactive.code == "wishlist_inactive")
            try await service.execute("UPDATE wishlist_to_groups SET status = 1 WHERE id = \(wishlist.id)")
            let unpaid = try await service.create(wishlist, token: scene.token)
            #expect(unpaid.status == 402)
            #expect(unpaid.code == "subscription_required")
            try await service.subscription(of: group, status: "active")
            let active = try await service.history(of: wishlist, status: .processing)
            let busy = try await service.create(wishlist, token: scene.token)
            #expect(busy.status == 409)
            #expect(busy.code == "dataset_already_processing")
            #expect(busy.json?["data"]?["id"]?.int == active.id)
            try await service.execute(
                "UPDATE wishlist_dataset_histories SET status = 3 WHERE id = \(active.id)")
            let empty = try await service.create(wishlist, token: scene.token)
            #expect(empty.status == 422)
            #expect(empty.code == "dataset_incomplete")
            #expect(Set(empty.json?["errors"]?.members.map(\.name) ?? []) == ["products", "categories", "queries"])
            #expect(service.sandbox.tv.createCounts.requests == 0)
            let good = try await service.create(scene.wishlist, token: scene.token)
            #expect(good.status == 201)
            #expect(good.json?["data"]?["status_label"]?.string == "queued")
            #expect(good.json?["data"]?["dataset_id"]?.int != nil)
            #expect(good.json?["data"]?["created_by"]?.int == scene.user)
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_requests") == 0)
        }
    }

    @Test func ofTwoOnTwoInstancesOneWins() async throws {
        try await ServiceUnderTest.with(sandbox: {
            quiet(&$0); $0.scenario.createDelay = 0.1
        }) { service in
            try await service.withAnotherInstance { other in
                let scene = try await service.scene()
                let answers = try await withThrowingTaskGroup(of: HTTPAnswer.self) { group in
                    for number in 0..<8 {
                        group.addTask {
                            try await (number % 2 == 0 ? service : other).create(scene.wishlist, token: scene.token)
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(answers.map(\.status).sorted() == [201] + Array(repeating: 409, count: 7))
                #expect(service.sandbox.tv.createCounts.accepted == 1)
                #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_histories") == 1)
            }
        }
    }

    @Test func failuresAreTriedAgainUnderTheSameKey() async throws {
        try await ServiceUnderTest.with(
            sandbox: {
                quiet(&$0); $0.scenario.createFaults = [.status(500), .acceptThenStatus(502), .status(503)]
            }
        ) { service in
            let scene = try await service.scene()
            #expect(try await service.create(scene.wishlist, token: scene.token).status == 201)
            #expect(service.sandbox.tv.createCounts.accepted == 1)
            #expect(service.sandbox.tv.createCounts.requests >= 3)
        }
    }

    @Test func aRejectionIsFinal() async throws {
        try await ServiceUnderTest.with(sandbox: {
            quiet(&$0); $0.scenario.createFaults = [.status(400)]
        }) { service in
            let scene = try await service.scene()
            let answer = try await service.create(scene.wishlist, token: scene.token)
            #expect(answer.status == 502)
            #expect(answer.code == "tv_api_rejected")
            #expect(answer.json?["message"]?.string?.contains("A fault of the scenario.") == true)
            #expect(service.sandbox.tv.createCounts.requests == 1)
            let id = try #require(try await service.number("SELECT id FROM wishlist_dataset_histories"))
            let stored = try await service.stored(id)
            #expect(stored?.status == .failed)
            #expect(stored?.error?.code == "tv_api_rejected")
            try await service.waitForPushed(of: id) { $0.map(\.name) == ["dataset.created", "dataset.failed"] }
            // The wishlist is free for another.
            #expect(try await service.create(scene.wishlist, token: scene.token).status == 201)
        }
    }

    @Test func anUnavailableAPIAndAWebhookThatRevives() async throws {
        try await ServiceUnderTest.with(["TV_API_DEADLINE_SECONDS": "1"]) { service in
            let scene = try await service.scene()
            service.sandbox.tv.setNext(scenario(Array(repeating: .hang, count: 5)))
            let answer = try await service.create(scene.wishlist, token: scene.token)
            #expect(answer.status == 503)
            #expect(answer.code == "tv_api_unavailable")
            #expect(answer.header("retry-after").flatMap { Int($0) } ?? 0 > 0)
            let id = try #require(try await service.number("SELECT id FROM wishlist_dataset_histories"))
            let failed = try #require(try await service.stored(id))
            #expect(failed.status == .failed)
            #expect(failed.error?.code == "tv_api_unavailable")
            let dataset = Fresh.number()
            let webhook = TestWebhook(.datasetStarted, dataset: dataset, sequence: 1, reference: failed.reference)
            #expect(try await service.post(webhook).outcome == "applied")
            let revived = try await service.stored(id)
            #expect(revived?.status == .processing)
            #expect(revived?.error == nil)
            #expect(revived?.datasetID == dataset)
            let events = try await service.waitForPushed(of: id, revision: 3)
            #expect(events.map(\.name) == ["dataset.created", "dataset.failed", "dataset.started"])
        }
    }

    private func scenario(_ faults: [Scenario.CreateFault]) -> Scenario {
        var scenario = Scenario()
        scenario.createFaults = faults
        return scenario
    }

    @Test func aWebhookBeforeTheCallReturns() async throws {
        try await ServiceUnderTest.with(sandbox: {
            $0.scenario.webhookBeforeCreateReturns = true
            $0.scenario.createDelay = 0.05
        }) { service in
            let scene = try await service.scene()
            let answer = try await service.create(scene.wishlist, token: scene.token)
            #expect(answer.status == 201)
            let id = try #require(answer.json?["data"]?["id"]?.int)
            let events = try await service.waitForPushed(of: id) { $0.last?.name == "dataset.completed" }
            #expect(events.map(\.revision) == events.map(\.revision).sorted())
            #expect(events.first?.name == "dataset.created")
            #expect(events.first?.revision == 1)
            #expect(events.first?.data["status_label"]?.string == "pending")
            #expect(events.dropFirst().first?.name == "dataset.queued")
            #expect(events.filter { $0.name == "dataset.created" }.count == 1)
            // The create's answer told nothing new.
            #expect(events.filter { $0.name == "dataset.queued" }.count == 1)
            #expect(try await service.stored(id)?.status == .completed)
        }
    }

    /// What a process leaves behind that dies between the reservation and the answer.
    @Test func aPendingRowIsFinishedWithTheSameBytes() async throws {
        try await ServiceUnderTest.with(sandbox: quiet) { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist, status: .pending, datasetID: nil)
            let body =
                #"{"reference":"\#(history.reference ?? "")","name":"x","callback":"gb-console","wishlist":{"id":1,"#
                + #""slug":"s","name":"n","group_id":2},"products":[{"id":1}],"categories":[{"id":1}],"queries":["q"]}"#
            try await service.execute(
                "INSERT INTO wishlist_dataset_requests (history_id, body) VALUES (\(history.id), \(body))")
            try await service.execute(
                """
                UPDATE wishlist_dataset_histories SET create_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND \
                WHERE id = \(history.id)
                """)
            _ = try await service.withAnotherInstance { _ in
                try await service.waitForPushed(of: history.id) { $0.contains { $0.name == "dataset.created" } }
            }
            let stored = try await service.stored(history.id)
            #expect(stored?.status == .queued || stored?.status == .processing)
            #expect(stored?.datasetID != nil)
            let dataset = service.sandbox.tv.state.withLock { $0.creates[history.reference ?? ""]?.body }
            #expect(dataset == Array(body.utf8))
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_requests") == 0)
        }
    }
}
