/// The Prometheus text format 0.0.4.
enum MetricText {
    /// `name="value"` with commas between, without braces.
    static func labels(_ labels: KeyValuePairs<String, String>) -> String {
        labels.map { name, value in
            let escaped = value.replacing("\\", with: #"\\"#).replacing("\"", with: #"\""#).replacing(
                "\n", with: #"\n"#)
            return "\(name)=\"\(escaped)\""
        }.joined(separator: ",")
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return Int64(exactly: value).map(String.init) ?? value.description
    }

    static func sample(_ name: String, _ labels: String, _ value: String) -> String {
        labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }
}

extension MetricFamily {
    func render(name: String) -> String {
        let help = help.replacing("\\", with: #"\\"#).replacing("\n", with: #"\n"#)
        return "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
            + series.sorted { $0.key < $1.key }.map { $0.value.render(name: name, labels: $0.key) }.joined()
    }
}

extension MetricSeries {
    func render(name: String, labels: String) -> String {
        switch self {
        case .counter(let counter): MetricText.sample(name, labels, String(counter.value))
        case .gauge(let gauge): MetricText.sample(name, labels, MetricText.number(gauge.value))
        case .read(let read): MetricText.sample(name, labels, MetricText.number(read()))
        case .histogram(let histogram): histogram.render(name: name, labels: labels)
        }
    }
}

extension Histogram {
    func render(name: String, labels: String) -> String {
        let prefix = labels.isEmpty ? "" : labels + ","
        var text = ""
        var count: UInt64 = 0
        for (bound, bucket) in zip(bounds + [.infinity], buckets) {
            count &+= bucket.value
            text += MetricText.sample("\(name)_bucket", "\(prefix)le=\"\(MetricText.number(bound))\"", String(count))
        }
        return text + MetricText.sample("\(name)_sum", labels, MetricText.number(sum.value))
            + MetricText.sample("\(name)_count", labels, String(count))
    }
}
