import JSON
import MySQL
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import Store

/// `integrator prune`.
@Suite(.timeLimit(.minutes(10))) struct PruneTests {
    @Test func pruneRemovesOnlyWhatNobodyNeeds() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let over = try await service.history(of: scene.wishlist)
            for sequence in Int64(1)...4 {
                _ = try await service.post(TestWebhook(.datasetProgress, of: over, sequence: sequence))
            }
            _ = try await service.post(TestWebhook(.datasetProgress, of: over, sequence: 2))
            _ = try await service.post(TestWebhook(.datasetCompleted, of: over, sequence: 5))
            try await service.waitUntilSettled(over.id)
            let active = try await service.history(of: try await service.wishlist(of: scene.wishlist.groupID))
            _ = try await service.post(TestWebhook(.datasetProgress, of: active, sequence: 1))
            _ = try await service.post(TestWebhook(.datasetStarted, dataset: Fresh.number(), sequence: 1))
            _ = try await service.post(TestWebhook(body: "no JSON"))
            _ = try await service.post(TestWebhook(body: #"{"type": "new.kind"}"#))
            let dead = try await service.deadLetter()
            _ = try await service.post(TestWebhook(.datasetCompleted, of: dead, sequence: 2))
            try await service.waitUntilSettled(dead.id)
            let owing = try await service.history(of: try await service.wishlist(of: scene.wishlist.groupID))
            service.sandbox.pusher.inject(PusherFault(status: 503), count: 1000)
            _ = try await service.post(TestWebhook(.datasetProgress, of: owing, sequence: 1))
            _ = try await service.post(TestWebhook(.datasetCompleted, of: owing, sequence: 2))

            #expect(await service.command("prune").status == 2)
            #expect(await service.command("prune", "--days", "7", "--older-than", "7d").status == 2)
            #expect(await service.command("prune", "--older-than", "yesterday").status == 2)
            #expect(await service.command("prune", "--days", "7", "--json").json?["removed"]?.int == 0)
            #expect(await service.command("prune", "--older-than", "2h", "--json").json?["removed"]?.int == 0)
            try await service.execute("UPDATE wishlist_dataset_events SET recorded_at = recorded_at - INTERVAL 8 DAY")
            let before = try await service.logRows()
            let dry = await service.command("prune", "--days", "7", "--dry-run", "--json")
            #expect(dry.json?["would_remove"]?.int == 6)
            #expect(try await service.logRows().count == before.count)
            #expect(await service.command("prune", "--older-than", "9d", "--dry-run", "--json").json?["kept"]?.int == 0)
            let run = await service.command("prune", "--older-than", "191h", "--json")
            #expect(run.json?["removed"]?.int == 6)
            #expect(run.json?["kept"]?.int == Int64(before.count - 6))
            let left = try await service.logRows()
            // The last change of a dataset that is over; the ignored and the stale webhook are gone.
            #expect(left.filter { $0.historyID == over.id }.map(\.revision) == [5])
            #expect(left.filter { $0.historyID == active.id }.count == 1)
            #expect(left.filter { $0.historyID == owing.id }.count == 2)
            #expect(left.filter { $0.historyID == dead.id }.count == 2)
            #expect(Set(left.compactMap(\.outcome)) == [.applied, .parked, .rejected])
        }
    }

    /// Most ids of a log that is pruned now and then are gone: what was there once must not cost anything.
    @Test(.timeLimit(.minutes(5))) func pruneTakesManyStepsButNoneForWhatIsGone() async throws {
        try await ServiceUnderTest.with { service in
            var insert = SQL(
                """
                INSERT INTO wishlist_dataset_events (id, event_key, outcome, body, recorded_at) VALUES \
                (1, 'kept', 4, '', UTC_TIMESTAMP(6) - INTERVAL 8 DAY)
                """)
            for number in 1...Int64(2500) {
                insert.append(
                    ", (\(number * 1_000_000_000), \("old_\(number)"), 2, '', UTC_TIMESTAMP(6) - INTERVAL 8 DAY)")
            }
            try await service.execute(insert)
            _ = try await service.post(TestWebhook(body: #"{"type": "new.kind"}"#))
            let run = await service.command("prune", "--days", "7", "--json")
            #expect(run.json?["removed"]?.int == 2500)
            #expect(run.json?["kept"]?.int == 1)
            #expect(try await service.logRows().map(\.outcome) == [.rejected, .ignored])
        }
    }
}

extension ServiceUnderTest {
    /// A history whose first notification Pusher has refused for good.
    func deadLetter() async throws -> TestHistory {
        let scene = try await scene()
        let history = try await history(of: scene.wishlist)
        sandbox.pusher.inject(PusherFault(status: 400), count: 1)
        _ = try await post(TestWebhook(.datasetStarted, of: history, sequence: 1))
        try await waitForNumber(
            1, "SELECT COUNT(*) FROM wishlist_dataset_dead_letters WHERE history_id = \(history.id)")
        try await waitUntilSettled(history.id)
        return history
    }
}
