import HTTPClient
import MySQL
import TestSupport
import Testing

@testable import Integrator
@testable import Sandbox

/// The database's disk is full: really, on one of its own. `make chaos` alone does it.
@Suite(
    .serialized, .enabled(if: Chaos.isWhole, "slow: part of `make chaos`"),
    .enabled("mounting is not allowed here: needs root, or user namespaces") { await TestServer.canMount() })
struct DiskTests {
    private let client = HTTPClient(maximumConnectionsPerHost: 32, maximumResponseBytes: 1 << 20)

    @Test(.timeLimit(.minutes(5))) func fullDiskIsWaitedFor() async throws {
        let server = try await TestServer.startOwn(onDiskOf: 320)
        try await withAsyncCleanUp {
            let administrator = try await MySQLConnection.connect(server.configuration())
            try await administrator.execute("CREATE DATABASE small COLLATE utf8mb4_unicode_ci")
            await administrator.close()
            let database = server.configuration(database: "small")
            try await ServiceSchema.create(in: database)
            try await ServiceUnderTest.with(database: database) { service in
                try await service.instance.stop()
                let process = try await IntegratorProcess.start(service.variables(), client: client)
                let scene = try await service.scene()
                let load = WebhookLoad(
                    try await service.manyHistories(12), length: 250, padding: 6000, urls: [process.url],
                    client: client)
                async let running: Void = load.run()
                for part in 1...2 {
                    try await load.wait(acknowledged: load.total * part / 6)
                    try server.fillDisk()
                    Chaos.count(.databaseOutages)
                    let refused = load.statuses[503, default: 0]
                    try await waitUntil("the disk is full") { load.statuses[503, default: 0] >= refused + 20 }
                    #expect(load.acknowledged.count < load.total)
                    // There may be room for a create, or not.
                    let answer = try await process.api(
                        "POST", "/api/v1/wishlist-to-group/\(scene.wishlist.slug)/createAnalysis", token: scene.token)
                    #expect([201, 409, 503].contains(answer.status), "\(answer.text)")
                    #expect(process.isRunning)
                    server.freeDisk()
                }
                await running
                #expect(load.missingRetryAfter == 0)
                #expect(Set(load.statuses.keys).isSubset(of: [200, 503]), "\(load.statuses)")
                try await service.waitUntilNothingIsOwed()
                #expect(await process.terminate() == 0)
                try await service.checkStored(load)
                try await service.checkDelivered(load)
            }
        } cleanUp: {
            await server.stop()
        }
    }
}
