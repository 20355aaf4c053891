import JSON
import Testing

@testable import Datasets
@testable import Integrator

/// The way from a webhook to a subscriber.
@Suite(.timeLimit(.minutes(10))) struct SmokeTests {
    @Test func webhookIsAppliedAndPushed() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let answer = try await service.post(TestWebhook(.datasetProgress, of: history, sequence: 7))
            #expect(answer.status == 200)
            #expect(answer.outcome == "applied")
            let events = try await service.waitForPushed(of: history.id, revision: 1)
            #expect(events.map(\.name) == ["dataset.progress"])
            #expect(events.first?.channels == [scene.wishlist.wishlistChannel, scene.wishlist.groupChannel])
        }
    }

    @Test func datasetIsCreated() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let answer = try await service.create(scene.wishlist, token: scene.token)
            #expect(answer.status == 201)
            let id = try #require(answer.json?["data"]?["id"]?.int)
            let events = try await service.waitForPushed(of: id) { $0.last?.name == "dataset.completed" }
            #expect(events.contains { $0.name == "dataset.created" })
        }
    }
}
