import MySQL
import Telemetry

/// Takes what waits in a lane, does it in one transaction, and tells everybody after the commit. While one batch commits the
/// next gathers: there is no timer, and no delay when idle.
///
/// - A conflict or a lost connection: the transaction is tried again as a whole, commit included. A commit whose answer was
///   lost may have succeeded: its webhooks are then found in the log and count once.
/// - Any other error: the batch is halved until the one that cannot be stored is alone.
/// - The database stays away: senders are told 503; what nobody waits for is kept.
struct LaneWriter {
    /// How often a transaction is tried, the first time included.
    private static let attempts = 6

    let lane: Lane
    let lanes: HistoryLanes
    let configuration: MySQLConfiguration
    let settings: BatchTransaction.Settings
    let batchSize: Int
    let dispatcher: Dispatcher
    let instruments: Instruments

    /// Runs until the lane is closed and empty, or closed and the database is away.
    func run() async {
        var connection: MySQLConnection?
        var known = KnownHistories()
        while let batch = await lane.take(maximum: batchSize) {
            let isStored = await process(batch, on: &connection, &known)
            if isStored { continue }
            if lane.isClosed { break }
            // Nobody is to spin on a database that is away; who comes meanwhile waits a moment.
            try? await Task.sleep(for: .milliseconds(Int64.random(in: 50...250)))
        }
        await connection?.close()
    }

    /// What the attempts at a batch have shown so far.
    private struct Attempts {
        var count = 1
        var checksAllKeys = false
        var recoversAll = false
    }

    /// - Returns: false if the database is away.
    private func process(
        _ batch: Batch, on connection: inout MySQLConnection?, _ known: inout KnownHistories,
        _ attempts: Attempts = Attempts()
    ) async -> Bool {
        var attempts = attempts
        while true {
            do throws(MySQLError) {
                try await commit(batch, on: &connection, &known, attempts)
                return true
            } catch {
                attempts.recoversAll = attempts.recoversAll || error.isOutcomeUnknown
                switch error.kind {
                case .duplicateKey("events_event_key") where !attempts.checksAllKeys:
                    attempts.checksAllKeys = true
                case .duplicateKey("histories_active_wishlist") where attempts.count < Self.attempts,
                    .conflict where attempts.count < Self.attempts,
                    .connectionLost where attempts.count < Self.attempts:
                    await pause(attempts.count)
                case .unreachable, .refused, .connectionLost, .timeout, .conflict, .closed:
                    giveUp(batch, error, .unavailable)
                    return false
                default:
                    let (first, second) = batch.halves()
                    if second.isEmpty {
                        giveUp(batch, error, .failed)
                        return true
                    }
                    let isStored = await process(first, on: &connection, &known, attempts)
                    return await process(second, on: &connection, &known, attempts) && isStored
                }
                attempts.count += 1
                instruments.retriedTransactions.increment()
            }
        }
    }

    /// One attempt; after the commit everybody is told.
    private func commit(
        _ batch: Batch, on connection: inout MySQLConnection?, _ known: inout KnownHistories, _ attempts: Attempts
    ) async throws(MySQLError) {
        let live = try await usable(&connection)
        let started = ContinuousClock.now
        var transaction = BatchTransaction(
            settings: settings, batch: batch, checksAllKeys: attempts.checksAllKeys, recoversAll: attempts.recoversAll)
        // Moved in and out again, so that it is never copied; whatever fails leaves nothing known.
        swap(&transaction.known, &known)
        let effects = try await transaction.commit(on: live)
        swap(&transaction.known, &known)
        instruments.committed(batch, effects, in: started.duration(to: .now))
        tell(batch, effects)
        if !effects.parked.isEmpty { await unparkKnown(effects.parked, on: live) }
    }

    private func usable(_ connection: inout MySQLConnection?) async throws(MySQLError) -> MySQLConnection {
        if let connection, connection.isUsable { return connection }
        let fresh = try await MySQLConnection.connect(configuration)
        connection = fresh
        return fresh
    }

    /// Full jitter, up to 10, 20, 40, ... ms.
    private func pause(_ attempt: Int) async {
        try? await Task.sleep(for: .milliseconds(Int64.random(in: 0...(5 << min(attempt, 6)))))
    }

    /// Answers, hands over what is owed, and takes note of what has been settled.
    private func tell(_ batch: Batch, _ effects: BatchTransaction.Effects) {
        for (pending, answer) in zip(batch.webhooks, effects.answers) { pending.answer(answer) }
        for (change, answer) in zip(batch.changes, effects.changes) {
            change.answer(answer.map(Result.success) ?? .failure(.noSuchHistory))
        }
        let (loads, settlements) = dispatcher.take(effects)
        for load in loads { lane.recover(load.historyID, after: load.after) }
        for settlement in settlements { lane.submit(settlement) }
    }

    /// A dataset may have become known between our reading and our commit; whoever made it known looked for parked webhooks
    /// before ours were committed. So both look again after their commit, and one of them sees the other: a node of a Galera
    /// cluster has by then what was committed before on any node.
    private func unparkKnown(_ datasetIDs: Set<Int64>, on connection: MySQLConnection) async {
        let sql: SQL = """
            SELECT DISTINCT p.dataset_id FROM wishlist_dataset_parked p \
            JOIN wishlist_dataset_histories h ON h.dataset_id = p.dataset_id \
            WHERE p.dataset_id IN \(list: datasetIDs.sorted())
            """
        do {
            for row in try await connection.query(sql) { lane.unpark([try row.int64(0)]) }
        } catch {
            // The sweep finds them.
            instruments.log.warning("parked webhooks not looked up", ["error": .string("\(error)")])
        }
    }

    private func giveUp(_ batch: Batch, _ error: MySQLError, _ answer: WebhookAnswer) {
        instruments.log.error("batch not stored", ["error": .string("\(error)"), "size": .int(batch.count)])
        for pending in batch.webhooks { pending.answer(answer) }
        for change in batch.changes { change.answer(.failure(error)) }
        if answer == .unavailable { lane.putBack(batch) }
    }
}

extension BatchTransaction {
    /// Runs it on the connection's thread, from BEGIN to COMMIT; rolls back if it fails.
    fileprivate mutating func commit(on connection: isolated MySQLConnection) async throws(MySQLError) -> Effects {
        do throws(MySQLError) {
            let effects = try run(on: connection)
            try connection.commit()
            return effects
        } catch {
            connection.rollback()
            throw error
        }
    }
}

extension MySQLError {
    /// The row is gone: somebody deleted it.
    static var noSuchHistory: MySQLError { MySQLError(kind: .other, message: "no such history") }
}
