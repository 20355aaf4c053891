import JSON
import MySQL
import Synchronization
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import Store

/// Webhooks of datasets that are not known yet (spec, section 4).
@Suite(.timeLimit(.minutes(10))) struct ParkedWebhookTests {
    private func park(_ webhooks: [TestWebhook], on service: ServiceUnderTest) async throws {
        for webhook in webhooks {
            let answer = try await service.post(webhook)
            #expect(answer.status == 202)
            #expect(answer.outcome == "parked")
            #expect(try await service.logRow(webhook)?.outcome == .parked)
        }
    }

    @Test func aReferenceMakesTheDatasetKnown() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist, status: .pending, datasetID: nil)
            let dataset = Fresh.number()
            let late = [
                TestWebhook(.datasetCompleted, dataset: dataset, sequence: 4),
                TestWebhook(.datasetProgress, dataset: dataset, sequence: 3),
                TestWebhook(.datasetStarted, dataset: dataset, sequence: 1),
            ]
            try await park(late, on: service)
            #expect(try await service.post(late[0]).outcome == "duplicate")
            let revealing = TestWebhook(
                .datasetProgress, dataset: dataset, sequence: 2, reference: history.reference)
            #expect(try await service.post(revealing).outcome == "applied")
            let stored = try await service.stored(history.id)
            #expect(stored?.datasetID == dataset)
            #expect(stored?.status == .completed)
            #expect(stored?.sequence == 4)
            #expect(stored?.revision == 4)
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_parked") == 0)
            let rows = try await service.logRows().filter { $0.historyID == history.id }
            #expect(
                rows.sorted { ($0.revision ?? 0) < ($1.revision ?? 0) }.map(\.key)
                    == [late[2], revealing, late[1], late[0]].map(\.id))
            let events = try await service.waitForPushed(of: history.id, revision: 4)
            #expect(events.map(\.revision) == events.map(\.revision).sorted())
        }
    }

    @Test func theCreateCallMakesTheDatasetKnown() async throws {
        try await ServiceUnderTest.with(sandbox: {
            $0.scenario.createDelay = 0.3; $0.scenario.outcome = .silent; $0.scenario.steps = 0
        }) { service in
            let scene = try await service.scene()
            async let answer = service.create(scene.wishlist, token: scene.token)
            try await service.waitForNumber(1, "SELECT COUNT(*) FROM wishlist_dataset_requests")
            // The sandbox numbers its datasets one after the other.
            let next = service.sandbox.tv.state.withLock { $0.nextDatasetID }
            let dataset = service.sandbox.tv.createCounts.accepted == 1 ? next - 1 : next
            let parked = TestWebhook(.datasetCompleted, dataset: dataset, sequence: 50)
            let early = try await service.post(parked)
            let created = try await answer
            #expect(created.status == 201)
            let id = try #require(created.json?["data"]?["id"]?.int)
            #expect(early.outcome == "parked" || early.outcome == "applied")
            try await service.waitForNumber(3, "SELECT status FROM wishlist_dataset_histories WHERE id = \(id)")
            try await service.waitForPushed(of: id) { $0.contains { $0.name == "dataset.completed" } }
        }
    }

    /// Whoever makes a dataset known has looked for parked webhooks before, and looks again after its commit.
    @Test func whatIsParkedWhileItsDatasetBecomesKnownIsApplied() async throws {
        try await ServiceUnderTest.with { service in
            try await service.withAnotherInstance { other in
                let history = try await service.history(
                    of: try await service.scene().wishlist, status: .pending, datasetID: nil)
                let dataset = Fresh.number()
                let revealing = TestWebhook(
                    .datasetStarted, dataset: dataset, sequence: 1, reference: history.reference)
                // Holds its transaction up where it writes the log.
                let blocker = try await MySQLConnection.connect(service.database)
                try await blocker.begin()
                try await blocker.execute(
                    """
                    INSERT INTO wishlist_dataset_events (event_key, outcome, body, recorded_at) \
                    VALUES (\(revealing.id), 0, '', UTC_TIMESTAMP(6))
                    """)
                async let first = service.post(revealing)
                try await service.waitForNumber(
                    1,
                    """
                    SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() \
                    AND INFO LIKE 'INSERT INTO wishlist_dataset_events%'
                    """)
                let early = TestWebhook(.datasetCompleted, dataset: dataset, sequence: 2)
                #expect(try await other.post(early).outcome == "parked")
                await blocker.rollback()
                #expect(try await first.outcome == "applied")
                // The sweep would find it too, 10 to 20 seconds later.
                try await service.waitForNumber(
                    3, "SELECT status FROM wishlist_dataset_histories WHERE id = \(history.id)", timeout: .seconds(8))
                await blocker.close()
            }
        }
    }

    @Test func trainingWaitsForCompletion() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist, status: .processing, sequence: 4)
            try await park(
                [
                    TestWebhook(.trainingCompleted, of: history, sequence: 7),
                    TestWebhook(.trainingStarted, of: history, sequence: 6),
                ], on: service)
            #expect(
                try await service.post(TestWebhook(.datasetCompleted, of: history, sequence: 5)).outcome == "applied")
            #expect(try await service.stored(history.id)?.revision == 3)
            #expect(
                try await service.number(
                    "SELECT training_status FROM wishlist_to_groups WHERE id = \(scene.wishlist.id)") == 3)
            let events = try await service.waitForPushed(of: history.id, revision: 3)
            #expect(events.map(\.name) == ["dataset.completed", "training.updated", "training.updated"])
            #expect(events.last?.data["training_status_label"]?.string == "trained")
        }
    }

    /// Of two datasets of one wishlist the older one's training does not count any more.
    @Test func trainingOfAnOlderDatasetIsStale() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let old = try await service.history(of: scene.wishlist, status: .completed, sequence: 4)
            let new = try await service.history(of: scene.wishlist, status: .completed, sequence: 4)
            #expect(try await service.post(TestWebhook(.trainingStarted, of: old, sequence: 5)).outcome == "stale")
            #expect(try await service.post(TestWebhook(.trainingStarted, of: new, sequence: 5)).outcome == "applied")
        }
    }
}
