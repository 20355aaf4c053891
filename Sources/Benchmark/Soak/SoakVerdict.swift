import Foundation
import JSON

/// What is asked of a soak at its end.
struct SoakVerdict {
    private(set) var isGood = true

    /// A line of the table.
    mutating func check(_ what: String, _ found: String, _ good: Bool) {
        Report.row([what, found, good ? "ok" : "NOT OK"], widths: [-44, 40, 7])
        isGood = isGood && good
    }

    /// Whether the last quarter is like the second one: the first is for warming up.
    mutating func checkFlatness(_ samples: [SoakSample]) {
        let quarter = samples.count / 4
        guard quarter > 0 else { return check("samples", "\(samples.count): too few", false) }
        let second = samples[quarter..<2 * quarter]
        let last = samples.suffix(quarter)
        let figures: [(String, (SoakSample) -> Double, Double)] = [
            ("resident memory, MiB", \.residentMiB, 8), ("open descriptors", \.descriptors, 8),
            ("threads", \.threads, 2),
        ]
        for (name, value, slack) in figures {
            let before = second.map(value).reduce(0, +) / Double(quarter)
            let after = last.map(value).reduce(0, +) / Double(quarter)
            check(
                "\(name): second and last quarter", "\(before.fixed(1)), \(after.fixed(1))",
                after <= before * 1.05 + slack)
        }
    }

    /// Whether what was acknowledged, and nothing else, is stored.
    mutating func check(_ tally: SoakExchange.Tally, _ stored: SoakDatabase.Stored) {
        check(
            "webhooks acknowledged, and stored",
            "\(Double(tally.acknowledged).whole), \(Double(stored.webhooks).whole)",
            tally.acknowledged == stored.webhooks && tally.checksum == stored.checksum)
        check("answers that were not to be expected", "\(tally.wrong)", tally.wrong == 0)
        for wrong in tally.firstWrong { Report.line("  \(wrong)") }
    }

    /// Whether each change reached the Pusher server. Only progress may have been overtaken. What was answered too late is
    /// sent again: there may be more of each than changes.
    mutating func check(
        delivered: [String: Int], changes: [String: Int], overtaken: Double, left: (owed: Int, dead: Int, active: Int)
    ) {
        check("notifications owed, dead letters", "\(left.owed), \(left.dead)", left.owed == 0 && left.dead == 0)
        check("datasets made through the API, not over", "\(left.active)", left.active == 0)
        for (type, count) in changes.sorted(by: { $0.key < $1.key }) where type.hasPrefix("dataset.") {
            let delivered = delivered[type] ?? 0
            let spared = type == "dataset.progress" ? Int(overtaken) : 0
            check(
                "\(type): changes, at Pusher" + (spared > 0 ? ", overtaken" : ""),
                ([count, delivered] + (spared > 0 ? [spared] : [])).map { Double($0).whole }.joined(separator: ", "),
                delivered + spared >= count)
        }
    }

    /// How often each event came to the sandbox's Pusher server: to both of the channels that are published to by default.
    static func delivered(sandboxPort: UInt16) throws -> [String: Int] {
        let answer = try HTTPCaller(port: sandboxPort).get("/sandbox/state")
        guard answer.status == 200, let root = try? JSONDocument(parsing: Array(answer.body.utf8)).root,
            let names = root["pusher"]?["event_names"]?.members
        else { throw BenchmarkError("the sandbox does not tell its state") }
        return Dictionary(names.map { ($0.name, Int($0.value.int ?? 0) / 2) }) { $0 + $1 }
    }
}
