package import Datasets
import Synchronization

/// Work that waits for one of the writers. Each dataset always goes to the same lane, so that batches that commit side by
/// side in this process do not wait for each other's rows.
///
/// Callable from any thread; one writer takes.
package final class Lane: Sendable {
    private struct State: Sendable {
        var next = Batch()
        /// Places of settlements in `next`, by history.
        var settlementPlaces: [Int64: Int] = [:]
        /// When settlements in `next` are to be written at the latest; nil: there is none.
        var settlementsDue: ContinuousClock.Instant?
        var writer: CheckedContinuation<Void, Never>?
        var isClosed = false
    }

    /// Bodies in one batch, in bytes: written in hexadecimal they have to fit into the server's `max_allowed_packet`, which
    /// is 16 MiB at least.
    private static let maximumBytes = 4 << 20
    /// Settlements in one batch: one statement notes them.
    private static let maximumSettlements = 1000
    /// How long settlements wait for company, of each other or of something urgent: a transaction of their own for each would
    /// have the disk flushed twice for a webhook. Not longer, because what another instance has committed meanwhile is seen
    /// when settling, and because what is not settled is sent again after a crash.
    package static let settlementDelay: Duration = .milliseconds(20)
    /// Recoveries, and datasets with parked webhooks, in one batch: each reads what it needs from the log.
    private static let maximumLoads = 200

    private let state = Mutex(State())
    /// Webhooks that may wait; more are answered 503.
    private let capacity: Int

    package init(capacity: Int = 4096) {
        self.capacity = capacity
    }

    /// Hands in a webhook.
    /// - Returns: false if too many wait or the lane is closed; then `answer` will not be called.
    package func submit(_ webhook: Batch.PendingWebhook) -> Bool {
        add { batch in
            guard batch.webhooks.count < capacity else { return false }
            batch.webhooks.append(webhook)
            return true
        }
    }

    /// Hands in a change of our own.
    /// - Returns: false if the lane is closed; then `answer` will not be called.
    package func submit(_ change: Batch.OwnChange) -> Bool {
        add { batch in
            batch.changes.append(change)
            return true
        }
    }

    /// Hands in what has been settled. At most one for each history waits.
    package func submit(_ settlement: Settlement) {
        let writer = state.withLock { state in
            if state.isClosed { return nil as CheckedContinuation<Void, Never>? }
            if let place = state.settlementPlaces[settlement.historyID] {
                state.next.settlements[place].merge(settlement)
            } else {
                state.settlementPlaces[settlement.historyID] = state.next.settlements.count
                state.next.settlements.append(settlement)
            }
            // The writer knows already when it is to look.
            if state.settlementsDue != nil { return nil }
            state.settlementsDue = .now + Self.settlementDelay
            defer { state.writer = nil }
            return state.writer
        }
        writer?.resume()
    }

    /// Asks for the claim of a history and for what it owes after `revision`, read from the log.
    package func recover(_ historyID: Int64, after revision: Int64?) {
        _ = add { batch in
            batch.recoveries[historyID] = .some(revision)
            return true
        }
    }

    /// Asks for the parked webhooks of a dataset to be applied.
    package func unpark(_ datasetIDs: some Collection<Int64>) {
        guard !datasetIDs.isEmpty else { return }
        _ = add { batch in
            batch.unparked.formUnion(datasetIDs)
            return true
        }
    }

    private func add(_ change: (inout Batch) -> Bool) -> Bool {
        let (isAdded, writer) = state.withLock { state in
            guard !state.isClosed, change(&state.next) else {
                return (false, nil as CheckedContinuation<Void, Never>?)
            }
            defer { state.writer = nil }
            return (true, state.writer)
        }
        writer?.resume()
        return isAdded
    }

    /// How many webhooks wait.
    package var depth: Int { state.withLock { $0.next.webhooks.count } }

    /// Whether it takes no more.
    package var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Takes no more; what was handed in before is still given out.
    package func close() {
        let writer = state.withLock { state in
            state.isClosed = true
            defer { state.writer = nil }
            return state.writer
        }
        writer?.resume()
    }

    /// All that waits, but at most `maximum` webhooks, and so much of the rest as makes no huge transaction; waits for work
    /// if there is none, and a moment if there are only settlements.
    ///
    /// - Parameter isolation: whose thread it stays on.
    /// - Returns: nil once the lane is closed and empty.
    package func take(maximum: Int, isolation: isolated (any Actor)? = #isolation) async -> Batch? {
        while true {
            let (batch, isClosed, due) = state.withLock { state in
                (Self.take(&state, maximum: maximum), state.isClosed, state.settlementsDue)
            }
            if let batch { return batch }
            if isClosed { return nil }
            if let due {
                await withDiscardingTaskGroup { group in
                    group.addTask {
                        try? await Task.sleep(until: due)
                        self.wake()
                    }
                    await waitForWork(due)
                    group.cancelAll()
                }
            } else {
                await waitForWork(nil)
            }
        }
    }

    /// - Parameter due: when the settlements that are known of are due; if it is another time by now nobody would wake us.
    private func waitForWork(
        _ due: ContinuousClock.Instant?, isolation: isolated (any Actor)? = #isolation
    ) async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.isClosed || state.settlementsDue != due || Self.isReady(state) { return true }
                state.writer = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    private func wake() {
        let writer = state.withLock { state in
            defer { state.writer = nil }
            return state.writer
        }
        writer?.resume()
    }

    /// Whether there is something to be done now.
    private static func isReady(_ state: State) -> Bool {
        guard let due = state.settlementsDue, state.next.count == state.next.settlements.count else {
            return !state.next.isEmpty
        }
        return state.isClosed || due <= .now
    }

    private static func take(_ state: inout State, maximum: Int) -> Batch? {
        guard isReady(state) else { return nil }
        var batch = state.next
        state.next = Batch()
        state.settlementPlaces = [:]
        state.settlementsDue = nil
        var bytes = 0
        let end = batch.webhooks.prefix(maximum).firstIndex { pending in
            defer { bytes += pending.webhook.body.count }
            return bytes > 0 && bytes + pending.webhook.body.count > Self.maximumBytes
        }
        let count = end ?? min(maximum, batch.webhooks.count)
        if count < batch.webhooks.count {
            state.next.webhooks = Array(batch.webhooks[count...])
            batch.webhooks.removeSubrange(count...)
        }
        leave(&batch, in: &state)
        return batch
    }

    /// Leaves what is too much for one transaction: after an outage a claim may have run out on very many histories at once.
    private static func leave(_ batch: inout Batch, in state: inout State) {
        if batch.settlements.count > maximumSettlements {
            state.next.settlements = Array(batch.settlements[maximumSettlements...])
            batch.settlements.removeSubrange(maximumSettlements...)
            state.settlementsDue = .now
            for (place, settlement) in state.next.settlements.enumerated() {
                state.settlementPlaces[settlement.historyID] = place
            }
        }
        if batch.recoveries.count > maximumLoads {
            state.next.recoveries = Dictionary(
                uniqueKeysWithValues: batch.recoveries.dropFirst(maximumLoads).map { $0 })
            for historyID in state.next.recoveries.keys { batch.recoveries[historyID] = nil }
        }
        if batch.unparked.count > maximumLoads {
            state.next.unparked = Set(batch.unparked.dropFirst(maximumLoads))
            batch.unparked.subtract(state.next.unparked)
        }
    }

    /// Puts back the work that nobody waits for, to be tried again: settlements, recoveries, parked webhooks.
    package func putBack(_ batch: Batch) {
        state.withLock { state in
            for settlement in batch.settlements {
                if let place = state.settlementPlaces[settlement.historyID] {
                    var merged = settlement
                    merged.merge(state.next.settlements[place])
                    state.next.settlements[place] = merged
                } else {
                    state.settlementPlaces[settlement.historyID] = state.next.settlements.count
                    state.next.settlements.append(settlement)
                }
            }
            if !batch.settlements.isEmpty && state.settlementsDue == nil {
                state.settlementsDue = .now + Self.settlementDelay
            }
            state.next.recoveries.merge(batch.recoveries) { later, _ in later }
            state.next.unparked.formUnion(batch.unparked)
        }
    }
}
