import Datasets
import Synchronization

/// Work that waits for one of the writers. Each dataset always goes to the same lane, so that batches that commit side by
/// side in this process do not wait for each other's rows.
///
/// What is about a history that others have locked waits apart, in order, and is tried again from time to time; all else goes
/// on meanwhile. Callable from any thread; one writer takes.
package final class Lane: Sendable {
    private struct State: Sendable {
        var next = Batch()
        /// What waits for histories that others have locked, by `key`.
        var apart: [Int64: Apart] = [:]
        var apartCount = 0
        var writer: CheckedContinuation<Void, Never>?
        var isClosed = false
    }

    private struct Apart: Sendable {
        var batch = Batch()
        /// When to try again.
        var due: ContinuousClock.Instant
    }

    /// Bodies in one batch, in bytes.
    private static let maximumBytes = 4 << 20
    /// Datasets with parked webhooks, in one batch: each reads what it needs from the log.
    private static let maximumLoads = 200
    /// Between two tries of what waits for a locked history.
    static let retryDelay: Duration = .milliseconds(50)
    /// How long the sender of a webhook waits for a locked history.
    static let patience: Duration = .seconds(10)

    private let state = Mutex(State())
    /// Webhooks that may wait; more are answered 503.
    private let capacity: Int

    package init(capacity: Int = 4096) {
        self.capacity = capacity
    }

    /// Hands in a webhook.
    /// - Returns: false if too many wait or the lane is closed; then `answer` will not be called.
    package func submit(_ webhook: Batch.PendingWebhook) -> Bool {
        add { state in
            guard state.next.webhooks.count + state.apartCount < capacity else { return false }
            state.next.webhooks.append(webhook)
            return true
        }
    }

    /// Hands in a change of our own.
    /// - Returns: false if the lane is closed; then `answer` will not be called.
    package func submit(_ change: Batch.OwnChange) -> Bool {
        add { state in
            state.next.changes.append(change)
            return true
        }
    }

    /// Asks for the parked webhooks of a dataset to be applied.
    package func unpark(_ datasetIDs: some Collection<Int64>) {
        guard !datasetIDs.isEmpty else { return }
        _ = add { state in
            state.next.unparked.formUnion(datasetIDs)
            return true
        }
    }

    private func add(_ change: (inout State) -> Bool) -> Bool {
        let (isAdded, writer) = state.withLock { state in
            guard !state.isClosed, change(&state) else { return (false, nil as CheckedContinuation<Void, Never>?) }
            defer { state.writer = nil }
            return (true, state.writer)
        }
        writer?.resume()
        return isAdded
    }

    /// How many webhooks wait.
    var depth: Int { state.withLock { $0.next.webhooks.count + $0.apartCount } }

    /// Whether it takes no more.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Takes no more; what was handed in before is still given out.
    package func close() {
        state.withLock { $0.isClosed = true }
        wake()
    }

    private func wake() {
        let writer = state.withLock { state in
            defer { state.writer = nil }
            return state.writer
        }
        writer?.resume()
    }

    // MARK: The writer

    /// All that waits and may be tried, but at most `maximum` webhooks, with bodies of `maximumBytes` bytes at most unless one
    /// alone is larger, and so much of the rest as makes no huge transaction; waits for work if there is none.
    ///
    /// - Parameter isolation: whose thread it stays on.
    /// - Returns: nil once the lane is closed and empty.
    package func take(
        maximum: Int, maximumBytes: Int = .max, isolation: isolated (any Actor)? = #isolation
    ) async -> Batch? {
        while true {
            let (batch, isOver, due) = state.withLock { state in
                let batch = Self.take(&state, maximum, min(maximumBytes, Self.maximumBytes))
                return (batch, state.isClosed && state.apart.isEmpty, state.apart.values.map(\.due).min())
            }
            if let batch { return batch }
            if isOver { return nil }
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

    /// - Parameter due: when what waits apart is due.
    private func waitForWork(
        _ due: ContinuousClock.Instant?, isolation: isolated (any Actor)? = #isolation
    ) async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if !state.next.isEmpty || (due ?? .now) <= .now && (due != nil || state.isClosed) { return true }
                state.writer = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    private static func take(_ state: inout State, _ maximum: Int, _ maximumBytes: Int) -> Batch? {
        if !state.apart.isEmpty { sort(&state) }
        if state.next.isEmpty { return nil }
        var batch = state.next
        state.next = Batch()
        var bytes = 0
        let end = batch.webhooks.prefix(maximum).firstIndex { pending in
            defer { bytes += pending.webhook.body.count }
            return bytes > 0 && bytes + pending.webhook.body.count > maximumBytes
        }
        let count = end ?? min(maximum, batch.webhooks.count)
        if count < batch.webhooks.count {
            state.next.webhooks = Array(batch.webhooks[count...])
            batch.webhooks.removeSubrange(count...)
        }
        if batch.unparked.count > maximumLoads {
            state.next.unparked = Set(batch.unparked.dropFirst(maximumLoads))
            batch.unparked.subtract(state.next.unparked)
        }
        return batch
    }

    /// Puts what waits apart and is due before all else, and what has come meanwhile behind what still waits.
    private static func sort(_ state: inout State) {
        let now = ContinuousClock.now
        var first = Batch()
        for (key, apart) in state.apart where apart.due <= now {
            first.webhooks += apart.batch.webhooks
            first.changes += apart.batch.changes
            state.apartCount -= apart.batch.webhooks.count
            state.apart[key] = nil
        }
        for webhook in state.next.webhooks {
            guard state.apart[webhook.key] != nil else {
                first.webhooks.append(webhook)
                continue
            }
            state.apart[webhook.key]?.batch.webhooks.append(webhook)
            state.apartCount += 1
        }
        first.changes += state.next.changes
        first.unparked = state.next.unparked
        state.next = first
    }

    /// Takes back what is about histories that others have locked.
    /// - Returns: what has waited long enough.
    func setApart(_ batch: Batch, now: ContinuousClock.Instant = .now) -> Batch {
        var late = Batch()
        state.withLock { state in
            func keep(_ key: Int64, _ body: (inout Batch) -> Void) {
                body(&state.apart[key, default: Apart(due: now + Self.retryDelay)].batch)
            }
            for webhook in batch.webhooks {
                if now - webhook.since >= Self.patience {
                    late.webhooks.append(webhook)
                } else {
                    keep(webhook.key) { $0.webhooks.append(webhook) }
                    state.apartCount += 1
                }
            }
            for change in batch.changes {
                if now - change.since >= Self.patience {
                    late.changes.append(change)
                } else {
                    keep(-change.historyID) { $0.changes.append(change) }
                }
            }
        }
        return late
    }

    /// Puts back the work that nobody waits for, to be tried again.
    func putBack(_ batch: Batch) {
        state.withLock { $0.next.unparked.formUnion(batch.unparked) }
    }
}

extension Batch.PendingWebhook {
    /// What is about one dataset has one key.
    fileprivate var key: Int64 { webhook.datasetID ?? 0 }
}
