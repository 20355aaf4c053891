import HTTPClient
import JSON
import MySQL
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox

/// The service's wall clock jumps by hours. What is written to rows, and what is decided by them, goes by the database's
/// clock; what only takes time, by a clock that does not jump. So webhooks and Pusher's signatures are refused while the
/// clock is wrong, and that is all.
@Suite(
    .serialized, .timeLimit(.minutes(60)),
    .enabled(if: FakeClock.library != nil, "started without the clock of Tests/Scripts/test, or under a sanitizer"))
struct ClockTests {
    private let client = HTTPClient(maximumConnectionsPerHost: 32, maximumResponseBytes: 1 << 20)
    private static let hour: Int64 = 3600

    @Test(.timeLimit(.minutes(5))) func jumpsUnderLoadLoseNothing() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let clock = try FakeClock()
            let process = try await IntegratorProcess.start(service.variables(clock.variables), client: client)
            let load = WebhookLoad(
                try await service.manyHistories(10), length: Int64(30 + 30 * Chaos.factor), urls: [process.url],
                client: client)
            async let running: Void = load.run()
            let jumps: ArraySlice<Int64> = [3, -5, 26, -1].prefix(Chaos.isWhole ? 4 : 2)
            for (index, hours) in jumps.enumerated() {
                try await load.wait(acknowledged: load.total * (index + 1) / (jumps.count + 2))
                try clock.set(hours * Self.hour)
                try await waitUntil("webhooks are refused") { load.refused >= 40 }
                let webhook = TestWebhook(.datasetProgress, of: load.histories[0], sequence: 1_000_000)
                #expect([401, 429].contains(try await process.post(webhook).status))
                try clock.set(0)
                load.forgetRefused()
            }
            await running
            #expect(load.statuses[500] == nil)
            try await service.waitUntilNothingIsOwed(timeout: .seconds(120))
            #expect(process.isRunning)
            #expect(await process.terminate() == 0)
            #expect(
                try await service.number(
                    "SELECT COUNT(*) FROM wishlist_dataset_events WHERE type = 'dataset.stalled'") == 0)
            try await service.checkStored(load)
            try await service.checkDelivered(load)
            // Times in rows are the database's.
            #expect(
                try await service.number(
                    """
                    SELECT COUNT(*) FROM wishlist_dataset_events \
                    WHERE ABS(TIMESTAMPDIFF(SECOND, recorded_at, UTC_TIMESTAMP(6))) > 600
                    """) == 0)
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: [3, -3])
    func tokensAndCreatesGoByTheDatabase(_ hours: Int64) async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let clock = try FakeClock()
            let process = try await IntegratorProcess.start(service.variables(clock.variables), client: client)
            try await service.sandboxLog.wait { $0.contains { $0.contains("registered: \(process.url)") } }
            var scenario = Scenario()
            scenario.outcome = .silent
            scenario.steps = 0
            service.sandbox.tv.setDefault(scenario)
            try clock.set(hours * Self.hour)
            let scene = try await service.scene()
            let path = "/api/v1/wishlist-to-group/\(scene.wishlist.slug)"
            let alive = try await service.token(of: scene.user, expiresIn: 3600)
            let expired = try await service.token(of: scene.user, expiresIn: -3600)
            #expect(try await process.api("GET", path + "/histories", token: alive).status == 200)
            #expect(try await process.api("GET", path + "/histories", token: expired).status == 401)
            let answer = try await process.api("POST", path + "/createAnalysis", token: alive)
            #expect(answer.status == 201)
            let id = try #require(answer.json?["data"]?["id"]?.int)
            let times: SQL = """
                SELECT ABS(TIMESTAMPDIFF(SECOND, created_at, UTC_TIMESTAMP(6))) < 120 \
                AND ABS(TIMESTAMPDIFF(SECOND, updated_at, UTC_TIMESTAMP(6))) < 120 \
                AND ABS(TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(6), deadline_at) - 1800) < 120 \
                FROM wishlist_dataset_histories WHERE id = \(id)
                """
            #expect(try await service.number(times) == 1)
            // Pusher does not take what is signed at another time: it is owed until the clock is right.
            try await waitUntil("Pusher has refused us") {
                service.sandbox.pusher.requests.all.contains { $0.status == 401 }
            }
            #expect(service.pushed(of: id).isEmpty)
            try clock.set(0)
            try await service.waitForPushed(of: id, timeout: .seconds(90)) { !$0.isEmpty }
            try await service.waitUntilNothingIsOwed()
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_dead_letters") == 0)
            #expect(await process.terminate() == 0)
        }
    }

    /// Within the tolerance webhooks are taken; also those of which no row tells the time.
    @Test(.timeLimit(.minutes(5))) func logGoesByTheDatabase() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let clock = try FakeClock()
            try clock.set(-240)
            let process = try await IntegratorProcess.start(service.variables(clock.variables), client: client)
            let parked = TestWebhook(.datasetStarted, dataset: Fresh.number(), sequence: 1)
            #expect(try await process.post(parked).status == 202)
            #expect(try await process.post(TestWebhook(body: "nonsense")).status == 422)
            let history = try await service.history(of: try await service.scene().wishlist)
            #expect(try await process.post(TestWebhook(.datasetStarted, of: history, sequence: 1)).status == 200)
            let late: SQL = """
                SELECT COUNT(*) FROM wishlist_dataset_events \
                WHERE ABS(TIMESTAMPDIFF(SECOND, recorded_at, UTC_TIMESTAMP(6))) < 120
                """
            #expect(try await service.number(late) == 3)
            try clock.set(0)
            #expect(await process.terminate() == 0)
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: [3, -3])
    func datasetsStallWhenTheirTimeHasCome(_ hours: Int64) async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let clock = try FakeClock()
            var variables = service.variables(clock.variables)
            variables["DATASET_DEADLINE_SECONDS"] = "2"
            let process = try await IntegratorProcess.start(variables, client: client)
            let history = try await service.history(of: try await service.scene().wishlist, status: .pending)
            #expect(try await process.post(TestWebhook(.datasetStarted, of: history, sequence: 1)).status == 200)
            try clock.set(hours * Self.hour)
            try await service.waitForNumber(
                Int64(HistoryStatus.stalled.rawValue),
                "SELECT status FROM wishlist_dataset_histories WHERE id = \(history.id)", timeout: .seconds(60))
            let silence: SQL = """
                SELECT TIMESTAMPDIFF(MICROSECOND, heard_at, updated_at) >= 2000000 FROM wishlist_dataset_histories \
                WHERE id = \(history.id)
                """
            #expect(try await service.number(silence) == 1)
            try clock.set(0)
            try await service.waitForPushed(of: history.id, timeout: .seconds(90)) {
                $0.last?.name == "dataset.stalled"
            }
            #expect(await process.terminate() == 0)
        }
    }
}
