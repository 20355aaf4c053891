package import Datasets
package import MySQL
package import Time

/// What one transaction of a lane takes up at once. One webhook is a batch of one.
package struct Batch: Sendable {
    /// A webhook whose sender waits for the answer.
    package struct PendingWebhook: Sendable {
        package let webhook: IncomingWebhook
        /// Called once, on the lane's thread, after the commit.
        package let answer: @Sendable (Outcome) -> Void

        /// When it came.
        package let since: ContinuousClock.Instant

        package init(
            webhook: IncomingWebhook, since: ContinuousClock.Instant = .now,
            answer: @escaping @Sendable (Outcome) -> Void
        ) {
            self.webhook = webhook
            self.since = since
            self.answer = answer
        }
    }

    /// A change that the service makes itself.
    package struct OwnChange: Sendable {
        package let historyID: Int64
        /// When it was asked for.
        package let since: ContinuousClock.Instant
        package let event: DatasetEvent
        /// Begins with a dot, which no `webhook-id` can. The same change made twice has the same key and counts once.
        package let key: String
        /// What the log keeps: an envelope like a webhook's.
        package let body: [UInt8]
        package var exceptSocketID: String?
        /// Looked at under the row's lock: the change is made only if it is true.
        package var condition: @Sendable (DatasetHistory, HistoryContext, Timestamp) -> Bool = { _, _, _ in true }
        /// Called once, on the lane's thread, after the commit or when it could not be made.
        package var answer: @Sendable (Result<ChangeAnswer, MySQLError>) -> Void

        package init(
            historyID: Int64, since: ContinuousClock.Instant = .now, event: DatasetEvent, key: String, body: [UInt8],
            exceptSocketID: String? = nil,
            condition: @escaping @Sendable (DatasetHistory, HistoryContext, Timestamp) -> Bool = { _, _, _ in true },
            answer: @escaping @Sendable (Result<ChangeAnswer, MySQLError>) -> Void
        ) {
            self.historyID = historyID
            self.since = since
            self.event = event
            self.key = key
            self.body = body
            self.exceptSocketID = exceptSocketID
            self.condition = condition
            self.answer = answer
        }
    }

    package var webhooks: [PendingWebhook] = []
    package var changes: [OwnChange] = []
    /// Datasets that became known, for which webhooks may be parked.
    var unparked: Set<Int64> = []

    package init() {}

    package var isEmpty: Bool { webhooks.isEmpty && changes.isEmpty && unparked.isEmpty }

    package var count: Int { webhooks.count + changes.count + unparked.count }

    /// Two batches with the same work; the second is empty if the work cannot be divided.
    func halves() -> (Batch, Batch) {
        var (first, second) = (Batch(), self)
        func move<C: RangeReplaceableCollection>(_ count: Int, _ from: inout C, _ to: inout C) {
            to.append(contentsOf: from.prefix(count))
            from.removeFirst(count)
        }
        // What has no sender goes with the second half.
        if webhooks.count + changes.count > 1 {
            move(webhooks.count / 2, &second.webhooks, &first.webhooks)
            if first.isEmpty { move((changes.count + 1) / 2, &second.changes, &first.changes) }
        } else if count > 1 {
            move(webhooks.count, &second.webhooks, &first.webhooks)
            move(changes.count, &second.changes, &first.changes)
            if first.isEmpty, let dataset = second.unparked.popFirst() { first.unparked = [dataset] }
        } else {
            swap(&first, &second)
        }
        return (first, second)
    }
}

/// What became of a change of our own.
package struct ChangeAnswer: Sendable {
    /// False: the condition or the history's status did not allow it.
    package var isApplied: Bool
    /// The history after it.
    package var history: DatasetHistory
    package var training: TrainingStatus
}
