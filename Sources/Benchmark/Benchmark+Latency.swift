import Foundation
import Synchronization

extension Benchmark {
    /// From a webhook to the request to Pusher, with nothing else going on; and what a start takes.
    func measureLatency() async throws {
        Report.heading("Idle: one webhook after the other, 10 ms between them")
        parties.pusher.answer(after: .zero)
        let datasets = try await database.fill(histories: Self.active, active: Self.active)
        var source = WebhookSource(datasets: datasets, secret: secret)
        let webhooks = source.make(200, now: Self.seconds())
        try await withIntegrator { integrator in
            let ready = integrator.millisecondsToReady
            try await Task.sleep(for: .milliseconds(300))
            let resident = integrator.usage.residentMiB
            let (acknowledged, published) = try await Self.onThread { [port, pusher = parties.pusher] in
                try Self.latencies(webhooks, port: port, pusher: pusher)
            }
            let (first, second) = (acknowledged.milliseconds([0.5, 0.99]), published.milliseconds([0.5, 0.99]))
            Report.line("webhook in to answer out:          p50 \(first[0].fixed(2)) ms, p99 \(first[1].fixed(2)) ms")
            Report.line("webhook in to Pusher request out:  p50 \(second[0].fixed(2)) ms, p99 \(second[1].fixed(2)) ms")
            Report.line("start of the process to ready:     \(ready.fixed(0)) ms")
            Report.line("resident memory before any load:   \(resident.fixed(1)) MiB")
        }
    }

    private static func latencies(
        _ webhooks: SignedWebhooks, port: UInt16, pusher: CountingPusher
    ) throws -> (acknowledged: Latencies, published: Latencies) {
        var (acknowledged, published) = (Latencies(), Latencies())
        let caller = try HTTPCaller(port: port)
        let arrival = Arrival()
        pusher.onRequest { arrival.note($0) }
        defer { pusher.onRequest(nil) }
        for index in 0..<webhooks.count {
            let request = Array(webhooks.bytes[webhooks.offsets[index]..<webhooks.offsets[index + 1]])
            let start = Clock.now()
            guard try caller.call(request).status == 200 else { throw BenchmarkError("a webhook was not taken") }
            acknowledged.add(nanoseconds: Clock.now() - start)
            guard let arrived = arrival.wait() else { throw BenchmarkError("nothing came to Pusher") }
            published.add(nanoseconds: arrived - start)
            usleep(10_000)
        }
        return (acknowledged, published)
    }

    /// When the last request came.
    private final class Arrival: Sendable {
        private let time = Mutex<UInt64?>(nil)
        private let semaphore = DispatchSemaphore(value: 0)

        func note(_ now: UInt64) {
            time.withLock { $0 = now }
            semaphore.signal()
        }

        func wait() -> UInt64? {
            guard semaphore.wait(timeout: .now() + 5) == .success else { return nil }
            return time.withLock { $0 }
        }
    }
}
