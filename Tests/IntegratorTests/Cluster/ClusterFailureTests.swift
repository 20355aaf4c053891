import HTTPClient
import Integrator
import MySQL
import TestSupport
import Testing

@testable import Sandbox

/// Instances that die, and nodes of a cluster that die or lose the others, under load (spec, section 9).
@Suite(.serialized, .enabled(if: Cluster.isThere)) struct ClusterFailureTests {
    private let client = HTTPClient(maximumConnectionsPerHost: 32, maximumResponseBytes: 1 << 20)

    @Test(.timeLimit(.minutes(5))) func anInstanceTakesOverFromTheDeadAtAnotherNode() async throws {
        let cluster = try Cluster()
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let first = try await service.instance(at: 1, of: cluster, client: client)
            let second = try await service.instance(at: 2, of: cluster, client: client)
            let load = WebhookLoad(
                try await service.manyHistories(10, at: cluster), length: Int64(60 * Chaos.factor),
                urls: [first.url, second.url],
                client: client)
            async let running: Void = load.run()
            try await load.wait(acknowledged: load.total / 2)
            await first.kill()
            // No claim is cut short: the cluster's own clock ends them.
            await running
            try await service.waitUntilNothingIsOwed(timeout: .seconds(120))
            #expect(await second.terminate() == 0)
            try await service.checkStored(load)
            try await service.checkDelivered(load)
        }
    }

    @Test(.timeLimit(.minutes(8))) func aKilledNodeLosesNothing() async throws {
        let cluster = try Cluster()
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let first = try await service.instance(at: 1, of: cluster, client: client)
            let second = try await service.instance(at: 2, of: cluster, client: client)
            let load = WebhookLoad(
                try await service.manyHistories(10, at: cluster), length: Int64(200 * Chaos.factor),
                urls: [first.url, second.url],
                client: client)
            async let running: Void = load.run()
            try await load.wait(acknowledged: load.total / 4)
            try await cluster.kill(node: 2)
            // The other instance goes on; this one says that it cannot.
            try await load.wait(acknowledged: load.total / 2)
            #expect(try await ready(second) == 503)
            #expect(second.isRunning)
            try await cluster.join(node: 2)
            await running
            try await waitUntilReady(second)
            #expect(Set(load.statuses.keys).subtracting([200, 503]) == [])
            #expect(load.missingRetryAfter == 0)
            try await service.waitUntilNothingIsOwed(timeout: .seconds(120))
            try await service.checkStored(load)
            try await service.checkDelivered(load)
            try await service.seen(at: 2, of: cluster).checkStored(load)
            #expect(await first.terminate() == 0)
            #expect(await second.terminate() == 0)
        }
    }

    @Test(.timeLimit(.minutes(8))) func aNodeWithoutQuorumIsWaitedFor() async throws {
        let cluster = try Cluster()
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let first = try await service.instance(at: 1, of: cluster, client: client)
            let second = try await service.instance(at: 2, of: cluster, client: client)
            let scene = try await service.scene()
            let load = WebhookLoad(
                try await service.manyHistories(10, at: cluster), length: Int64(200 * Chaos.factor),
                urls: [first.url, second.url],
                client: client)
            async let running: Void = load.run()
            try await load.wait(acknowledged: load.total / 4)
            let answer: HTTPAnswer
            do {
                try await cluster.cutOff(node: 2)
                #expect(try await ready(second) == 503)
                let request = HTTPClientRequest(
                    method: "GET", url: second.url + scene.wishlist.path + "/histories",
                    headers: [("Authorization", "Bearer \(scene.token)")], timeout: .seconds(30))
                answer = HTTPAnswer(try await client.send(request))
                let refused = load.statuses[503, default: 0]
                let deadline = ContinuousClock.now + .seconds(60)
                while load.statuses[503, default: 0] < refused + 5, ContinuousClock.now < deadline {
                    try await Task.sleep(for: .milliseconds(10))
                }
                #expect(load.statuses[503, default: 0] >= refused + 5)
            } catch {
                load.stop()
                try await cluster.reunite(node: 2)
                throw error
            }
            try await cluster.reunite(node: 2)
            #expect(answer.status == 503)
            #expect(answer.code == "database_unavailable")
            await running
            try await waitUntilReady(second)
            #expect(Set(load.statuses.keys).subtracting([200, 503]) == [])
            #expect(load.missingRetryAfter == 0)
            try await service.waitUntilNothingIsOwed(timeout: .seconds(120))
            try await service.checkStored(load)
            try await service.checkDelivered(load)
            try await service.seen(at: 2, of: cluster).checkStored(load)
            #expect(await first.terminate() == 0)
            #expect(await second.terminate() == 0)
        }
    }

    private func ready(_ instance: IntegratorProcess) async throws -> Int {
        let request = HTTPClientRequest(method: "GET", url: instance.url + "/health/ready", timeout: .seconds(20))
        return try await client.send(request).status
    }

    private func waitUntilReady(_ instance: IntegratorProcess) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while try await ready(instance) != 200 {
            guard ContinuousClock.now < deadline else { throw SandboxError("the instance did not recover") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
