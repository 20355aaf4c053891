import HTTPClient
import JSON
import MySQL
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox

/// The other parties fail in all their ways, while real processes go on.
@Suite(.serialized, .timeLimit(.minutes(60))) struct PartyTests {
    private let client = HTTPClient(maximumConnectionsPerHost: 32, maximumResponseBytes: 1 << 20)

    /// Pusher is slow, refuses, fails and hangs in turns, with webhooks coming all the time: what is owed waits, in order
    /// and without filling memory.
    @Test(.timeLimit(.minutes(5))) func pusherFailsInAllWays() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let process = try await IntegratorProcess.start(service.variables(), client: client)
            let load = WebhookLoad(
                try await service.manyHistories(20), length: Int64(100 * Chaos.factor), urls: [process.url],
                client: client)
            let end = ContinuousClock.now + .seconds(Chaos.isWhole ? 60 : 4)
            async let running: Void = load.run()
            var most = 0
            while ContinuousClock.now < end {
                let fault = [
                    PusherFault(delay: .milliseconds(300)), PusherFault(delay: .seconds(2)),
                    PusherFault(status: 429, retryAfter: 1), PusherFault(status: 500), PusherFault(status: 503),
                    PusherFault(status: 408), PusherFault(status: 502, delay: .milliseconds(500)),
                ].randomElement()
                if let fault { service.sandbox.pusher.inject(fault, count: Int.random(in: 1...8)) }
                if Chaos.isWhole, Int.random(in: 0..<100) == 0 {
                    service.sandbox.pusher.inject(PusherFault(hangs: true))
                }
                Chaos.count(.pusherOutages)
                most = max(most, process.residentMebibytes() ?? 0)
                try await Task.sleep(for: .milliseconds(100))
            }
            await running
            #expect(Set(load.statuses.keys) == [200])
            #expect(most > 0)
            #expect(most < 300, "\(most) MiB")
            service.sandbox.pusher.clearFaults()
            try await service.waitUntilNothingIsOwed(timeout: .seconds(90))
            #expect(await process.terminate() == 0)
            try await service.checkStored(load)
            try await service.checkDelivered(load)
            // Progress that was overtaken while it waited has been dropped.
            let sent = Set(service.sandbox.pusher.events.all.compactMap { PushedEvent($0)?.eventID })
            #expect(sent.count < load.total)
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_dead_letters") == 0)
        }
    }

    /// What is read back from the log after a crash is still kept from the socket that caused it.
    @Test(.timeLimit(.minutes(5))) func causingSocketIsLeftOutAfterACrash() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            var scenario = Scenario()
            scenario.outcome = .silent
            scenario.steps = 0
            service.sandbox.tv.setDefault(scenario)
            let process = try await IntegratorProcess.start(service.variables(), client: client)
            try await service.sandboxLog.wait { $0.contains { $0.contains("registered: \(process.url)") } }
            let scene = try await service.scene()
            service.sandbox.pusher.inject(PusherFault(status: 503), count: 1_000_000)
            let answer = try await process.api(
                "POST", "/api/v1/wishlist-to-group/\(scene.wishlist.slug)/createAnalysis", token: scene.token,
                headers: [("X-Socket-ID", "123.456")])
            let id = try #require(answer.json?["data"]?["id"]?.int)
            await process.kill()
            service.sandbox.pusher.clearFaults()
            try await service.endLeases()
            let second = try await IntegratorProcess.start(service.variables(), client: client)
            let events = try await service.waitForPushed(of: id) { $0.contains { $0.name == "dataset.created" } }
            #expect(events.first { $0.name == "dataset.created" }?.socketID == "123.456")
            #expect(events.allSatisfy { $0.name == "dataset.created" || $0.socketID == nil })
            try await service.waitUntilSettled(id)
            #expect(await second.terminate() == 0)
        }
    }

    /// The TV Python API is away, and comes back.
    @Test(.timeLimit(.minutes(5))) func createsFailCleanlyWhileTheAPIIsAway() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let port = freePort()
            let url = "http://127.0.0.1:\(port)"
            let process = try await IntegratorProcess.start(
                service.variables(["TV_API_URL": url, "TV_API_DEADLINE_SECONDS": "1"]), client: client)
            let scene = try await service.scene()
            let path = "/api/v1/wishlist-to-group/\(scene.wishlist.slug)/createAnalysis"
            Chaos.count(.tvOutages)
            for attempt in Int64(1)...2 {
                let answer = try await process.api("POST", path, token: scene.token)
                #expect(answer.status == 503)
                #expect(answer.code == "tv_api_unavailable")
                #expect(answer.header("Retry-After").flatMap { Int($0) } ?? 0 > 0)
                // The wishlist is free for another attempt at once.
                let failed: SQL = """
                    SELECT COUNT(*) FROM wishlist_dataset_histories WHERE status = 4 \
                    AND error_code = 'tv_api_unavailable' AND wishlist_to_group_id = \(scene.wishlist.id)
                    """
                #expect(try await service.number(failed) == attempt)
            }
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_requests") == 0)
            #expect(try await process.api("GET", "/health/live").status == 200)
            // Webhooks are taken all the same.
            let other = try await service.history(of: try await service.wishlist(of: scene.wishlist.groupID))
            #expect(try await process.post(TestWebhook(.datasetStarted, of: other, sequence: 1)).outcome == "applied")

            var settings = SandboxServer.Configuration(
                tvToken: ServiceUnderTest.tvToken, pusher: ServiceUnderTest.pusher)
            settings.port = port
            settings.scenario.stepDelay = 0.01
            let registered = Recorder<String>()
            settings.log = { registered.append($0) }
            let api = try SandboxServer.start(settings)
            // The callback is registered by itself.
            try await registered.wait(timeout: .seconds(90)) {
                $0.contains { $0.contains("registered: \(process.url)") }
            }
            let answer = try await process.api("POST", path, token: scene.token)
            #expect(answer.status == 201)
            let id = try #require(answer.json?["data"]?["id"]?.int)
            try await service.waitForPushed(of: id, timeout: .seconds(60)) { $0.last?.name == "dataset.completed" }
            try await service.waitUntilNothingIsOwed()
            #expect(await process.terminate() == 0)
            await api.stop()
        }
    }
}
