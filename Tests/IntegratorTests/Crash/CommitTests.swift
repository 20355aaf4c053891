import HTTPClient
import JSON
import MySQL
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import TestSupport

/// The connection to the database dies around a COMMIT: before the server has heard of it, and before its answer has come.
/// Nobody knows then whether it was committed; all counts once.
@Suite(.serialized, .timeLimit(.minutes(60))) struct CommitTests {
    private let client = HTTPClient(maximumConnectionsPerHost: 32, maximumResponseBytes: 1 << 20)

    @Test(.timeLimit(.minutes(5)), arguments: [CuttingProxy.Cut.beforeCommit, .afterCommit])
    func webhookCountsOnceAndIsToldOnce(_ cut: CuttingProxy.Cut) async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let proxy = try CuttingProxy(to: service.database, marker: "INSERT INTO wishlist_dataset_events")
            defer { proxy.stop() }
            let process = try await IntegratorProcess.start(
                service.variables(["DB_SOCKET": proxy.socket]), client: client)
            let history = try await service.history(of: try await service.scene().wishlist)
            let types: [DatasetEventType] = [
                .datasetQueued, .datasetStarted, .datasetProgress, .datasetCompleted, .trainingStarted,
            ]
            for (index, type) in types.enumerated() {
                proxy.plan([cut])
                let webhook = TestWebhook(type, of: history, sequence: Int64(index + 1))
                let answer = try await process.post(webhook)
                #expect(answer.status == 200)
                // What was committed is found again by the attempt that follows.
                #expect(answer.outcome == (cut == .beforeCommit ? "applied" : "duplicate"))
                #expect(try await process.post(webhook).outcome == "duplicate")
                try await service.waitForPushed(of: history.id, revision: Int64(index + 1))
                try await service.waitUntilSettled(history.id)
            }
            count(proxy)
            #expect(proxy.cuts == (cut == .beforeCommit ? (types.count, 0) : (0, types.count)))
            #expect(try await service.logRows().map(\.revision) == [1, 2, 3, 4, 5])
            #expect(try await service.stored(history.id)?.revision == 5)
            #expect(Set(service.pushed(of: history.id).map(\.revision)) == [1, 2, 3, 4, 5])
            #expect(await process.terminate() == 0)
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: [CuttingProxy.Cut.beforeCommit, .afterCommit])
    func createIsMadeOnce(_ cut: CuttingProxy.Cut) async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let proxy = try CuttingProxy(to: service.database, marker: "wishlist_dataset")
            defer { proxy.stop() }
            let process = try await IntegratorProcess.start(
                service.variables(["DB_SOCKET": proxy.socket]), client: client)
            try await service.sandboxLog.wait { $0.contains { $0.contains("registered: \(process.url)") } }
            var scenario = Scenario()
            scenario.outcome = .silent
            scenario.steps = 0
            service.sandbox.tv.setDefault(scenario)
            for place in 0..<3 {
                let scene = try await service.scene()
                // The reservation, the first revision, and what the answer makes of it.
                proxy.plan(Array(repeating: nil, count: place) + [cut])
                let answer = try await process.api(
                    "POST", "/api/v1/wishlist-to-group/\(scene.wishlist.slug)/createAnalysis", token: scene.token,
                    headers: [("Idempotency-Key", "once-\(place)")])
                #expect(answer.status == 201, "\(answer.text)")
                proxy.clear()
                let id = try #require(answer.json?["data"]?["id"]?.int)
                let wishlist = scene.wishlist.id
                #expect(
                    try await service.number(
                        "SELECT COUNT(*) FROM wishlist_dataset_histories WHERE wishlist_to_group_id = \(wishlist)") == 1
                )
                #expect(
                    try await service.number(
                        """
                        SELECT COUNT(*) FROM wishlist_dataset_events WHERE history_id = \(id) \
                        AND type = 'dataset.created'
                        """) == 1)
                #expect(service.sandbox.tv.createCounts.accepted == place + 1)
                try await service.waitForPushed(of: id) { $0.contains { $0.name == "dataset.created" } }
                try await service.waitUntilSettled(id)
            }
            count(proxy)
            #expect(proxy.cuts == (cut == .beforeCommit ? (3, 0) : (0, 3)))
            #expect(await process.terminate() == 0)
        }
    }

    @Test(.timeLimit(.minutes(5))) func nothingIsLostOrDoubledUnderLoad() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let proxy = try CuttingProxy(to: service.database, marker: "INSERT INTO wishlist_dataset_events")
            defer { proxy.stop() }
            let variables = service.variables(["DB_SOCKET": proxy.socket])
            let processes = [
                try await IntegratorProcess.start(variables, client: client),
                try await IntegratorProcess.start(variables, client: client),
            ]
            proxy.plan(
                (0..<10_000).map { _ in
                    switch Int.random(in: 0..<10) {
                    case 0: .beforeCommit
                    case 1: .afterCommit
                    default: nil
                    }
                })
            let load = WebhookLoad(
                try await service.manyHistories(10), length: Int64(40 * Chaos.factor), urls: processes.map(\.url),
                client: client)
            await load.run()
            count(proxy)
            #expect(proxy.cuts.before > 0)
            #expect(proxy.cuts.after > 0)
            proxy.clear()
            #expect(load.statuses[500] == nil)
            try await service.waitUntilNothingIsOwed()
            for process in processes { #expect(await process.terminate() == 0) }
            try await service.checkStored(load)
            try await service.checkDelivered(load)
        }
    }

    private func count(_ proxy: CuttingProxy) {
        Chaos.count(.cutsBeforeCommit, proxy.cuts.before)
        Chaos.count(.cutsAfterCommit, proxy.cuts.after)
    }
}
