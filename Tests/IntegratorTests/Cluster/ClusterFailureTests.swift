import HTTPClient
import MySQL
import TestSupport
import Testing

@testable import Integrator
@testable import Sandbox

/// Instances that die, and nodes of a cluster that die or lose the others, under load (spec, section 9).
@Suite(.serialized, .enabled(if: Cluster.isThere), .timeLimit(.minutes(60))) struct ClusterFailureTests {
    private let client = HTTPClient(maximumConnectionsPerHost: 32, maximumResponseBytes: 1 << 20)

    @Test(.timeLimit(.minutes(5))) func anInstanceTakesOverFromTheDeadAtAnotherNode() async throws {
        try await Cluster.withTwoInstances(client, killed: 0) { service, cluster, instances in
            let load = try await service.load(60, on: instances, at: cluster, client: client)
            async let running: Void = load.run()
            try await load.wait(acknowledged: load.total / 2)
            await instances[0].kill()
            // No claim is cut short: the cluster's own clock ends them.
            await running
            try await service.waitUntilNothingIsOwed(timeout: .seconds(120))
            try await service.checkStored(load)
            try await service.checkDelivered(load)
        }
    }

    @Test(.timeLimit(.minutes(8))) func aKilledNodeLosesNothing() async throws {
        try await Cluster.withTwoInstances(client) { service, cluster, instances in
            let load = try await service.load(200, on: instances, at: cluster, client: client)
            async let running: Void = load.run()
            try await load.wait(acknowledged: load.total / 4)
            try await cluster.kill(node: 2)
            // The other instance goes on; this one says that it cannot.
            try await load.wait(acknowledged: load.total / 2)
            #expect(try await ready(instances[1]) == 503)
            #expect(instances[1].isRunning)
            try await cluster.join(node: 2)
            await running
            try await waitUntilReady(instances[1])
            try await service.check(load, at: cluster)
        }
    }

    @Test(.timeLimit(.minutes(8))) func aNodeWithoutQuorumIsWaitedFor() async throws {
        try await Cluster.withTwoInstances(client) { service, cluster, instances in
            let scene = try await service.scene()
            let load = try await service.load(200, on: instances, at: cluster, client: client)
            async let running: Void = load.run()
            try await load.wait(acknowledged: load.total / 4)
            let answer: HTTPAnswer
            do {
                try await cluster.cutOff(node: 2)
                #expect(try await ready(instances[1]) == 503)
                let request = HTTPClientRequest(
                    method: "GET", url: instances[1].url + scene.wishlist.path + "/histories",
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
            try await waitUntilReady(instances[1])
            try await service.check(load, at: cluster)
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
