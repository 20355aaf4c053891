import Datasets
package import Telemetry

/// The log, and what is counted of requests. Callable from any thread.
package final class WebInstruments: Sendable {
    package let log: Logger
    package let requests: RequestMeter
    private let refused: [RefusedWebhook.Reason: Counter]

    package init(log: Logger, metrics: Metrics = Metrics()) {
        self.log = log
        refused = Dictionary(
            uniqueKeysWithValues: RefusedWebhook.Reason.allCases.map { reason in
                let counter = metrics.counter(
                    "integrator_webhooks_refused_total", help: "Webhooks that were not taken, by reason.",
                    labels: ["reason": reason.rawValue])
                return (reason, counter)
            })
        requests = RequestMeter(metrics)
    }

    /// Counts a webhook that was not taken.
    func refuse(_ reason: RefusedWebhook.Reason) {
        refused[reason]?.increment()
    }
}
