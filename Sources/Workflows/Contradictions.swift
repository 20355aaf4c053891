import Datasets
import TVPython
package import Telemetry

/// What the TV Python API says that cannot be: none of it passes without a line in the log and a count.
package struct Contradictions: Sendable {
    private let log: Logger
    private let answers: Counter
    private let redeliveries: Counter

    package init(metrics: Metrics, log: Logger) {
        self.log = log
        let counter = { (kind: String) in
            metrics.counter(
                "integrator_contradictions_total", help: "What the TV Python API says that cannot be, by kind.",
                labels: ["kind": kind])
        }
        answers = counter("create_answer")
        redeliveries = counter("redelivery_refused")
    }

    /// A create is answered with another dataset than webhooks have named.
    func createAnswer(_ datasetID: Int64, of history: DatasetHistory) {
        answers.increment()
        log.error(
            "create answered with another dataset than webhooks have named",
            [
                "history_id": .int(Int(history.id)), "reference": .string(history.reference ?? ""),
                "dataset_id": .int(Int(history.datasetID ?? 0)), "answered_dataset_id": .int(Int(datasetID)),
            ])
    }

    /// The webhooks of a dataset that was accepted are not given again.
    func redeliveryRefused(_ refusal: TVPythonAPI.Refusal, of datasetID: Int64) {
        redeliveries.increment()
        log.error(
            "webhooks not given again",
            [
                "dataset_id": .int(Int(datasetID)), "status": .int(refusal.status), "reason": .string("\(refusal)"),
            ])
    }
}
