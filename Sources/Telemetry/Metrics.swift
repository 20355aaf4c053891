import Synchronization

/// Counters, gauges and histograms, and their text for Prometheus (exposition format 0.0.4).
///
/// Ask for a handle once and keep it: asking takes a lock, using it does not. The same name and labels give the same
/// handle. What cannot be (an invalid name, one name for two types or helps, labels of other names than before) is a
/// programming error and traps; so do not make labels of what comes from outside.
public final class Metrics: Sendable {
    private let families = Mutex<[String: MetricFamily]>([:])

    /// An empty registry.
    public init() {}

    /// A number that only grows; by convention its name ends in `_total`.
    public func counter(_ name: String, help: String, labels: KeyValuePairs<String, String> = [:]) -> Counter {
        let series = find(name, help, "counter", labels) { .counter(Counter()) }
        guard case .counter(let counter) = series else { preconditionFailure("\(name) is no counter") }
        return counter
    }

    /// A number that is set.
    public func gauge(_ name: String, help: String, labels: KeyValuePairs<String, String> = [:]) -> Gauge {
        let series = find(name, help, "gauge", labels) { .gauge(Gauge()) }
        guard case .gauge(let gauge) = series else { preconditionFailure("\(name) is read by a function") }
        return gauge
    }

    /// A number that is read when it is asked for, on the thread that renders; NaN if it is not known.
    public func gauge(
        _ name: String, help: String, labels: KeyValuePairs<String, String> = [:],
        read: @escaping @Sendable () -> Double
    ) {
        add(name, help, "gauge", labels, read)
    }

    private func add(
        _ name: String, _ help: String, _ type: String, _ labels: KeyValuePairs<String, String>,
        _ read: @escaping @Sendable () -> Double
    ) {
        var isNew = false
        _ = find(name, help, type, labels) {
            isNew = true
            return .read(read)
        }
        precondition(isNew, "\(name) is registered twice")
    }

    /// A number that only grows and is counted elsewhere, read when it is asked for, on the thread that renders.
    public func counter(
        _ name: String, help: String, labels: KeyValuePairs<String, String> = [:],
        read: @escaping @Sendable () -> Double
    ) {
        add(name, help, "counter", labels, read)
    }

    /// A distribution over buckets.
    /// - Parameter buckets: their inclusive upper bounds, ascending; the one without bound is added.
    public func histogram(
        _ name: String, help: String, buckets: [Double] = Histogram.latencies,
        labels: KeyValuePairs<String, String> = [:]
    ) -> Histogram {
        precondition(!labels.contains { $0.key == "le" }, "the label le is the histogram's own")
        let series = find(name, help, "histogram", labels) { .histogram(Histogram(bounds: buckets)) }
        guard case .histogram(let histogram) = series else { preconditionFailure("\(name) is no histogram") }
        precondition(histogram.bounds == buckets, "\(name) has other buckets")
        return histogram
    }

    /// All metrics, sorted by name and labels; the content type is `text/plain; version=0.0.4; charset=utf-8`.
    public func render() -> String {
        let families = families.withLock { $0 }
        return families.sorted { $0.key < $1.key }.map { $0.value.render(name: $0.key) }.joined()
    }

    private func find(
        _ name: String, _ help: String, _ type: String, _ labels: KeyValuePairs<String, String>,
        make: () -> MetricSeries
    ) -> MetricSeries {
        let names = labels.map(\.key)
        precondition(name.wholeMatch(of: /[a-zA-Z_:][a-zA-Z0-9_:]*/) != nil, "\(name) is no name of a metric")
        precondition(Set(names).count == names.count, "\(name) has a label twice")
        for label in names {
            precondition(label.wholeMatch(of: /[a-zA-Z_][a-zA-Z0-9_]*/) != nil, "\(label) is no name of a label")
        }
        return families.withLock { families in
            let family = families[name, default: MetricFamily(help: help, type: type, labelNames: names)]
            precondition(
                family.help == help && family.type == type && family.labelNames == names,
                "\(name) is registered as something else")
            let key = MetricText.labels(labels)
            let series = family.series[key] ?? make()
            families[name, default: family].series[key] = series
            return series
        }
    }
}

struct MetricFamily: Sendable {
    let help: String
    let type: String
    let labelNames: [String]
    /// By their labels as they are written.
    var series: [String: MetricSeries] = [:]
}

enum MetricSeries: Sendable {
    case counter(Counter)
    case gauge(Gauge)
    case read(@Sendable () -> Double)
    case histogram(Histogram)
}
