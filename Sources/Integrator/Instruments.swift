import Delivery
import Lanes
import Telemetry
import Web

/// The log and the metrics of a running service, with what each room counts. Names and units follow Prometheus'
/// conventions.
final class Instruments: Sendable {
    let log: Logger
    let metrics: Metrics
    let lanes: LaneInstruments
    let delivery: DeliveryInstruments
    let web: WebInstruments
    let tvAPICalls: CallMeter

    init(log: Logger, metrics: Metrics = Metrics()) {
        self.log = log
        self.metrics = metrics
        lanes = LaneInstruments(log: log, metrics: metrics)
        delivery = DeliveryInstruments(log: log, metrics: metrics)
        web = WebInstruments(log: log, metrics: metrics)
        tvAPICalls = CallMeter(metrics, prefix: "integrator_tv_api", name: "the TV Python API")
    }
}
