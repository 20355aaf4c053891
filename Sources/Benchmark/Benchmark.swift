import Foundation
import Signatures

/// Measures the service against its database, in one run (spec, section 9).
public struct Benchmark {
    /// Datasets that webhooks come for, in turn.
    static let active = 1000

    let options: Options
    let database: BenchmarkDatabase
    let databaseProcess: Int32
    let parties: OtherParties
    let secret = WebhookSecret.generate()
    let environment: [String: String]
    let port: UInt16
    /// Webhooks a second of the database alone, in large transactions; nil until it is measured.
    var limit: Double?

    /// Runs all that the command line asks for.
    /// - Returns: the exit status: 0: done, and no webhook was lost; 1: failed; 2: the command line is wrong.
    public static func run(_ arguments: [String]) async -> Int32 {
        do throws(BenchmarkError) {
            let options = try Options(arguments)
            do {
                var benchmark = try await Benchmark(options)
                try await benchmark.run()
                await benchmark.parties.stop()
                return 0
            } catch {
                Progress.show("failed: \(error)")
                return 1
            }
        } catch {
            Progress.show("\(error)")
            return 2
        }
    }

    private init(_ options: Options) async throws {
        Sockets.raiseDescriptorLimit()
        self.options = options
        database = BenchmarkDatabase(socket: options.socket)
        parties = try OtherParties()
        port = try Sockets.freePort()
        environment = [
            "PATH": "/usr/bin:/bin", "HTTP_HOST": "127.0.0.1", "PUBLIC_URL": "http://127.0.0.1:\(port)",
            "DB_SOCKET": options.socket, "DB_DATABASE": BenchmarkDatabase.name, "DB_USERNAME": "root",
            "TV_API_URL": "http://127.0.0.1:\(parties.port)", "TV_API_TOKEN": "benchmark",
            "TV_WEBHOOK_SECRETS": secret.text, "PUSHER_APP_ID": "1", "PUSHER_APP_KEY": "benchmark",
            "PUSHER_APP_SECRET": "benchmark", "PUSHER_HOST": "127.0.0.1", "PUSHER_PORT": "\(parties.port)",
            "PUSHER_SCHEME": "http", "RATE_LIMIT_PER_MINUTE": "1000000", "LOG_LEVEL": "warning",
        ]
        try await database.configuration.createDatabase()
        try MeasuredProcess.run(options.integrator, ["migrate"], environment: environment, log: options.log)
        databaseProcess = try await database.serverProcess()
    }

    private mutating func run() async throws {
        let parts = options.parts
        if parts.contains(.limit) { try await measureLimit() }
        if parts.contains(.fanout) { try await measureFanOut() }
        if parts.contains(.load) { try await measureLoad() }
        if parts.contains(.pressure) { try await measurePressure() }
        if parts.contains(.locked) { try await measureLocked() }
        if parts.contains(.latency) { try await measureLatency() }
        if parts.contains(.growth) || parts.contains(.pages) { try await measureGrowth() }
    }

    private mutating func measureLimit() async throws {
        Report.heading("The database alone, the same rows (event, history, who delivers), every commit flushed")
        let widths = [-44, 12, 16]
        Report.row(["", "webhooks/s", "mariadbd CPU s"], widths: widths)
        for (connections, size, expected) in [(64, 1, 50_000.0), (2, 256, 70_000.0)] {
            let name = size == 1 ? "one transaction each, 64 connections" : "transactions of 256, 2 connections"
            Progress.show(name)
            let datasets = try await database.fill(histories: Self.active, active: Self.active)
            let limit = DatabaseLimit(database: database, databaseProcess: databaseProcess, seconds: options.seconds)
            let result = try await limit.measure(
                connections: connections, size: size, expected: Int(expected * options.seconds), datasets: datasets)
            Report.row([name, result.perSecond.whole, result.databaseCPUSeconds.fixed(2)], widths: widths)
            let stored = try await database.events(after: 0).count
            guard stored == result.rows else { throw BenchmarkError("\(stored) rows of \(result.rows) are there") }
            if size > 1 { self.limit = result.perSecond }
        }
    }

    /// Starts the integrator for `body`, and ends it.
    func withIntegrator<R>(_ body: (MeasuredProcess) async throws -> R) async throws -> R {
        let integrator = try await MeasuredProcess(
            program: options.integrator, environment: environment, port: port, log: options.log)
        defer { integrator.stop() }
        return try await body(integrator)
    }

    static func seconds() -> Int64 { Int64(Date().timeIntervalSince1970) }
}
