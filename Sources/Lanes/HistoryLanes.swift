package import Datasets
package import Delivery
package import MySQL
package import Time

/// All changes of histories that this process makes go through here: webhooks and changes of its own. A lane is a queue with
/// a writer of its own, on a database connection of its own.
///
/// Callable from any thread. `run()` once; it ends when `close()` has been called and all that was handed in is done.
package final class HistoryLanes: Sendable {
    private let lanes: [Lane]
    private let configuration: MySQLConfiguration
    private let pool: MySQLPool
    private let deadlineSeconds: Int64
    private let dispatcher: Dispatcher
    private let instruments: LaneInstruments
    private let batchSize: Int

    /// - Parameters:
    ///   - count: lanes, each with a connection.
    ///   - batchSize: webhooks in one transaction at most.
    ///   - capacity: webhooks that may wait in one lane.
    ///   - pool: gives up connections for the writers where the server takes no more.
    ///   - dispatcher: delivers the notifications that arise.
    package init(
        count: Int = 2, batchSize: Int = 256, capacity: Int = 2048, configuration: MySQLConfiguration,
        pool: MySQLPool, deadlineSeconds: Int64, dispatcher: Dispatcher, instruments: LaneInstruments
    ) {
        lanes = (0..<count).map { _ in Lane(capacity: capacity) }
        self.batchSize = batchSize
        self.configuration = configuration
        self.pool = pool
        self.deadlineSeconds = deadlineSeconds
        self.dispatcher = dispatcher
        self.instruments = instruments
    }

    /// The lane of a dataset, or of a history that has none yet: always the same one, so that batches side by side do not wait
    /// for each other's rows. It is a matter of speed only: rows are locked in the database.
    package func lane(for id: Int64) -> Lane {
        lanes[Int(UInt64(bitPattern: id) % UInt64(lanes.count))]
    }

    /// How many webhooks wait in each lane.
    package var depths: [Int] { lanes.map(\.depth) }

    /// Makes a change of our own and waits until it is committed.
    ///
    /// - Throws: `MySQLError` if it could not be; then it is not known whether it was made only if `isOutcomeUnknown`.
    package func make(
        _ event: DatasetEvent, of historyID: Int64, key: String, body: [UInt8], exceptSocketID: String? = nil,
        condition: @escaping @Sendable (DatasetHistory, HistoryContext, Timestamp) -> Bool = { _, _, _ in true }
    ) async throws(MySQLError) -> ChangeAnswer {
        let result = await withCheckedContinuation { continuation in
            let change = Batch.OwnChange(
                historyID: historyID, event: event, key: key, body: body, exceptSocketID: exceptSocketID,
                condition: condition, answer: { continuation.resume(returning: $0) })
            if !lane(for: event.datasetID ?? historyID).submit(change) {
                continuation.resume(returning: .failure(.stopped))
            }
        }
        return try result.get()
    }

    /// Writes until closed.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for lane in lanes {
                let writer = LaneWriter(
                    lane: lane, lanes: self, configuration: configuration, pool: pool, deadlineSeconds: deadlineSeconds,
                    batchSize: batchSize, dispatcher: dispatcher, instruments: instruments)
                group.addTask { await writer.run() }
            }
        }
    }

    /// Takes no more.
    package func close() {
        for lane in lanes { lane.close() }
    }
}

extension MySQLError {
    /// The service is stopping.
    static var stopped: MySQLError { MySQLError(kind: .closed, message: "the service is stopping") }
}
