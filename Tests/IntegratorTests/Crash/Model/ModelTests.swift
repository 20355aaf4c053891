import Foundation
import HTTPClient
import MySQL
import Signatures
import Synchronization
import Testing
import Time

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import TestSupport
@testable import Web

/// Random schedules against two real processes that are killed now and then, while the database is away, connections die
/// around a COMMIT and Pusher fails now and then; at the end the rows, the log and what subscribers saw must be what the model
/// says.
///
/// A schedule that fails is printed with its seed. `make chaos SEED=17` runs that one alone, as does `MODEL_SEED=17 Tests/Scripts/test
/// --filter ModelTests`; what is done to the processes meanwhile is left to chance. `MODEL_SCHEDULES=5000` runs more of them.
@Suite(.timeLimit(.minutes(60))) struct ModelTests {
    private static func setting(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    @Test(.timeLimit(.minutes(60))) func serviceDoesWhatTheModelSays() async throws {
        let first = Self.setting("MODEL_SEED") ?? UInt64.random(in: 1...1_000_000_000)
        let count = Self.setting("MODEL_SEED") == nil ? Self.setting("MODEL_SCHEDULES") ?? 48 : 1
        for start in stride(from: 0, to: count, by: Int(Self.schedulesPerWorld)) {
            try await check(from: first + start, count: min(Self.schedulesPerWorld, count - start))
        }
    }

    /// What subscribers have seen is kept, and looked through for each schedule: more in one world cost ever more time.
    private static let schedulesPerWorld: UInt64 = 500

    private func check(from first: UInt64, count: UInt64) async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let world = try await ModelWorld(service)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await world.makeTrouble() }
                await world.checkAll(from: first, count: count)
                world.isDone.store(true, ordering: .relaxed)
                try await group.waitForAll()
            }
            await world.stop()
        }
    }
}

/// The processes, and what is done to them.
final class ModelWorld: Sendable {
    let service: ServiceUnderTest
    private let client = HTTPClient(maximumConnectionsPerHost: 32, maximumResponseBytes: 1 << 20)
    let isDone = Atomic(false)
    private let seed = Atomic<UInt64>(0)
    private let ports: [UInt16]
    private let processes: Mutex<[IntegratorProcess]>
    private let proxy: CuttingProxy
    /// The processes reach the database through the proxy.
    private let variables: [String: String]

    init(_ service: ServiceUnderTest) async throws {
        self.service = service
        ports = [freePort(), freePort()]
        proxy = try CuttingProxy(to: service.database, marker: "INSERT INTO wishlist_dataset_events")
        variables = service.variables(["DB_SOCKET": proxy.socket])
        var started: [IntegratorProcess] = []
        for port in ports {
            started.append(try await IntegratorProcess.start(variables, port: port, client: client))
        }
        processes = Mutex(started)
    }

    /// Kills instances, takes the database away, cuts connections around a COMMIT and has Pusher fail, until told otherwise.
    func makeTrouble() async throws {
        var dead: [UInt64] = []
        while !isDone.load(ordering: .relaxed) {
            // Each time: what one sent with its last breath may have been committed only now.
            if !dead.isEmpty { try await service.endLeases(of: dead) }
            try await Task.sleep(for: .milliseconds(Int64.random(in: 100...500)))
            switch Int.random(in: 0..<5) {
            case 0:
                proxy.plan((0...3).map { _ in [.beforeCommit, .afterCommit, nil].randomElement() ?? nil })
            case 1:
                Chaos.count(.databaseOutages)
                proxy.isAway = true
                try await Task.sleep(for: .milliseconds(Int64.random(in: 50...500)))
                proxy.isAway = false
            case 2:
                Chaos.count(.pusherOutages)
                service.sandbox.pusher.inject(
                    PusherFault(status: [429, 500, 503].randomElement()), count: Int.random(in: 1...4))
            default:
                let victim = Int.random(in: 0...1)
                let process = processes.withLock { $0[victim] }
                await process.kill()
                dead.append(process.instance)
                let fresh = try await IntegratorProcess.start(variables, port: ports[victim], client: client)
                processes.withLock { $0[victim] = fresh }
            }
        }
        proxy.clear()
        service.sandbox.pusher.clearFaults()
    }

    func stop() async {
        for process in processes.withLock({ $0 }) { #expect(await process.terminate() == 0) }
        Chaos.count(.cutsBeforeCommit, proxy.cuts.before)
        Chaos.count(.cutsAfterCommit, proxy.cuts.after)
        proxy.stop()
        await client.shutdown()
    }

    /// Runs schedules side by side.
    func checkAll(from first: UInt64, count: UInt64) async {
        seed.store(first, ordering: .relaxed)
        await withDiscardingTaskGroup { group in
            for _ in 0..<24 {
                group.addTask {
                    while true {
                        let seed = self.seed.wrappingAdd(1, ordering: .relaxed).oldValue
                        guard seed < first + count else { return }
                        await self.check(seed)
                    }
                }
            }
        }
    }

    /// Runs the schedule of a seed and compares.
    func check(_ seed: UInt64) async {
        do {
            let differences = try await run(seed)
            Chaos.count(.schedulesRun)
            if !differences.isEmpty {
                Chaos.count(.schedulesDiffering)
                Issue.record("MODEL_SEED=\(seed):\n\(differences.joined(separator: "\n"))")
            }
        } catch {
            Issue.record("MODEL_SEED=\(seed): \(error)")
        }
    }

    private func run(_ seed: UInt64) async throws -> [String] {
        let schedule = Schedule(seed: seed)
        var names: [Int64] = []
        let group = try await service.group()
        let wishlist = try await service.wishlist(of: group, products: 0, categories: 0, queries: 0)
        var model = WishlistModel([])
        for start in schedule.starts {
            let name = Fresh.number()
            let row = try await service.history(
                of: wishlist, status: start.status, datasetID: start.isNamed ? name : nil,
                reference: start.isOld ? nil : UUIDv7.make(milliseconds: Timestamp.now().microseconds / 1000),
                errorCode: start.isUnavailable ? DatasetError.unavailableCode : nil, notifications: start.preference)
            names.append(name)
            model.datasets.append(
                .init(
                    historyID: row.id, name: name, reference: row.reference, isNamed: start.isNamed,
                    status: start.status, isUnavailable: start.isUnavailable, preference: start.preference))
        }
        var differences: [String] = []
        var story = schedule.starts.map { "starts as \($0)" }
        for delivery in schedule.deliveries {
            let historyID = model.datasets[delivery.dataset].historyID
            let named = delivery.crossed ?? (delivery.hasReference ? delivery.dataset : nil)
            let webhook = WishlistModel.Webhook(
                id: "model_\(historyID)_\(delivery.sequence)", type: delivery.type, dataset: names[delivery.dataset],
                reference: named.flatMap { model.datasets[$0].reference }, sequence: delivery.sequence)
            let expected = model.deliver(webhook)
            let cuts = proxy.cuts.after
            let (told, isFirst) = try await send(webhook, to: delivery.instance)
            let number = named.map { " as \($0)" } ?? ""
            story.append("\(webhook.id) \(webhook.type.rawValue) of \(delivery.dataset)\(number): \(told)")
            // It may have been committed unheard: then it comes again.
            let mayComeAgain = !isFirst || proxy.cuts.after > cuts
            if told != expected, !(mayComeAgain && told == "duplicate") {
                differences.append("\(webhook.id) \(webhook.type.rawValue): told \(told), should be \(expected)")
            }
        }
        differences += try await compareRows(model, wishlist)
        differences += try await compareLog(model)
        differences += try await compareNotifications(model)
        return differences.isEmpty ? [] : differences + ["What happened:"] + story
    }

    /// Sends it until it is acknowledged.
    /// - Returns: what was told, and whether the first attempt was answered so.
    private func send(_ webhook: WishlistModel.Webhook, to instance: Int) async throws -> (String, Bool) {
        let body = TestWebhook(
            webhook.type, dataset: webhook.dataset, sequence: webhook.sequence, reference: webhook.reference,
            id: webhook.id)
        let deadline = ContinuousClock.now + .seconds(60)
        var attempt = 0
        while ContinuousClock.now < deadline {
            let now = Timestamp.now().seconds
            let signature = WebhookSigner(secret: ServiceUnderTest.secret).sign(
                id: webhook.id, timestamp: now, body: body.body)
            let port = ports[(instance + attempt) % 2]
            let answer = try? await client.send(
                HTTPClientRequest(
                    method: "POST", url: "http://127.0.0.1:\(port)\(WebhookEndpoint.path)",
                    headers: [
                        ("webhook-id", webhook.id), ("webhook-timestamp", "\(now)"),
                        ("webhook-signature", signature), ("Content-Type", "application/json"),
                    ], body: body.body, timeout: .seconds(20)))
            if let answer, (200...299).contains(answer.status) {
                return (HTTPAnswer(answer).outcome ?? "?", attempt == 0)
            }
            if answer?.status == 422 { return ("rejected", attempt == 0) }
            if let answer, answer.status != 503 { return ("status \(answer.status)", attempt == 0) }
            attempt += 1
            try await Task.sleep(for: .milliseconds(20))
        }
        throw SandboxError("\(webhook.id) was never acknowledged")
    }
}
