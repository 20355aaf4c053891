package import Telemetry

/// The log, and the metrics that are counted where things happen. Names and units follow Prometheus' conventions.
package final class Instruments: Sendable {
    package let log: Logger
    package let metrics: Metrics

    /// By type, the last for those this service does not know, and then by outcome.
    private let webhooks: [[Counter]]
    private let refused: [String: Counter]
    let webhookConflicts: Counter
    let batchSize: Histogram
    let commitSeconds: Histogram
    let retriedTransactions: Counter
    let notificationsSent: Counter
    let notificationsDead: Counter
    let requests: RequestMeter
    let pusherCalls: CallMeter
    let tvAPICalls: CallMeter

    /// The `outcome` of `integrator_webhooks_total`.
    enum EventOutcomeLabel: Int, CaseIterable {
        case applied, duplicate, stale, ignored, parked, rejected, unavailable, failed

        var label: String { "\(self)" }

        init(_ answer: WebhookAnswer) {
            self =
                switch answer {
                case .applied: .applied
                case .duplicate: .duplicate
                case .stale: .stale
                case .ignored: .ignored
                case .parked: .parked
                case .rejected: .rejected
                case .unavailable: .unavailable
                case .failed: .failed
                }
        }

        init(_ outcome: EventOutcome) {
            self =
                switch outcome {
                case .applied: .applied
                case .stale: .stale
                case .ignored: .ignored
                case .parked: .parked
                case .rejected: .rejected
                }
        }
    }

    /// The label of types that this service does not know.
    private static let otherType = "other"

    package init(log: Logger, metrics: Metrics = Metrics()) {
        self.log = log
        self.metrics = metrics
        webhooks = (DatasetEventType.webhooks.map(\.rawValue) + [Self.otherType]).map { type in
            EventOutcomeLabel.allCases.map { outcome in
                metrics.counter(
                    "integrator_webhooks_total", help: "Webhooks rightly signed, by type and outcome.",
                    labels: ["type": type, "outcome": outcome.label])
            }
        }
        refused = Dictionary(
            uniqueKeysWithValues: ["signature", "rate_limited", "queue_full"].map { reason in
                let counter = metrics.counter(
                    "integrator_webhooks_refused_total", help: "Webhooks that were not taken, by reason.",
                    labels: ["reason": reason])
                return (reason, counter)
            })
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
        let notifications = { (outcome: String) in
            metrics.counter(
                "integrator_notifications_total", help: "Notifications dealt with, by outcome.",
                labels: ["outcome": outcome])
        }
        notificationsSent = notifications("sent")
        notificationsDead = notifications("dead_letter")
        requests = RequestMeter(metrics)
        pusherCalls = CallMeter(metrics, prefix: "integrator_pusher", name: "Pusher")
        tvAPICalls = CallMeter(metrics, prefix: "integrator_tv_api", name: "the TV Python API")
    }

    /// Counts what a lane has committed, and logs each change of a status.
    func committed(_ batch: Batch, _ effects: BatchTransaction.Effects, in time: Duration) {
        commitSeconds.observe(time)
        if !batch.webhooks.isEmpty { batchSize.observe(Double(batch.webhooks.count)) }
        for (pending, answer) in zip(batch.webhooks, effects.answers) { count(pending.webhook, answer) }
        for (type, outcome) in effects.unparked { counter(type, EventOutcomeLabel(outcome)).increment() }
        for id in effects.conflicts {
            webhookConflicts.increment()
            log.warning("webhook id came again with another body", ["webhook_id": .string(id)])
        }
        for (status, history) in effects.transitions { logChange(from: status, history) }
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
    func count(_ webhook: IncomingWebhook, _ answer: WebhookAnswer) {
        let outcome = EventOutcomeLabel(answer)
        counter(webhook.type, outcome).increment()
        log.debug(
            "webhook",
            [
                "webhook_id": .string(webhook.id), "type": .string(webhook.type?.rawValue ?? Self.otherType),
                "outcome": .string(outcome.label),
            ])
        if case .rejected(let reason) = answer {
            log.warning("webhook rejected", ["webhook_id": .string(webhook.id), "reason": .string(reason)])
        }
    }

    private func counter(_ type: DatasetEventType?, _ outcome: EventOutcomeLabel) -> Counter {
        let place = type.flatMap(DatasetEventType.webhooks.firstIndex) ?? DatasetEventType.webhooks.count
        return webhooks[place][outcome.rawValue]
    }

    /// Counts a webhook that was not taken: `signature`, `rate_limited` or `queue_full`.
    func refuse(_ reason: String) {
        refused[reason]?.increment()
    }
}
