import Foundation
import HTTPClient
import JSON
import MySQL
import TestSupport
import Testing

@testable import Integrator
@testable import Sandbox

/// Real processes, killed without warning (spec, sections 2, 4, 5 and 9).
@Suite(.serialized, .timeLimit(.minutes(60))) struct KillTests {
    private let client = HTTPClient(maximumConnectionsPerHost: 32, maximumResponseBytes: 1 << 20)

    @Test(.timeLimit(.minutes(10))) func killedIntegratorLosesNothing() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let kills = 4 * Chaos.factor
            let port = freePort()
            var process = try await IntegratorProcess.start(service.variables(), port: port, client: client)
            let load = WebhookLoad(
                try await service.manyHistories(12), length: Int64(25 * kills), urls: [process.url], client: client)
            async let running: Void = load.run()
            for kill in 1...kills {
                try await load.wait(acknowledged: load.total * kill / (kills + 2))
                try await Task.sleep(for: .milliseconds(Int64.random(in: 0...30)))
                await process.kill()
                try await service.endLeases()
                process = try await IntegratorProcess.start(service.variables(), port: port, client: client)
            }
            await running
            try await service.endLeases()
            try await service.waitUntilNothingIsOwed()
            #expect(await process.terminate() == 0)
            try await service.checkStored(load)
            try await service.checkDelivered(load)
        }
    }

    @Test(.timeLimit(.minutes(5))) func killedDuringACreateItIsFinishedUnderTheSameKey() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let scene = try await service.scene()
            let port = freePort()
            let process = try await IntegratorProcess.start(service.variables(), port: port, client: client)
            try await service.sandboxLog.wait { $0.contains { $0.contains("registered: \(process.url)") } }
            var scenario = Scenario()
            scenario.stepDelay = 0.01
            // Accepted, but the answer does not come: the second call gets it.
            scenario.createFaults = [.acceptThenHang]
            service.sandbox.tv.setDefault(scenario)
            async let answer = try? client.send(
                HTTPClientRequest(
                    method: "POST",
                    url: process.url + "/api/v1/wishlist-to-group/\(scene.wishlist.slug)/createAnalysis",
                    headers: [("Authorization", "Bearer \(scene.token)")], timeout: .seconds(30)))
            try await service.sandbox.tv.requests.wait { $0.contains { $0.path == "/dataset/create" } }
            await process.kill()
            #expect(await answer == nil)
            try await service.endLeases()
            let second = try await IntegratorProcess.start(service.variables(), port: port, client: client)
            try await service.waitForNumber(
                3,
                "SELECT status FROM wishlist_dataset_histories WHERE wishlist_to_group_id = \(scene.wishlist.id)")
            let creates = service.sandbox.tv.requests.all.filter { $0.path == "/dataset/create" }
            #expect(creates.count == 2)
            #expect(Set(creates.map(\.idempotencyKey)).count == 1)
            #expect(Set(creates.map(\.body)).count == 1)
            #expect(service.sandbox.tv.createCounts.accepted == 1)
            try await service.waitForNumber(0, "SELECT COUNT(*) FROM wishlist_dataset_requests")
            try await service.endLeases()
            try await service.waitUntilNothingIsOwed()
            #expect(await second.terminate() == 0)
        }
    }

    @Test(.timeLimit(.minutes(10))) func killedDatabaseIsWaitedFor() async throws {
        let server = try await TestServer.startOwn(durable: true)
        try await withAsyncCleanUp {
            let administrator = try await MySQLConnection.connect(server.configuration())
            try await administrator.execute("CREATE DATABASE killed COLLATE utf8mb4_unicode_ci")
            await administrator.close()
            let database = server.configuration(database: "killed")
            try await ServiceSchema.create(in: database)
            try await ServiceUnderTest.with(database: database) { service in
                try await service.instance.stop()
                let process = try await IntegratorProcess.start(service.variables(), client: client)
                let load = WebhookLoad(
                    try await service.manyHistories(10), length: Int64(30 + 20 * Chaos.factor), urls: [process.url],
                    client: client)
                async let running: Void = load.run()
                for kill in 1...(1 + Chaos.factor) {
                    try await load.wait(acknowledged: load.total * kill / (Chaos.factor + 3))
                    await server.kill()
                    Chaos.count(.databaseKills)
                    let refused = load.statuses[503, default: 0]
                    let deadline = ContinuousClock.now + .seconds(30)
                    while load.statuses[503, default: 0] < refused + 5, ContinuousClock.now < deadline {
                        try await Task.sleep(for: .milliseconds(10))
                    }
                    #expect(load.statuses[503, default: 0] >= refused + 5)
                    #expect(process.isRunning)
                    try await server.restart()
                }
                await running
                #expect(load.missingRetryAfter == 0)
                #expect(load.statuses[500] == nil)
                let fresh = try await service.reconnected()
                try await fresh.waitUntilNothingIsOwed()
                #expect(await process.terminate() == 0)
                try await fresh.checkStored(load)
                try await fresh.checkDelivered(load)
            }
        } cleanUp: {
            await server.stop()
        }
    }

    @Test(.timeLimit(.minutes(5))) func readOnlyDatabaseIsWaitedFor() async throws {
        let server = try await TestServer.startOwn()
        try await withAsyncCleanUp {
            let administrator = try await MySQLConnection.connect(server.configuration())
            try await administrator.execute("CREATE DATABASE locked COLLATE utf8mb4_unicode_ci")
            try await administrator.execute("CREATE USER app IDENTIFIED BY 'app'")
            try await administrator.execute("GRANT ALL ON locked.* TO app")
            let database = server.configuration(database: "locked")
            try await ServiceSchema.create(in: database)
            try await ServiceUnderTest.with(database: database) { service in
                try await service.instance.stop()
                let variables = service.variables(["DB_USERNAME": "app", "DB_PASSWORD": "app"])
                let process = try await IntegratorProcess.start(variables, client: client)
                let load = WebhookLoad(
                    try await service.manyHistories(6), length: 40, urls: [process.url], client: client)
                async let running: Void = load.run()
                try await load.wait(acknowledged: 40)
                try await administrator.execute("SET GLOBAL read_only = 1")
                Chaos.count(.databaseOutages)
                let deadline = ContinuousClock.now + .seconds(30)
                while load.statuses[503, default: 0] < 5, ContinuousClock.now < deadline {
                    try await Task.sleep(for: .milliseconds(10))
                }
                try await administrator.execute("SET GLOBAL read_only = 0")
                await running
                #expect(load.statuses[503, default: 0] >= 5)
                #expect(load.statuses[500] == nil)
                try await service.waitUntilNothingIsOwed()
                #expect(await process.terminate() == 0)
                try await service.checkStored(load)
                try await service.checkDelivered(load)
            }
            await administrator.close()
        } cleanUp: {
            await server.stop()
        }
    }
}

/// Runs `body`, then `cleanUp`, whether it returned or threw.
func withAsyncCleanUp(_ body: () async throws -> Void, cleanUp: () async -> Void) async throws {
    do {
        try await body()
    } catch {
        await cleanUp()
        throw error
    }
    await cleanUp()
}

extension ServiceUnderTest {
    /// The same with a new connection for the test: the old one has died with its server.
    func reconnected() async throws -> ServiceUnderTest {
        var fresh = self
        fresh.connection = try await MySQLConnection.connect(database.patient)
        return fresh
    }
}
