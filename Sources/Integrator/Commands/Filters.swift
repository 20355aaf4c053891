import Datasets
import Store

extension LogFilter {
    /// Takes the options of a filter from a command line.
    init(_ arguments: inout Arguments) throws(CommandLineTool.UsageError) {
        self.init()
        dataset = try arguments.number("--dataset")
        history = try arguments.number("--history")
        reference = try arguments.option("--reference")
        slug = try arguments.option("--slug")
        key = try arguments.option("--key")
        type = try arguments.option("--type")
        since = try arguments.time("--since")
        until = try arguments.time("--until")
        outcomes = try arguments.choices("--outcome", EventOutcome.allCases, \.label)
    }
}

extension DatasetFilter {
    /// Takes the options of a filter from a command line.
    init(_ arguments: inout Arguments) throws(CommandLineTool.UsageError) {
        self.init()
        dataset = try arguments.number("--dataset")
        history = try arguments.number("--history")
        reference = try arguments.option("--reference")
        slug = try arguments.option("--slug")
        wishlist = try arguments.number("--wishlist")
        group = try arguments.number("--group")
        statuses = try arguments.choices("--status", HistoryStatus.allCases, \.label)
        isLate = arguments.flag("--late")
    }
}

extension Arguments {
    /// How many rows a list has at most.
    mutating func limit() throws(CommandLineTool.UsageError) -> Int {
        let limit = try number("--limit") ?? 50
        guard limit <= 10_000 else { throw .init(message: "--limit: 10000 at most") }
        return Int(limit)
    }

    /// Names with commas between them, each one of `all`.
    mutating func choices<Choice>(
        _ name: String, _ all: [Choice], _ label: KeyPath<Choice, String>
    ) throws(CommandLineTool.UsageError) -> [Choice] {
        var chosen: [Choice] = []
        for text in try option(name)?.split(separator: ",") ?? [] {
            guard let choice = all.first(where: { $0[keyPath: label] == text }) else {
                let known = all.map { $0[keyPath: label] }.joined(separator: ", ")
                throw .init(message: "\(name): `\(text)` is none of \(known)")
            }
            chosen.append(choice)
        }
        return chosen
    }
}
