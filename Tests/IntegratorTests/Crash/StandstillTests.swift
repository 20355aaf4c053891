import Glibc
import HTTPClient
import MySQL
import Synchronization
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox

/// Who delivers, when instances die, stand still or lose their lease, and when the database's clock jumps.
@Suite(.serialized, .timeLimit(.minutes(60))) struct StandstillTests {
    private let client = HTTPClient(maximumConnectionsPerHost: 64, maximumResponseBytes: 1 << 20)

    /// The request has gone out, the watermark has not: it is sent again, and noted then.
    @Test(.timeLimit(.minutes(5))) func killedBetweenPublishAndWatermarkItIsSentAgain() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let history = try await service.history(of: try await service.scene().wishlist)
            let process = try await IntegratorProcess.start(service.variables(), client: client)
            #expect(try await process.post(TestWebhook(.datasetStarted, of: history, sequence: 1)).status == 200)
            try await service.waitForPushed(of: history.id, revision: 1)
            await process.kill()
            let state: SQL = """
                SELECT dispatcher = \(process.instance) AND notified_revision = 0 FROM wishlist_dataset_histories \
                WHERE id = \(history.id)
                """
            #expect(try await service.number(state) == 1)
            try await service.endLeases(of: [process.instance])
            let second = try await IntegratorProcess.start(service.variables(), client: client)
            let events = try await service.waitForPushed(of: history.id) { $0.count >= 2 }
            #expect(events.map(\.eventID) == ["\(history.id)-1", "\(history.id)-1"])
            try await service.waitUntilSettled(history.id)
            // When it got through first is not known: no time is noted.
            let times: SQL = "SELECT COUNT(notified_at) FROM wishlist_dataset_events WHERE history_id = \(history.id)"
            #expect(try await service.number(times) == 0)
            // The next one's is.
            #expect(try await second.post(TestWebhook(.datasetProgress, of: history, sequence: 2)).status == 200)
            try await service.waitForPushed(of: history.id, revision: 2)
            try await service.waitUntilSettled(history.id)
            #expect(try await service.number(times) == 1)
            #expect(await second.terminate() == 0)
        }
    }

    /// Others take over meanwhile. It goes on as if nothing had been, and must find out that it is not the same any longer.
    @Test(.enabled(if: Chaos.isWhole, "takes a minute"), .timeLimit(.minutes(8)))
    func stoppedForLongerThanItsLeaseItLosesNothing() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let first = try await IntegratorProcess.start(service.variables(), client: client)
            let second = try await IntegratorProcess.start(service.variables(), client: client)
            let load = WebhookLoad(
                try await service.manyHistories(12), length: 60, urls: [first.url, second.url], client: client)
            let watch = WatermarkWatch(service)
            async let watching: Void = watch.run()
            async let running: Void = load.run()
            try await load.wait(acknowledged: load.total / 3)
            first.send(SIGSTOP)
            Chaos.count(.instancesStopped)
            let lease: SQL = "SELECT COUNT(*) FROM integrator_leases WHERE instance = \(first.instance)"
            #expect(try await service.number(lease) == 1)
            try await service.waitForNumber(0, lease, timeout: .seconds(120))
            first.send(SIGCONT)
            await running
            try await service.waitUntilNothingIsOwed(timeout: .seconds(120))
            // Under another number.
            try await service.waitForNumber(2, "SELECT COUNT(*) FROM integrator_leases")
            #expect(try await service.number(lease) == 0)
            watch.stop()
            try await watching
            #expect(watch.fallen == [])
            #expect(await first.terminate() == 0)
            #expect(await second.terminate() == 0)
            try await service.checkStored(load)
            try await service.checkDelivered(load)
        }
    }

    /// Somebody has taken it for dead: it leaves what it has, and takes it up again under another number.
    @Test(.timeLimit(.minutes(5))) func aLeaseLostAndRegainedLosesNothing() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let process = try await IntegratorProcess.start(service.variables(), client: client)
            let load = WebhookLoad(
                try await service.manyHistories(8), length: Int64(40 * Chaos.factor), urls: [process.url],
                client: client)
            let watch = WatermarkWatch(service)
            async let watching: Void = watch.run()
            async let running: Void = load.run()
            var numbers: Set<Int64> = []
            for loss in 1...2 {
                try await load.wait(acknowledged: load.total * loss / 3)
                let number = try #require(try await service.number("SELECT instance FROM integrator_leases"))
                #expect(numbers.insert(number).inserted)
                try await service.execute("DELETE FROM integrator_leases")
                Chaos.count(.leasesLost)
                try await service.waitForNumber(
                    1, "SELECT COUNT(*) FROM integrator_leases WHERE instance <> \(number)")
            }
            await running
            try await service.waitUntilNothingIsOwed(timeout: .seconds(90))
            watch.stop()
            try await watching
            #expect(watch.fallen == [])
            #expect(await process.terminate() == 0)
            try await service.checkStored(load)
            try await service.checkDelivered(load)
        }
    }

    /// Leases are watched by clocks that do not jump: nobody is taken for dead, and nobody takes himself for alive.
    @Test(
        .enabled(if: FakeClock.library != nil, "started without the clock that Tests/Scripts/test makes"),
        .timeLimit(.minutes(5)))
    func aJumpOfTheDatabasesClockEndsNoLease() async throws {
        let clock = try FakeClock()
        let server = try await TestServer.startOwn(environment: clock.variables)
        try await withAsyncCleanUp {
            let administrator = try await MySQLConnection.connect(server.configuration())
            try await administrator.execute("CREATE DATABASE jumping COLLATE utf8mb4_unicode_ci")
            await administrator.close()
            let database = server.configuration(database: "jumping")
            try await ServiceSchema.create(in: database)
            try await ServiceUnderTest.with(database: database) { service in
                try await service.instance.stop()
                let first = try await IntegratorProcess.start(service.variables(), client: client)
                let second = try await IntegratorProcess.start(service.variables(), client: client)
                let load = WebhookLoad(
                    try await service.manyHistories(8), length: Int64(30 * Chaos.factor),
                    urls: [first.url, second.url], client: client)
                let leases: SQL = """
                    SELECT COUNT(*) FROM integrator_leases WHERE instance IN (\(first.instance), \(second.instance))
                    """
                async let running: Void = load.run()
                // Much longer than a lease, and shorter than a dataset may be silent.
                for (index, seconds) in ([1200, -1200, 0] as [Int64]).enumerated() {
                    try await load.wait(acknowledged: load.total * (index + 1) / 5)
                    let before = try #require(try await service.number("SELECT UNIX_TIMESTAMP()"))
                    try clock.set(seconds)
                    let after = try #require(try await service.number("SELECT UNIX_TIMESTAMP()"))
                    #expect(abs(after - before) > 600)
                    Chaos.count(.databaseClockJumps)
                    // Each has looked at the other's lease, and has renewed its own.
                    try await Task.sleep(for: .seconds(Chaos.isWhole ? 25 : 6))
                    #expect(try await service.number(leases) == 2)
                }
                await running
                try await service.waitUntilNothingIsOwed(timeout: .seconds(90))
                #expect(await first.terminate() == 0)
                #expect(await second.terminate() == 0)
                try await service.checkStored(load)
                try await service.checkDelivered(load)
            }
        } cleanUp: {
            await server.stop()
        }
    }
}

/// Looks at the delivery watermarks all the time: they never go back, and never beyond the revision.
private final class WatermarkWatch: Sendable {
    private struct State: Sendable {
        var marks: [Int64: Int64] = [:]
        var fallen: [String] = []
        var isStopped = false
    }

    private let state = Mutex(State())
    private let service: ServiceUnderTest

    init(_ service: ServiceUnderTest) { self.service = service }

    /// Watermarks that were wrong.
    var fallen: [String] { state.withLock { $0.fallen } }

    func stop() { state.withLock { $0.isStopped = true } }

    func run() async throws {
        while !state.withLock({ $0.isStopped }), !Task.isCancelled {
            for row in try await service.query("SELECT id, notified_revision, revision FROM wishlist_dataset_histories")
            {
                let (id, mark, revision) = (try row.int64(0), try row.int64(1), try row.int64(2))
                state.withLock { state in
                    let before = state.marks.updateValue(mark, forKey: id) ?? 0
                    if mark < before || mark > revision {
                        state.fallen.append("history \(id): \(mark) after \(before), at revision \(revision)")
                    }
                }
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
