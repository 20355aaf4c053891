import Datasets
package import Delivery
import Lanes
import MySQL
import Store

/// Applies events again that changed nothing, as if they came now (spec, section 7).
package struct Replay: Sendable {
    /// Events that are taken in one transaction.
    private static let batch = 100

    private let desk: OperatorDesk
    private let dispatcher: Dispatcher

    /// - Parameter dispatcher: of the instance that then delivers what is owed.
    package init(desk: OperatorDesk, dispatcher: Dispatcher) {
        self.desk = desk
        self.dispatcher = dispatcher
    }

    /// Says what would become of them, and changes nothing.
    package static func dryRun(_ ids: [Int64], desk: OperatorDesk) async throws -> Table {
        let settings = BatchTransaction.Settings(instance: 1, deadlineSeconds: desk.deadlineSeconds)
        var all: [BatchTransaction.Replayed] = []
        for some in batches(ids) {
            do {
                try await desk.pool.withTransaction { connection in
                    var transaction = BatchTransaction(settings: settings, batch: Batch(), checksAllKeys: true)
                    throw DryRun(replayed: try transaction.replay(some, on: connection).replayed)
                }
            } catch let run as DryRun {
                all += run.replayed
            }
        }
        return table(all)
    }

    /// Applies them, and hands over what is owed then.
    /// - Parameter target: what is recorded: the ids, or the filter.
    package func run(_ ids: [Int64], _ target: String, by actor: String) async throws -> Table {
        try await desk.recorded("events replay", target, by: actor) {
            let instance = try await desk.pool.withConnection { try dispatcher.lease(on: $0) }
            let settings = BatchTransaction.Settings(instance: instance, deadlineSeconds: desk.deadlineSeconds)
            var all: [BatchTransaction.Replayed] = []
            for some in Self.batches(ids) {
                let (replayed, effects) = try await desk.pool.withTransaction { connection in
                    var transaction = BatchTransaction(settings: settings, batch: Batch(), checksAllKeys: true)
                    return try transaction.replay(some, on: connection)
                }
                dispatcher.take(effects.outbox, for: instance)
                all += replayed
            }
            let applied = all.count { $0.after == .applied }
            return (Self.table(all), all.count { $0.after != $0.before }, "\(applied) of \(ids.count) applied")
        }
    }

    /// Ends a dry run's transaction.
    private struct DryRun: Error {
        let replayed: [BatchTransaction.Replayed]
    }

    private static func batches(_ ids: [Int64]) -> [[Int64]] {
        stride(from: 0, to: ids.count, by: batch).map { Array(ids[$0..<min($0 + batch, ids.count)]) }
    }

    private static func table(_ replayed: [BatchTransaction.Replayed]) -> Table {
        var table = Table("id", "type", "dataset_id", "history_id", "before", "now", "revision", "reason")
        for event in replayed {
            table.add(
                .number(event.id), .text(event.type), .number(event.datasetID), .number(event.historyID),
                .text(event.before.label), .text(event.after.label), .number(event.revision), .text(event.reason))
        }
        return table
    }
}
