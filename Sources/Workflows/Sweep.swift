package import Delivery
package import Lanes
package import MySQL
package import Telemetry

/// Finds what was left behind: owed notifications whose claim has run out, pending creates, parked webhooks whose dataset is
/// known. At the start, and then slowly, with jitter: what goes well never waits for it.
package struct Sweep {
    /// Between two looks, in milliseconds.
    private static let interval: ClosedRange<Int64> = 10_000...20_000
    /// After a look that did not get to the end: time to claim what it found.
    private static let pause: Duration = .seconds(1)
    /// Histories taken up in one look.
    private static let limit = 500

    let pool: MySQLPool
    let lanes: HistoryLanes
    let dispatcher: Dispatcher
    let creates: PendingCreates
    let log: Logger

    package init(pool: MySQLPool, lanes: HistoryLanes, dispatcher: Dispatcher, creates: PendingCreates, log: Logger) {
        self.pool = pool
        self.lanes = lanes
        self.dispatcher = dispatcher
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
            let (owed, parked) = try await pool.withConnection { connection in
                (
                    try connection.query(
                        """
                        SELECT id, dataset_id FROM wishlist_dataset_histories FORCE INDEX (histories_owed_since) \
                        WHERE owed_since IS NOT NULL \
                        AND (dispatch_until IS NULL OR dispatch_until < UTC_TIMESTAMP(6)) \
                        ORDER BY owed_since LIMIT \(Self.limit)
                        """),
                    try connection.query(
                        """
                        SELECT DISTINCT p.dataset_id FROM wishlist_dataset_parked p \
                        JOIN wishlist_dataset_histories h ON h.dataset_id = p.dataset_id LIMIT \(Self.limit)
                        """)
                )
            }
            // While Pusher fails, one is enough to find out when it does no longer.
            for row in dispatcher.pause == nil ? owed[...] : owed.prefix(1) {
                let id = try row.int64(0)
                lanes.recover(id, laneKey: try row.optionalInt64(1) ?? id)
            }
            for row in parked {
                let id = try row.int64(0)
                lanes.lane(of: id).unpark([id])
            }
            return owed.count == Self.limit && dispatcher.pause == nil
        } catch {
            log.warning("sweep failed", ["error": .string("\(error)")])
            return false
        }
    }
}
