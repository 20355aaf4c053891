import Datasets
import Store
package import Telemetry

/// The log, and what is counted where batches are committed. Callable from any thread.
package final class LaneInstruments: Sendable {
    package let log: Logger

    /// By type, the last for those this service does not know, and then by outcome.
    private let webhooks: [[Counter]]
    private let webhookConflicts: Counter
    private let batchSize: Histogram
    private let commitSeconds: Histogram
    let retriedTransactions: Counter
    private let ended: [HistoryStatus: Counter]

    /// The label of types that this service does not know.
    private static let otherType = "other"

    package init(log: Logger, metrics: Metrics = Metrics()) {
        self.log = log
        webhooks = (DatasetEventType.webhooks.map(\.rawValue) + [Self.otherType]).map { type in
            Outcome.labels.map { outcome in
                metrics.counter(
                    "integrator_webhooks_total", help: "Webhooks rightly signed, by type and outcome.",
                    labels: ["type": type, "outcome": outcome])
            }
        }
        webhookConflicts = metrics.counter(
            "integrator_webhook_conflicts_total", help: "Webhook ids that came again with another body.")
        batchSize = metrics.histogram(
            "integrator_batch_webhooks", help: "Webhooks in one transaction.",
            buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512])
        commitSeconds = metrics.histogram(
            "integrator_transaction_duration_seconds", help: "From BEGIN to the answer of COMMIT.")
        retriedTransactions = metrics.counter(
            "integrator_transactions_retried_total",
            help: "Transactions tried again after a conflict or a lost connection.")
        ended = Dictionary(
            uniqueKeysWithValues: HistoryStatus.allCases.filter { !$0.isActive }.map { status in
                let counter = metrics.counter(
                    "integrator_datasets_ended_total", help: "Datasets that were built no longer, by status.",
                    labels: ["status": status.label])
                return (status, counter)
            })
    }

    /// Counts what a lane has committed, and logs each change of a status.
    func committed(_ batch: Batch, _ effects: BatchTransaction.Effects, in time: Duration) {
        commitSeconds.observe(time)
        if !batch.webhooks.isEmpty { batchSize.observe(Double(batch.webhooks.count)) }
        for (pending, answer) in zip(batch.webhooks, effects.answers) {
            if let answer { count(pending.webhook, answer) }
        }
        for (type, outcome) in effects.unparked { counter(type, outcome).increment() }
        for id in effects.conflicts {
            webhookConflicts.increment()
            log.warning("webhook id came again with another body", ["webhook_id": .string(id)])
        }
        for (status, history) in effects.transitions {
            ended[history.status]?.increment()
            logChange(from: status, history)
        }
    }

    private func logChange(from status: HistoryStatus, _ history: DatasetHistory) {
        let dataset = history.datasetID.map(String.init) ?? "-"
        log.info(
            "dataset changed",
            [
                "history_id": .int(Int(history.id)), "dataset_id": .string(dataset), "from": .string(status.label),
                "to": .string(history.status.label), "revision": .int(Int(history.revision)),
            ])
    }

    /// Counts a webhook and its answer.
    private func count(_ webhook: IncomingWebhook, _ outcome: Outcome) {
        counter(webhook.type, outcome).increment()
        log.debug(
            "webhook",
            [
                "webhook_id": .string(webhook.id), "type": .string(webhook.type?.rawValue ?? Self.otherType),
                "outcome": .string(outcome.label),
            ])
        if let reason = outcome.reason {
            log.warning("webhook rejected", ["webhook_id": .string(webhook.id), "reason": .string(reason)])
        }
    }

    private func counter(_ type: DatasetEventType?, _ outcome: Outcome) -> Counter {
        let place = type.flatMap(DatasetEventType.webhooks.firstIndex) ?? DatasetEventType.webhooks.count
        return webhooks[place][outcome.place]
    }
}
