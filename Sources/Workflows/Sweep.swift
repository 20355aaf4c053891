package import Lanes
package import MySQL
import Store
package import Telemetry

/// Finds what was left behind: pending creates, and parked webhooks whose dataset is known. At the start, and then slowly,
/// with jitter: what goes well never waits for it.
package struct Sweep {
    /// Between two looks, in milliseconds.
    private static let interval: ClosedRange<Int64> = 10_000...20_000
    /// After a look that did not get to the end: time to do what it found.
    private static let pause: Duration = .seconds(1)
    /// Datasets taken up in one look.
    private static let limit = 500

    let pool: MySQLPool
    let lanes: HistoryLanes
    let creates: PendingCreates
    let log: Logger

    package init(pool: MySQLPool, lanes: HistoryLanes, creates: PendingCreates, log: Logger) {
        self.pool = pool
        self.lanes = lanes
        self.creates = creates
        self.log = log
    }

    /// Sweeps until cancelled.
    package func run() async {
        while !Task.isCancelled {
            await creates.resume()
            let isMore = await once()
            try? await Task.sleep(for: isMore ? Self.pause : .milliseconds(Int64.random(in: Self.interval)))
        }
    }

    /// One look.
    /// - Returns: whether there was more than one look takes up.
    package func once() async -> Bool {
        do {
            let parked = try await pool.withConnection { connection in
                try connection.query(EventLog.parkedOfKnownStatement(limit: Self.limit)).map {
                    row throws(MySQLError) in try row.int64(0)
                }
            }
            for id in parked { lanes.lane(for: id).unpark([id]) }
            return parked.count == Self.limit
        } catch {
            log.warning("sweep failed", ["error": .string("\(error)")])
            return false
        }
    }
}
