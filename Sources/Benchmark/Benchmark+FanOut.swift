import Foundation
import MySQL

extension Benchmark {
    /// Datasets of the whole job: so many that hardly any progress is overtaken.
    private static let many = 10_000

    /// The whole job: each webhook stored, applied, acknowledged, and published to Pusher; beside it the same with
    /// datasets of which nobody wants notifications.
    func measureFanOut() async throws {
        Report.heading(
            """
            The whole job over 256 connections: signed, stored, applied, acknowledged and sent to Pusher \
            (\(Self.many) datasets); µs of CPU and counts of the database are per webhook
            """)
        let widths = [-26, 11, 8, 8, 8, 9, 7, 9, 9, 9, 9, 6, 13]
        Report.row(
            [
                "Pusher", "webhooks/s", "p50 ms", "p99 ms", "µs here", "µs maria", "load", "redo B", "pages", "updates",
                "queries", "sent", "to Pusher ms",
            ], widths: widths)
        for (name, delay, isWanted) in [
            ("answers at once", Duration.zero, true), ("nobody wants it", .zero, false),
            ("answers in 50 ms", .milliseconds(50), true),
        ] {
            Progress.show(name)
            parties.pusher.answer(after: delay)
            let datasets = try await database.fill(histories: Self.many, active: Self.many)
            if !isWanted { try await database.wantNothing() }
            var source = WebhookSource(datasets: datasets, secret: secret)
            try await withIntegrator { integrator in
                let row = try await measureWholeJob(integrator, &source)
                Report.row([name] + row, widths: widths)
            }
        }
        try await measureBurst()
    }

    private func measureWholeJob(
        _ integrator: MeasuredProcess, _ source: inout WebhookSource
    ) async throws -> [String] {
        let webhooks = source.make(Int(30_000 * (options.seconds + 0.5)), now: Self.seconds())
        let (usage, databaseUsage) = (integrator.usage, ProcessUsage(of: databaseProcess))
        let (counts, sent) = (try await database.counts(), parties.pusher.counts.notifications)
        _ = parties.pusher.takeSinceChange()
        var generator = LoadGenerator(port: port, connections: 256)
        generator.duration = options.seconds
        let result = try await Self.onThread { [generator] in try generator.run(webhooks) }
        let after = try await database.counts()
        let each = 1 / Double(max(1, result.acknowledged))
        let (here, there) = (integrator.usage, ProcessUsage(of: databaseProcess))
        let percentiles = result.latencies.milliseconds([0.5, 0.99])
        if result.statuses.contains(where: { $0.key != 200 }) { Report.line("other answers: \(result.statuses)") }
        return [
            result.perSecond.whole, percentiles[0].fixed(2), percentiles[1].fixed(2),
            ((here.cpuSeconds - usage.cpuSeconds) * 1e6 * each).fixed(1),
            ((there.cpuSeconds - databaseUsage.cpuSeconds) * 1e6 * each).fixed(1),
            (result.cpuSeconds * 1e6 / Double(max(1, result.measured))).fixed(1),
            (Double(after.redoBytes - counts.redoBytes) * each).fixed(0),
            (Double(after.pageReads - counts.pageReads) * each).fixed(1),
            (Double(after.rowUpdates - counts.rowUpdates) * each).fixed(2),
            (Double(after.statements - counts.statements) * each).fixed(3),
            (Double(parties.pusher.counts.notifications - sent) * each).fixed(2),
            parties.pusher.takeSinceChange().milliseconds([0.5])[0].fixed(2),
        ]
    }

    /// How fast what is owed goes out to a Pusher server that takes its time.
    private func measureBurst() async throws {
        Report.heading("One notification each of 5,000 datasets, to a Pusher server that answers in 50 ms")
        parties.pusher.answer(after: .milliseconds(50))
        let count = 5000
        let datasets = try await database.fill(histories: count, active: count)
        var source = WebhookSource(datasets: datasets, secret: secret)
        // The generator ends when a connection has nothing more to send.
        let webhooks = source.make(count + 257, now: Self.seconds())
        try await withIntegrator { _ in
            let before = parties.pusher.counts
            let start = Clock.now()
            var generator = LoadGenerator(port: port, connections: 256)
            (generator.warmUp, generator.duration) = (0, 30)
            _ = try await Self.onThread { [generator] in try generator.run(webhooks) }
            while parties.pusher.counts.notifications - before.notifications < count,
                Clock.now() - start < 60_000_000_000
            {
                try await Task.sleep(for: .milliseconds(2))
            }
            let seconds = Double(Clock.now() - start) / 1e9
            let (sent, requests) = (
                parties.pusher.counts.notifications - before.notifications,
                parties.pusher.counts.requests - before.requests
            )
            Report.line(
                "\(Double(sent).whole) in \(Double(requests).whole) requests: \((Double(sent) / seconds).whole) a second"
            )
        }
    }
}

/// What the server has done since its start.
struct DatabaseCounts: Sendable {
    var redoBytes = 0
    var pageReads = 0
    var rowUpdates = 0
    var statements = 0
}

extension BenchmarkDatabase {
    /// Counts of the server. Only rows of histories are updated.
    func counts() async throws -> DatabaseCounts {
        let connection = try await connect()
        var counts = DatabaseCounts()
        let rows = try await connection.query(
            """
            SHOW GLOBAL STATUS WHERE Variable_name IN ('Innodb_os_log_written', 'Innodb_buffer_pool_read_requests', \
            'Handler_update', 'Questions')
            """)
        await connection.close()
        for row in rows {
            let value = Int(try row.string(1)) ?? 0
            switch try row.string(0).lowercased() {
            case "innodb_os_log_written": counts.redoBytes = value
            case "innodb_buffer_pool_read_requests": counts.pageReads = value
            case "handler_update": counts.rowUpdates = value
            default: counts.statements = value
            }
        }
        return counts
    }

    /// Has nobody want notifications.
    func wantNothing() async throws {
        let connection = try await connect(statementTimeout: .seconds(60))
        try await connection.execute("UPDATE wishlist_dataset_histories SET notifications = 2")
        await connection.close()
    }
}
