import Datasets
import Delivery
import MySQL
import Store
import Telemetry

/// Takes what waits in a lane, does it in one transaction, and tells everybody after the commit. While one batch commits the
/// next gathers: no webhook waits for a timer, and there is no delay when idle.
///
/// - A conflict or a lost connection: the transaction is tried again as a whole, commit included. A commit whose answer was
///   lost may have succeeded: its webhooks are then found in the log and count once.
/// - A history that others have locked: what is about it is set apart, and the rest goes on.
/// - Any other error: the batch is halved until the one that cannot be stored is alone.
/// - The database stays away: senders are told 503; what nobody waits for is kept.
struct LaneWriter {
    /// How often a transaction is tried, the first time included.
    private static let attempts = 6

    let lane: Lane
    let lanes: HistoryLanes
    let configuration: MySQLConfiguration
    let pool: MySQLPool
    let deadlineSeconds: Int64
    let batchSize: Int
    let dispatcher: Dispatcher
    let instruments: LaneInstruments

    /// A part of what was taken from the lane, and what the attempts at it have shown so far.
    private struct Work: Sendable {
        var batch: Batch
        var attempts = 1
        var checksAllKeys = false
        var mayBeCommitted = false
    }

    /// Runs until the lane is closed and empty, or closed and the database is away. It connects before there is work: later
    /// the server may have given all connections to others.
    func run() async {
        var ready = try? await pool.connectAhead(configuration)
        while let batch = await lane.take(maximum: batchSize) {
            var rest = [Work(batch: batch)]
            while !rest.isEmpty {
                var goesOn = true
                do throws(MySQLError) {
                    let connection: MySQLConnection
                    if let first = ready {
                        connection = first
                    } else {
                        connection = try await pool.connectAhead(configuration)
                    }
                    ready = nil
                    goesOn = await write(&rest, on: connection)
                    await connection.close()
                } catch {
                    goesOn = await failed(&rest, error)
                }
                if !goesOn { return }
            }
        }
        await ready?.close()
    }

    /// Writes, on the connection's own thread, until the connection is lost or the lane closed and empty. What the lane knows
    /// is known to one connection: whatever fails leaves nothing known.
    /// - Parameter rest: what is not done yet, the next part last.
    /// - Returns: false if the lane is closed and the database is away.
    private func write(_ rest: inout [Work], on connection: isolated MySQLConnection) async -> Bool {
        var rowCache = RowCache()
        while connection.isUsable {
            if rest.isEmpty {
                let bytes = Self.bodies(in: connection.maximumPacketBytes)
                guard let batch = await lane.take(maximum: batchSize, maximumBytes: bytes) else { return true }
                rest = [Work(batch: batch)]
            }
            let work = rest[rest.count - 1]
            let started = ContinuousClock.now
            do throws(MySQLError) {
                let settings = BatchTransaction.Settings(
                    instance: try dispatcher.lease(on: connection), deadlineSeconds: deadlineSeconds,
                    delivered: dispatcher.delivered)
                var transaction = BatchTransaction(
                    settings: settings, batch: work.batch, checksAllKeys: work.checksAllKeys,
                    mayBeCommitted: work.mayBeCommitted)
                swap(&transaction.rowCache, &rowCache)
                let effects = try transaction.commit(on: connection)
                swap(&transaction.rowCache, &rowCache)
                rest.removeLast()
                instruments.committed(work.batch, effects, in: started.duration(to: .now))
                dispatcher.take(effects.outbox, unread: effects.unread, for: settings.instance)
                tell(work.batch, effects)
                if !effects.parked.isEmpty { unparkKnown(effects.parked, on: connection) }
            } catch {
                rowCache = RowCache()
                guard await failed(&rest, error) else { return false }
            }
        }
        return true
    }

    /// Bytes of bodies, written in hexadecimal, that a statement takes beside the rest of their rows.
    private static func bodies(in statement: Int) -> Int { max(1, (statement - statement / 8) / 2) }

    /// What is to be done about the last of `rest`, which could not be stored; if the database is away, about all of it.
    /// - Returns: false if the lane is closed and the database is away.
    private func failed(_ rest: inout [Work], _ error: MySQLError) async -> Bool {
        guard var work = rest.popLast() else { return true }
        work.mayBeCommitted = work.mayBeCommitted || error.isOutcomeUnknown
        switch error.kind {
        case .duplicateKey("events_event_key") where !work.checksAllKeys:
            work.checksAllKeys = true
        case .duplicateKey("histories_active_wishlist") where work.attempts < Self.attempts,
            .conflict where work.attempts < Self.attempts,
            .connectionLost where work.attempts < Self.attempts:
            await pause(work.attempts)
        case _ where error.passes:
            for work in [work] + rest.reversed() { giveUp(work.batch, error, .unavailable) }
            rest = []
            if lane.isClosed { return false }
            // Nobody is to spin on a database that is away; who comes meanwhile waits a moment.
            try? await Task.sleep(for: .milliseconds(Int64.random(in: 50...250)))
            return true
        default:
            let (first, second) = work.batch.halves()
            if second.isEmpty {
                giveUp(work.batch, error, .failed)
                return true
            }
            for half in [second, first] {
                work.batch = half
                rest.append(work)
            }
            return true
        }
        work.attempts += 1
        rest.append(work)
        instruments.retriedTransactions.increment()
        return true
    }

    /// Full jitter, up to 10, 20, 40, ... ms.
    private func pause(_ attempt: Int) async {
        try? await Task.sleep(for: .milliseconds(Int64.random(in: 0...(5 << min(attempt, 6)))))
    }

    /// Answers, and sets apart what is about histories that others have locked.
    private func tell(_ batch: Batch, _ effects: BatchTransaction.Effects) {
        var locked = Batch()
        for (pending, answer) in zip(batch.webhooks, effects.answers) {
            if let answer { pending.answer(answer) } else { locked.webhooks.append(pending) }
        }
        for (index, (change, answer)) in zip(batch.changes, effects.changes).enumerated() {
            if effects.lockedChanges.contains(index) {
                locked.changes.append(change)
            } else {
                change.answer(answer.map(Result.success) ?? .failure(.noSuchHistory))
            }
        }
        if locked.isEmpty { return }
        let late = lane.setApart(locked)
        if !late.isEmpty { giveUp(late, .locked, .unavailable) }
    }

    /// A dataset may have become known between our reading and our commit; whoever made it known looked for parked webhooks
    /// before ours were committed. So both look again after their commit, and one of them sees the other: a node of a Galera
    /// cluster has by then what was committed before on any node.
    private func unparkKnown(_ datasetIDs: Set<Int64>, on connection: isolated MySQLConnection) {
        let statement = EventLog.parkedOfKnownStatement(among: datasetIDs.sorted())
        do {
            for row in try connection.query(statement) { lane.unpark([try row.int64(0)]) }
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
    fileprivate mutating func commit(on connection: isolated MySQLConnection) throws(MySQLError) -> Effects {
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
    /// Others have locked the row for too long.
    fileprivate static var locked: MySQLError {
        MySQLError(kind: .conflict, message: "the history is locked by another session")
    }

    /// The row is gone: somebody deleted it.
    static var noSuchHistory: MySQLError { MySQLError(kind: .other, message: "no such history") }
}
