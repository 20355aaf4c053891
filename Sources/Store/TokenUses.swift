package import MySQL
import Synchronization
package import Telemetry

/// Writes `last_used_at` of tokens, beside the requests: whoever checks a token sees whether a minute has passed since the
/// last write, and notes it here; `run` writes. Each token is written at most once a minute, however many instances there
/// are, because the statement looks again.
///
/// `note` is callable from any thread; `run` once, until cancelled.
package final class TokenUses: Sendable {
    /// Tokens that may wait to be written; more are left out until they are used again.
    private static let limit = 10_000

    private let pool: MySQLPool
    private let log: Logger
    private let waiting = Mutex<Set<Int64>>([])
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    package init(pool: MySQLPool, log: Logger) {
        self.pool = pool
        self.log = log
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Has a token's use written.
    package func note(_ tokenID: Int64) {
        let isNew = waiting.withLock { $0.count < Self.limit && $0.insert(tokenID).inserted }
        if isNew { signal.yield() }
    }

    /// Writes what is noted, until cancelled.
    package func run() async {
        for await _ in signals {
            let ids = waiting.withLock { waiting in
                defer { waiting = [] }
                return waiting.sorted()
            }
            for id in ids { await write(id) }
        }
    }

    private func write(_ id: Int64) async {
        do {
            try await pool.withConnection { connection in
                try connection.execute(
                    """
                    UPDATE personal_access_tokens SET last_used_at = \(connection.consoleTime.now)\
                    \(try connection.keepingTimes(of: "personal_access_tokens", but: ["last_used_at"])) \
                    WHERE id = \(id) AND \(connection.consoleTime.isTokenUseDue)
                    """)
            }
        } catch {
            log.debug("last_used_at not written", ["token_id": .int(Int(id)), "error": .string("\(error)")])
        }
    }
}
