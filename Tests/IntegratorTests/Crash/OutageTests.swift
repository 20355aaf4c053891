import Foundation
import HTTPClient
import JSON
import MySQL
import TestSupport
import Testing

@testable import Integrator
@testable import Sandbox

/// Pusher away, connections cut, several instances, and an orderly end under load, all with real processes.
@Suite(.serialized, .timeLimit(.minutes(60))) struct OutageTests {
    private let client = HTTPClient(maximumConnectionsPerHost: 32, maximumResponseBytes: 1 << 20)

    @Test(
        .timeLimit(.minutes(5)),
        arguments: [
            PusherFault(status: 429, retryAfter: 1), PusherFault(status: 500), PusherFault(hangs: true),
            PusherFault(status: 403),
        ])
    func pusherAwayLosesNothing(_ fault: PusherFault) async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let process = try await IntegratorProcess.start(service.variables(), client: client)
            let load = WebhookLoad(
                try await service.manyHistories(8), length: Int64(60 * Chaos.factor), urls: [process.url],
                client: client)
            // One that hangs is found out by a timeout of ten seconds.
            service.sandbox.pusher.inject(fault, count: fault.hangs ? 1 : 1_000_000)
            Chaos.count(.pusherOutages)
            await load.run()
            #expect(Set(load.statuses.keys) == [200])
            let memory = try #require(process.residentMebibytes())
            #expect(memory < 400)
            service.sandbox.pusher.clearFaults()
            try await service.waitUntilNothingIsOwed(timeout: .seconds(90))
            #expect(await process.terminate() == 0)
            try await service.checkStored(load)
            try await service.checkDelivered(load)
        }
    }

    /// Connections die everywhere; those that die around a COMMIT have tests of their own (`CommitTests`).
    @Test(.timeLimit(.minutes(5))) func cutConnectionsCountOnce() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let process = try await IntegratorProcess.start(service.variables(), client: client)
            let load = WebhookLoad(
                try await service.manyHistories(10), length: Int64(150 * Chaos.factor), urls: [process.url],
                client: client)
            async let running: Void = load.run()
            let own = await service.connection.id
            var cuts = 0
            while load.acknowledged.count < load.total * 9 / 10 {
                let rows = try await service.query(
                    """
                    SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> \(own) \
                    ORDER BY INFO = 'COMMIT' DESC, RAND() LIMIT 1
                    """)
                if let id = try rows.first?.int64(0) {
                    // It may have ended by itself meanwhile.
                    if (try? await service.execute("KILL CONNECTION \(id)")) != nil {
                        cuts += 1
                        Chaos.count(.connectionCuts)
                    }
                }
                try await Task.sleep(for: .milliseconds(Int64.random(in: 1...25)))
            }
            await running
            #expect(cuts > 5)
            #expect(load.statuses[500] == nil)
            try await service.waitUntilNothingIsOwed()
            #expect(await process.terminate() == 0)
            try await service.checkStored(load)
            try await service.checkDelivered(load)
        }
    }

    @Test(.timeLimit(.minutes(5))) func twoInstancesShareTheWork() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let first = try await IntegratorProcess.start(service.variables(), client: client)
            let second = try await IntegratorProcess.start(service.variables(), client: client)
            let load = WebhookLoad(
                try await service.manyHistories(10), length: Int64(60 * Chaos.factor), urls: [first.url, second.url],
                client: client)
            await load.run()
            #expect(Set(load.statuses.keys) == [200])
            try await service.waitUntilNothingIsOwed()
            try await service.checkStored(load)
            try await service.checkDelivered(load)
            // Nobody died, so nothing was sent twice: each change went to each channel once.
            let sent = service.sandbox.pusher.events.all.flatMap { event in
                event.channels.map { "\($0) \(PushedEvent(event)?.eventID ?? "?")" }
            }
            #expect(Set(sent).count == sent.count)
            #expect(await first.terminate() == 0)
            #expect(await second.terminate() == 0)
        }
    }

    @Test(.timeLimit(.minutes(5))) func theOtherInstanceTakesOverFromTheDead() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let first = try await IntegratorProcess.start(service.variables(), client: client)
            let second = try await IntegratorProcess.start(service.variables(), client: client)
            let load = WebhookLoad(
                try await service.manyHistories(10), length: Int64(60 * Chaos.factor), urls: [first.url, second.url],
                client: client)
            async let running: Void = load.run()
            try await load.wait(acknowledged: load.total / 2)
            await first.kill()
            try await service.endLeases(of: [first.instance])
            await running
            // Found by the sweep of the other, within 20 seconds and the claim's time.
            try await service.waitUntilNothingIsOwed(timeout: .seconds(90))
            #expect(await second.terminate() == 0)
            try await service.checkStored(load)
            try await service.checkDelivered(load)
        }
    }

    @Test(.timeLimit(.minutes(5))) func oneCreateWinsOnTwoInstances() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let scene = try await service.scene()
            var scenario = Scenario()
            scenario.outcome = .silent
            scenario.steps = 1
            service.sandbox.tv.setDefault(scenario)
            let instances = [
                try await IntegratorProcess.start(service.variables(), client: client),
                try await IntegratorProcess.start(service.variables(), client: client),
            ]
            let path = "/api/v1/wishlist-to-group/\(scene.wishlist.slug)/createAnalysis"
            let statuses = await withTaskGroup(of: Int?.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        try? await client.send(
                            HTTPClientRequest(
                                method: "POST", url: instances[number % 2].url + path,
                                headers: [("Authorization", "Bearer \(scene.token)")], timeout: .seconds(30))
                        ).status
                    }
                }
                var statuses: [Int] = []
                for await status in group { statuses.append(status ?? 0) }
                return statuses.sorted()
            }
            #expect(statuses == [201] + Array(repeating: 409, count: 19))
            #expect(service.sandbox.tv.createCounts.accepted == 1)
            for instance in instances { #expect(await instance.terminate() == 0) }
        }
    }

    @Test(.timeLimit(.minutes(5))) func orderlyEndUnderLoad() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let port = freePort()
            let process = try await IntegratorProcess.start(service.variables(), port: port, client: client)
            let load = WebhookLoad(
                try await service.manyHistories(16), length: Int64(100 * Chaos.factor), urls: [process.url],
                client: client)
            async let running: Void = load.run()
            try await load.wait(acknowledged: load.total / 3)
            #expect(await process.terminate() == 0)
            // Whoever was let in was answered as ever; all that was owed has been sent.
            #expect(Set(load.statuses.keys) == [200])
            #expect(
                try await service.number(
                    "SELECT COUNT(*) FROM wishlist_dataset_histories WHERE dispatcher > 0") == 0)
            let second = try await IntegratorProcess.start(service.variables(), port: port, client: client)
            await running
            try await service.waitUntilNothingIsOwed()
            #expect(await second.terminate() == 0)
            try await service.checkStored(load)
            try await service.checkDelivered(load)
        }
    }
}
