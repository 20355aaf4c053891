/// Metrics in Prometheus' text format 0.0.4, as far as sums of counters need it.
struct PrometheusText {
    private struct Sample {
        let name: Substring
        let labels: [String: String]
        let value: Double
    }

    private let samples: [Sample]

    /// Lines that are no samples are left out.
    init(_ text: String) {
        samples = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap(Self.sample)
    }

    /// The sum over all samples of this name that have these labels, and maybe more.
    func sum(_ name: String, _ labels: [String: String] = [:]) -> Int {
        let values = samples.filter { sample in
            sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
        }
        return Int(exactly: values.reduce(0) { $0 + $1.value }.rounded()) ?? 0
    }

    private static func sample(_ line: Substring) -> Sample? {
        let nameEnd = line.firstIndex { $0 == "{" || $0 == " " } ?? line.endIndex
        var rest = line[nameEnd...]
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest = rest.dropFirst()
            while let equals = rest.firstIndex(of: "="), rest.first != "}" {
                let name = rest[..<equals].drop { $0 == "," || $0 == " " }
                rest = rest[equals...].dropFirst(2)
                labels[String(name)] = text(&rest)
            }
            rest = rest.dropFirst()
        }
        guard let value = rest.split(separator: " ").first.flatMap({ Double($0) }) else { return nil }
        return Sample(name: line[..<nameEnd], labels: labels, value: value)
    }

    /// Takes a label's value and its closing quote; the opening one has been taken.
    private static func text(_ rest: inout Substring) -> String {
        var text = ""
        while let character = rest.popFirst(), character != "\"" {
            if character == "\\", let escaped = rest.popFirst() {
                text.append(escaped == "n" ? "\n" : escaped)
            } else {
                text.append(character)
            }
        }
        return text
    }
}
