import MySQL
import Time

/// The words of a command line.
struct Arguments {
    private var words: [String]

    init(_ words: [String]) {
        self.words = words
    }

    /// The next word.
    mutating func next() -> String? {
        words.isEmpty ? nil : words.removeFirst()
    }

    /// Whether `name` is there; takes it.
    mutating func flag(_ name: String) -> Bool {
        guard let index = words.firstIndex(of: name) else { return false }
        words.remove(at: index)
        return true
    }

    /// The word after `name`, or after `name=`; takes both.
    mutating func option(_ name: String) throws(CommandLineTool.UsageError) -> String? {
        if let index = words.firstIndex(where: { $0.hasPrefix("\(name)=") }) {
            return String(words.remove(at: index).dropFirst(name.count + 1))
        }
        guard let index = words.firstIndex(of: name) else { return nil }
        guard index + 1 < words.count else { throw .init(message: "\(name) needs a value") }
        words.remove(at: index)
        return words.remove(at: index)
    }

    /// A whole number from 1.
    mutating func number(_ name: String) throws(CommandLineTool.UsageError) -> Int64? {
        guard let text = try option(name) else { return nil }
        guard let number = Int64(text), number > 0 else {
            throw .init(message: "\(name): `\(text)` is no whole number from 1")
        }
        return number
    }

    /// A time: ISO 8601, or how long ago (`90s`, `15m`, `2h`, `7d`).
    mutating func time(_ name: String) throws(CommandLineTool.UsageError) -> Timestamp? {
        guard let text = try option(name) else { return nil }
        if let time = ISO8601.parse(text) { return time }
        guard let seconds = Self.seconds(text) else {
            throw .init(message: "\(name): `\(text)` is no time: 2026-11-23T16:00:00Z, or 90s, 15m, 2h, 7d ago")
        }
        return Timestamp.now().adding(seconds: -seconds)
    }

    /// A length of time in seconds: `90s`, `15m`, `2h`, `7d`.
    mutating func duration(_ name: String) throws(CommandLineTool.UsageError) -> Int64? {
        guard let text = try option(name) else { return nil }
        guard let seconds = Self.seconds(text) else {
            throw .init(message: "\(name): `\(text)` is no length of time: 90s, 15m, 2h, 7d")
        }
        return seconds
    }

    private static func seconds(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()),
            (0...100_000_000).contains(count)
        else { return nil }
        return count * unit
    }

    /// The ids that are left.
    mutating func ids() throws(CommandLineTool.UsageError) -> [Int64] {
        var ids: [Int64] = []
        while let word = next() {
            guard let id = Int64(word), id > 0 else { throw .init(message: "`\(word)` is not understood") }
            ids.append(id)
        }
        return ids
    }

    /// Throws if there is more.
    func end() throws(CommandLineTool.UsageError) {
        if let word = words.first { throw .init(message: "`\(word)` is not understood") }
    }
}
