import Foundation
import Synchronization

extension Benchmark {
    static let loadWidths = [11, 11, 9, 8, 8, 8, 11, 9, 6, 8, 12]

    /// Durable webhooks a second over HTTP.
    func measureLoad() async throws {
        Report.heading(
            "Over HTTP: signed, stored, applied, notification owed, committed, acknowledged (Pusher answers in 50 ms)")
        Self.loadHeading()
        parties.pusher.answer(after: .milliseconds(50))
        let datasets = try await database.fill(histories: Self.active, active: Self.active)
        var source = WebhookSource(datasets: datasets, secret: secret)
        try await withIntegrator { integrator in
            for connections in options.connections {
                try await measure("\(connections)", connections: connections, integrator, &source)
            }
        }
    }

    /// Many connections at once, and others that say nothing or too little.
    func measurePressure() async throws {
        Report.heading(
            "Under pressure: 2,000 connections at work, and 2,000 more that are silent or half-way in a request")
        Self.loadHeading()
        parties.pusher.answer(after: .milliseconds(50))
        let datasets = try await database.fill(histories: 2 * Self.active, active: 2 * Self.active)
        var source = WebhookSource(datasets: datasets, secret: secret)
        try await withIntegrator { integrator in
            try await measure("2000", connections: 2000, integrator, &source)
            try await measure("256+2000", connections: 256, silent: 2000, integrator, &source)
            try await measure("256", connections: 256, integrator, &source)
        }
    }

    static func loadHeading() {
        Report.row(
            [
                "connections", "webhooks/s", "of limit", "p50 ms", "p99 ms", "max ms", "integrator", "mariadbd", "load",
                "RSS MiB", "events sent",
            ], widths: loadWidths)
    }

    /// One row of the table. The CPU seconds are of the measured time.
    func measure(
        _ name: String, connections: Int, silent: Int = 0, _ integrator: MeasuredProcess,
        _ source: inout WebhookSource
    ) async throws {
        Progress.show("\(name) connections")
        let before = try await database.events(after: 0).last
        let expected = (connections == 1 ? 8_000.0 : connections < 64 ? 30_000 : 45_000) * (options.seconds + 0.5)
        let webhooks = source.make(Int(expected) + 2 * connections, now: Self.seconds())
        let usage = Mutex<[(ProcessUsage, ProcessUsage, Int)]>([])
        let (pid, databaseProcess, pusher) = (integrator.pid, databaseProcess, parties.pusher)
        var generator = LoadGenerator(port: port, connections: connections)
        generator.silent = silent
        generator.duration = options.seconds
        let shared = Shared(usage)
        generator.onMeasure = { _ in
            let now = (ProcessUsage(of: pid), ProcessUsage(of: databaseProcess), pusher.counts.events)
            shared.value.withLock { $0.append(now) }
        }
        let result = try await Self.onThread { [generator] in try generator.run(webhooks) }
        let times = shared.value.withLock { $0 }
        guard times.count == 2 else { throw BenchmarkError("nothing was measured") }
        let percentiles = result.latencies.milliseconds([0.5, 0.99, 1])
        Report.row(
            [
                name, result.perSecond.whole, limit.map { "\((100 * result.perSecond / $0).whole) %" } ?? "-",
                percentiles[0].fixed(2), percentiles[1].fixed(2), percentiles[2].fixed(1),
                (times[1].0.cpuSeconds - times[0].0.cpuSeconds).fixed(2),
                (times[1].1.cpuSeconds - times[0].1.cpuSeconds).fixed(2), result.cpuSeconds.fixed(2),
                times[1].0.residentMiB.fixed(1), Double(times[1].2 - times[0].2).whole,
            ], widths: Self.loadWidths)
        let others = result.statuses.filter { $0.key != 200 }
        if !others.isEmpty { Report.line("other answers: \(others)") }
        if result.broken > 0 { Report.line("broken connections: \(result.broken)") }
        let stored = try await database.events(after: before).count
        guard stored == result.acknowledged else {
            throw BenchmarkError("\(result.acknowledged) webhooks were acknowledged, but \(stored) are stored")
        }
    }

    /// Lets closures share a lock.
    private final class Shared<T: Sendable>: Sendable {
        let value: Mutex<T>
        init(_ value: consuming sending Mutex<T>) { self.value = value }
    }

    /// Runs what blocks on a thread of its own.
    static func onThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { @Sendable in continuation.resume(with: Result { try body() }) }
        }
    }
}
