import Foundation
import Signatures
import Synchronization

/// Lets the service run for a long time at a steady rate, with faults on all sides, and looks whether it stays as it is.
public final class Soak: Sendable {
    private let options: SoakOptions
    private let database: SoakDatabase
    private let exchange: SoakExchange
    private let ports: (integrator: UInt16, sandbox: UInt16)
    private let environment: [String: String]
    private let secret = WebhookSecret.generate()
    /// What came back to those who are not the load: by what they did and the status.
    private let others = Mutex<[String: [Int: Int]]>([:])
    private let threads = DispatchGroup()
    private let failure = Mutex<String?>(nil)

    private static let sampleSeconds = 10.0
    private static let minimumFreeMiB = 5000.0

    /// - Returns: the exit status: 0: all is as it should be; 1: not; 2: the command line is wrong.
    public static func run(_ arguments: [String]) async -> Int32 {
        do throws(BenchmarkError) {
            let options = try SoakOptions(arguments)
            do {
                return try await Soak(options).run() ? 0 : 1
            } catch {
                Progress.show("failed: \(error)")
                return 1
            }
        } catch {
            Progress.show("\(error)")
            return 2
        }
    }

    private init(_ options: SoakOptions) throws {
        Sockets.raiseDescriptorLimit()
        self.options = options
        database = SoakDatabase(socket: options.socket)
        exchange = SoakExchange(signer: WebhookSigner(secret: secret))
        ports = (try Sockets.freePort(), try Sockets.freePort())
        environment = [
            "PATH": "/usr/bin:/bin", "HTTP_HOST": "127.0.0.1", "PUBLIC_URL": "http://127.0.0.1:\(ports.integrator)",
            "DB_SOCKET": options.socket, "DB_DATABASE": SoakDatabase.name, "DB_USERNAME": "root",
            "TV_API_URL": "http://127.0.0.1:\(ports.sandbox)", "TV_API_TOKEN": "soak",
            "TV_WEBHOOK_SECRETS_FILE": options.folder + "/secrets", "PUSHER_APP_ID": "1", "PUSHER_APP_KEY": "soak",
            "PUSHER_APP_SECRET": "soak", "PUSHER_HOST": "127.0.0.1", "PUSHER_PORT": "\(ports.sandbox)",
            "PUSHER_SCHEME": "http", "RATE_LIMIT_PER_MINUTE": "1000000", "LOG_LEVEL": "warning", "LOG_FORMAT": "json",
            "DATASET_DEADLINE_SECONDS": "30",
        ]
    }

    private func run() async throws -> Bool {
        try writeSecrets([secret])
        try await database.configuration.createDatabase()
        try MeasuredProcess.run(
            options.integrator, ["migrate"], environment: environment, log: options.folder + "/commands.log")
        try await database.fill()
        let sandbox = try MeasuredProcess.make(
            options.sandbox,
            [
                "serve", "--port", "\(ports.sandbox)", "--tv-token", "soak", "--pusher-app-id", "1", "--pusher-key",
                "soak", "--pusher-secret", "soak", "--steps", "8", "--step-delay", "0.3", "--duplicate", "0.05",
                "--reorder", "0.05", "--late", "0.02", "--lose", "0.02", "--retry-scale", "0.2",
            ], environment, "/dev/null")
        try await MeasuredProcess.start(sandbox)
        defer { sandbox.terminate() }
        let integrator = try await MeasuredProcess(
            program: options.integrator, environment: environment, port: ports.integrator,
            log: options.folder + "/integrator.log")
        defer { integrator.stop() }
        let samples = try await load(integrator)
        return try await judge(samples, integrator)
    }

    // MARK: Under load

    private func load(_ integrator: MeasuredProcess) async throws -> [SoakSample] {
        let folder = try await database.folder()
        let start = Clock.now()
        let elapsed = { Double(Clock.now() - start) / 1e9 }
        try startThreads()
        var feeder = SoakFeeder(database: database, exchange: exchange)
        let file = try samplesFile()
        var (samples, lastRow): ([SoakSample], SoakSample?) = ([], nil)
        var rotation = SoakRotation(current: secret)
        var prune: Process?
        SoakSample.heading()
        while elapsed() < options.minutes * 60 {
            try await feeder.feed()
            if elapsed() >= Double(samples.count + 1) * Self.sampleSeconds {
                var sample = SoakSample(pid: integrator.pid, port: ports.integrator, folder: folder)
                sample.seconds = elapsed()
                let tally = takeTally()
                sample.acknowledged = tally.acknowledged
                sample.milliseconds = tally.latencies.milliseconds([0.5, 0.99])
                samples.append(sample)
                file.write(Data((sample.line + "\n").utf8))
                if samples.count % 6 == 0 {
                    sample.row(since: lastRow)
                    lastRow = sample
                    if prune?.isRunning != true { prune = try startPruning() }
                    try rotate(&rotation, integrator)
                }
                if sample.freeMiB < Self.minimumFreeMiB { throw BenchmarkError("the disk is nearly full") }
            }
            if let failure = failure.withLock({ $0 }) { throw BenchmarkError(failure) }
            try await Task.sleep(for: .milliseconds(200))
        }
        exchange.state.withLock { $0.isOver = true }
        await withCheckedContinuation { continuation in
            threads.notify(queue: .global()) { @Sendable in continuation.resume() }
        }
        while prune?.isRunning == true { try await Task.sleep(for: .milliseconds(100)) }
        try await feeder.finish()
        return samples
    }

    private func startThreads() throws {
        var load = try SoakLoad(port: ports.integrator, options: options, exchange: exchange)
        let chores = SoakChores(
            port: ports.integrator, sandboxPort: ports.sandbox,
            isOver: { [exchange] in exchange.state.withLock(\.isOver) },
            note: { [self] what, status in others.withLock { $0[what, default: [:]][status, default: 0] += 1 } })
        start { try load.run() }
        start(chores.create)
        start(chores.read)
        start(chores.disturbPusher)
    }

    private func start(_ body: sending @escaping () throws -> Void) {
        threads.enter()
        let box = Mutex<(() throws -> Void)?>(body)
        let shared = SharedBody(box)
        Thread.detachNewThread { @Sendable [self] in
            do { try shared.take()?() } catch { failure.withLock { $0 = "\(error)" } }
            threads.leave()
        }
    }

    /// All since the start, but the latencies since the last call.
    private func takeTally() -> SoakExchange.Tally {
        exchange.state.withLock { state in
            defer { state.tally.latencies = Latencies() }
            return state.tally
        }
    }

    private func samplesFile() throws -> FileHandle {
        let path = options.folder + "/samples.csv"
        _ = FileManager.default.createFile(atPath: path, contents: Data((SoakSample.names + "\n").utf8))
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.seekToEnd()
        return file
    }

    // MARK: The operator

    private func startPruning() throws -> Process {
        let process = try MeasuredProcess.make(
            options.integrator, ["prune", "--older-than", "60s"], environment, options.folder + "/commands.log")
        try process.run()
        return process
    }

    private func writeSecrets(_ secrets: [WebhookSecret]) throws {
        let path = options.folder + "/secrets"
        try Data(secrets.map(\.text).joined(separator: " ").utf8).write(to: URL(fileURLWithPath: path))
    }

    /// The registered secret stays; the one that the load signs with is replaced as an operator would: first a new one
    /// beside the old one and SIGHUP, a minute later the old one goes.
    private func rotate(_ rotation: inout SoakRotation, _ integrator: MeasuredProcess) throws {
        if let next = rotation.next {
            exchange.state.withLock { $0.signer = WebhookSigner(secret: next) }
            rotation = SoakRotation(current: next, previous: rotation.current)
        } else {
            let next = WebhookSecret.generate()
            rotation.next = next
            try writeSecrets([secret, next, rotation.current])
            kill(integrator.pid, SIGHUP)
        }
    }

    // MARK: The end

    private func judge(_ samples: [SoakSample], _ integrator: MeasuredProcess) async throws -> Bool {
        Progress.show("the load is over: waiting for what is owed and for the last datasets")
        var left = try await database.left()
        for _ in 0..<180 where left.owed > 0 || left.active > 0 {
            try await Task.sleep(for: .seconds(1))
            left = try await database.left()
        }
        let last = SoakSample(pid: integrator.pid, port: ports.integrator, folder: options.folder)
        let status = integrator.stop()
        // Only now: what is stored is looked at later still.
        let delivered = try SoakVerdict.delivered(sandboxPort: ports.sandbox)
        let tally = takeTally()
        let stored = try await database.stored()
        Report.heading("After \(options.minutes.fixed(0)) minutes at \(options.rate.whole) webhooks/s")
        var verdict = SoakVerdict()
        verdict.check(tally, stored)
        verdict.check(delivered: delivered, changes: stored.changes, overtaken: last.overtaken, left: left)
        verdict.checkFlatness(samples)
        verdict.check("exit status after SIGTERM", "\(status)", status == 0)
        let others = others.withLock { $0 }
        var failed = 0
        for statuses in others.values { failed += (statuses[0] ?? 0) + (statuses[500] ?? 0) }
        verdict.check("no answer, or 500, to anybody else", "\(failed)", failed == 0)
        Report.line("statuses \(Self.text(tally.statuses))")
        Report.line("outcomes \(Self.text(tally.outcomes))")
        Report.line("sent again \(tally.retried), connections that broke \(tally.broken)")
        for what in others.keys.sorted() { Report.line("\(what) \(Self.text(others[what] ?? [:]))") }
        return verdict.isGood
    }

    private static func text<Key: Comparable>(_ counts: [Key: Int]) -> String {
        counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
    }
}

/// The secrets that the load signs with.
struct SoakRotation {
    var current: WebhookSecret
    var previous: WebhookSecret?
    /// Known to the service, not in use yet.
    var next: WebhookSecret?
}

/// Hands a closure to a thread.
private final class SharedBody: Sendable {
    private let body: Mutex<(() throws -> Void)?>

    init(_ body: consuming sending Mutex<(() throws -> Void)?>) { self.body = body }

    func take() -> (() throws -> Void)? {
        body.withLock { body in
            defer { body = nil }
            return body
        }
    }
}
