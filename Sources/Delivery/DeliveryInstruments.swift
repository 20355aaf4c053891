package import Telemetry

/// The log, and what is counted where notifications are sent. Callable from any thread.
package final class DeliveryInstruments: Sendable {
    package let log: Logger
    let notificationsSent: Counter
    let notificationsDead: Counter
    /// From the transaction of a change to the answer of Pusher.
    let notificationSeconds: Histogram
    let pusherCalls: CallMeter

    package init(log: Logger, metrics: Metrics = Metrics()) {
        self.log = log
        let notifications = { (outcome: String) in
            metrics.counter(
                "integrator_notifications_total", help: "Notifications dealt with, by outcome.",
                labels: ["outcome": outcome])
        }
        notificationsSent = notifications("sent")
        notificationsDead = notifications("dead_letter")
        notificationSeconds = metrics.histogram(
            "integrator_notification_duration_seconds",
            help: "From the transaction that took a webhook in until Pusher has taken its notification.")
        pusherCalls = CallMeter(metrics, prefix: "integrator_pusher", name: "Pusher")
    }
}
