import JSON
import MySQL
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox

/// `integrator notifications`.
@Suite(.timeLimit(.minutes(10))) struct NotificationCommandTests {
    @Test func deadLettersAreListedAndSentAgain() async throws {
        try await ServiceUnderTest.with { service in
            let history = try await service.deadLetter()
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
            let history = try await service.deadLetter()
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
            #expect(owed["leased"]?.bool == true)
        }
    }
}
