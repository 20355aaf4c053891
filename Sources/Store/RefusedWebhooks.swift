package import Datasets
package import MySQL
import Synchronization
package import Telemetry
import Time

/// Keeps the newest webhooks that were not taken where an operator finds them, and tells of them in the log, at most one line
/// a minute. Best effort: what cannot be written, or is too much, is lost; senders do not wait for it.
///
/// `note` is callable from any thread; `run` once, until cancelled.
package final class RefusedWebhooks: Sendable {
    /// So many are kept, in memory and in the table.
    package static let limit = 1000

    private struct State {
        /// Not in the table yet, the newest last.
        var waiting: [RefusedWebhook] = []
        /// Not logged yet.
        var counts: [RefusedWebhook.Reason: Int] = [:]
        var loggedAt: ContinuousClock.Instant?
    }

    private let pool: MySQLPool
    private let log: Logger
    private let gathering: Duration
    private let lineInterval: Duration
    private let state = Mutex(State())
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - gathering: how long refusals gather before they are written.
    ///   - lineInterval: between two lines in the log.
    package init(
        pool: MySQLPool, log: Logger, gathering: Duration = .seconds(2), lineInterval: Duration = .seconds(60)
    ) {
        self.pool = pool
        self.log = log
        self.gathering = gathering
        self.lineInterval = lineInterval
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Takes note of a refusal.
    /// - Parameter isKept: false: it is counted only, as one of too many.
    package func note(_ webhook: RefusedWebhook, isKept: Bool = true) {
        state.withLock { state in
            state.counts[webhook.reason, default: 0] += 1
            guard isKept else { return }
            if state.waiting.count == Self.limit { state.waiting.removeFirst() }
            state.waiting.append(webhook)
        }
        signal.yield()
    }

    /// Writes and tells what is noted, until cancelled; what came last too.
    package func run() async {
        for await _ in signals {
            repeat {
                try? await Task.sleep(for: gathering)
                await write()
            } while !tell(isLast: Task.isCancelled)
        }
        await write()
        _ = tell(isLast: true)
    }

    /// - Returns: whether nothing is left to be logged.
    private func tell(isLast: Bool) -> Bool {
        let counts = state.withLock { state -> [RefusedWebhook.Reason: Int]? in
            if state.counts.isEmpty { return [:] }
            let now = ContinuousClock.now
            if let loggedAt = state.loggedAt, now - loggedAt < lineInterval, !isLast { return nil }
            defer { (state.counts, state.loggedAt) = ([:], now) }
            return state.counts
        }
        guard let counts else { return false }
        if !counts.isEmpty {
            let reasons = RefusedWebhook.Reason.allCases.compactMap { reason in
                counts[reason].map { "\(reason.rawValue) \($0)" }
            }
            log.warning(
                "webhooks refused",
                [
                    "count": .int(counts.values.reduce(0, +)), "reasons": .string(reasons.joined(separator: ", ")),
                ])
        }
        return true
    }

    private func write() async {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        if waiting.isEmpty { return }
        // Being cancelled is no reason to lose them.
        await Task { await insert(waiting) }.value
    }

    private func insert(_ waiting: [RefusedWebhook]) async {
        do {
            try await pool.withConnection { connection in
                var sql: SQL =
                    "INSERT INTO integrator_refused_webhooks (refused_at, address, webhook_id, reason) VALUES "
                for (index, webhook) in waiting.enumerated() {
                    sql.append(
                        """
                        \(unescaped: index == 0 ? "" : ",")(\(webhook.time), \(webhook.address), \
                        \(webhook.webhookID), \(webhook.reason.rawValue))
                        """ as SQL)
                }
                try connection.execute(sql)
                let oldest = try connection.query(
                    "SELECT id FROM integrator_refused_webhooks ORDER BY id DESC LIMIT 1 OFFSET \(Self.limit)")
                if let oldest = try oldest.first?.int64(0) {
                    try connection.execute("DELETE FROM integrator_refused_webhooks WHERE id <= \(oldest)")
                }
            }
        } catch {
            log.debug(
                "refused webhooks not written", ["count": .int(waiting.count), "error": .string("\(error)")])
        }
    }

    /// The newest refusals, the newest first.
    /// - Parameter id: only those before this one, which a page before has ended with.
    package static func newest(
        _ limit: Int, before id: Int64? = nil, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [(id: Int64, webhook: RefusedWebhook)] {
        let rows = try connection.query(
            """
            SELECT id, refused_at, address, webhook_id, reason FROM integrator_refused_webhooks \
            WHERE id < \(id ?? .max) ORDER BY id DESC LIMIT \(min(limit, Self.limit))
            """)
        var refused: [(id: Int64, webhook: RefusedWebhook)] = []
        for row in rows {
            // One that a later version has written is left out.
            guard let reason = RefusedWebhook.Reason(rawValue: try row.string(4)) else { continue }
            refused.append(
                (
                    try row.int64(0),
                    RefusedWebhook(
                        time: try row.timestamp(1), address: try row.string(2),
                        webhookID: try row.optionalString(3), reason: reason)
                ))
        }
        return refused
    }
}
