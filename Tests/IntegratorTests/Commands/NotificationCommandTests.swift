import Integrator
import JSON
import MySQL
import Testing

@testable import Sandbox

/// `integrator notifications`, and `prune`.
@Suite struct NotificationCommandTests {
    /// A history whose first notification Pusher has refused for good.
    private func deadLetter(_ service: ServiceUnderTest) async throws -> TestHistory {
        let scene = try await service.scene()
        let history = try await service.history(of: scene.wishlist)
        service.sandbox.pusher.inject(PusherFault(status: 400), count: 1)
        _ = try await service.post(TestWebhook(.datasetStarted, of: history, sequence: 1))
        try await service.waitForNumber(
            1, "SELECT COUNT(*) FROM wishlist_dataset_dead_letters WHERE history_id = \(history.id)")
        try await service.waitUntilSettled(history.id)
        return history
    }

    @Test func deadLettersAreListedAndSentAgain() async throws {
        try await ServiceUnderTest.with { service in
            let history = try await deadLetter(service)
            var run = await service.command("notifications", "list", "--json")
            #expect(run.status == 0)
            #expect(run.json?["owed"]?.elements.isEmpty == true)
            let letter = try #require(run.json?["dead_letters"]?.elements.first)
            #expect(letter["history_id"]?.int == history.id)
            #expect(letter["type"]?.string == "dataset.started")
            let id = try #require(letter["id"]?.int)

            service.sandbox.pusher.inject(PusherFault(status: 413), count: 1)
            run = await service.command("notifications", "retry", "\(id)", "--json")
            #expect(run.status == 1)
            #expect(run.json?.elements.map { $0["outcome"]?.string } == ["refused"])
            service.sandbox.pusher.inject(PusherFault(status: 503), count: 1)
            run = await service.command("notifications", "retry", "--all", "--json")
            #expect(run.status == 1)
            #expect(run.json?.elements.map { $0["outcome"]?.string } == ["not sent"])
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_dead_letters") == 1)

            #expect(await service.command("notifications", "retry", "987654321").status == 1)

            run = await service.command("notifications", "retry", "--history", "\(history.id)", "--json")
            #expect(run.status == 0)
            #expect(run.json?.elements.map { $0["outcome"]?.string } == ["sent"])
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_dead_letters") == 0)
            let events = service.pushed(of: history.id)
            #expect(events.map(\.name) == ["dataset.started"])
            #expect(events.first?.eventID == "\(history.id)-1")
            #expect(events.first?.channels.count == 2)
        }
    }

    @Test func deadLettersAreDropped() async throws {
        try await ServiceUnderTest.with { service in
            let history = try await deadLetter(service)
            #expect(await service.command("notifications", "drop").status == 2)
            #expect(await service.command("notifications", "drop", "--all", "7").status == 2)
            let none = await service.command("notifications", "drop", "987654321")
            #expect(none.output == "0 dropped\n")
            #expect(none.status == 1)
            #expect(
                await service.command("notifications", "drop", "--history", "\(history.id)", "--json").json?["dropped"]?
                    .int == 1)
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_dead_letters") == 0)
        }
    }

    @Test func owedAreListed() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            service.sandbox.pusher.inject(PusherFault(status: 503), count: 1000)
            _ = try await service.post(TestWebhook(.datasetStarted, of: history, sequence: 1))
            let run = await service.command("notifications", "list", "--history", "\(history.id)", "--json")
            let owed = try #require(run.json?["owed"]?.elements.first)
            #expect(owed["history_id"]?.int == history.id)
            #expect(owed["revision"]?.int == 1)
            #expect(owed["notified_revision"]?.int == 0)
            #expect(owed["claimed"]?.bool == true)
        }
    }

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
            let dead = try await deadLetter(service)
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
}
