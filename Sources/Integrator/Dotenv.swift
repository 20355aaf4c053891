/// The text of a `.env` file, read as Laravel reads it (phpdotenv 5): comments, `export`, single and double quotes, a value in
/// double quotes over several lines, `${NAME}`. More is taken in one thing: a value without quotes may hold blanks. What
/// Laravel refuses otherwise is a fault, as is whatever would be dropped without a word.
///
/// Byte by byte: a quote is one also before a combining character.
package struct Dotenv {
    package private(set) var variables: [String: String] = [:]
    /// What is wrong, with the number of the line and, if there is one, the name; never a value.
    package private(set) var faults: [String] = []
    /// The variables whose lines are at fault.
    private(set) var faultyNames: Set<String> = []

    /// A value could not be read to its end. What looks like a name after it may be the rest of that value, perhaps of a
    /// secret, and is not shown.
    private var isInDoubt = false

    private let outer: [String: String]
    private let lines: [ArraySlice<UInt8>]
    /// The line that is read, from 0.
    private var place = 0

    /// - Parameter outer: what `${NAME}` stands for before all variables of the file.
    package init(_ text: String, outer: [String: String] = [:]) {
        self.outer = outer
        var bytes = Array(text.utf8)[...]
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
        lines = Self.lines(of: bytes)
        while place < lines.count {
            let (number, line) = (place + 1, Self.trimmed(lines[place]))
            if !line.isEmpty, line.first != UInt8(ascii: "#") { read(line, number) }
            place += 1
        }
    }

    private static func lines(of bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var rest = bytes
        while let end = rest.firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) {
            lines.append(rest[..<end])
            let isPair = rest[end] == 0x0D && rest.dropFirst(end + 1 - rest.startIndex).first == 0x0A
            rest = rest[(isPair ? end + 2 : end + 1)...]
        }
        return lines + [rest]
    }

    private mutating func read(_ line: ArraySlice<UInt8>, _ number: Int) {
        guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else {
            // Laravel takes a name alone, as a variable without a value; anything else may be part of a value.
            if !Self.name(line).allSatisfy({ Self.isNameByte($0) && !(0x61...0x7A).contains($0) }) {
                faults.append("line \(number): is not NAME=value")
            }
            return
        }
        let name = Self.name(line[..<equals])
        guard !name.isEmpty, name.allSatisfy(Self.isNameByte) else {
            faults.append("line \(number): has no name of letters, digits and _ before the =")
            return
        }
        let variable = String(decoding: name, as: UTF8.self)
        do throws(ReadingFault) {
            let value = try value(Self.trimmed(line[(equals + 1)...]))
            variables[variable] = String(decoding: value, as: UTF8.self)
        } catch {
            faults.append("line \(number): \(isInDoubt ? "" : "\(variable): ")\(error.reason)")
            faultyNames.insert(variable)
            isInDoubt = true
        }
    }

    private struct ReadingFault: Error {
        let reason: String
    }

    private mutating func value(_ text: ArraySlice<UInt8>) throws(ReadingFault) -> [UInt8] {
        switch text.first {
        case UInt8(ascii: "\""): return try doubleQuoted(text.dropFirst())
        case UInt8(ascii: "'"):
            guard let end = text.dropFirst().firstIndex(of: UInt8(ascii: "'")) else {
                throw ReadingFault(reason: "the single quote is not closed on its line")
            }
            try expectEnd(text[(end + 1)...])
            return Array(text[(text.startIndex + 1)..<end])
        default:
            let value = Array(Self.trimmed(text.prefix { $0 != UInt8(ascii: "#") }))
            return resolved(value, value.indices.filter { value[$0] == UInt8(ascii: "$") })
        }
    }

    /// Reads up to the closing quote, on a later line perhaps.
    private mutating func doubleQuoted(_ text: ArraySlice<UInt8>) throws(ReadingFault) -> [UInt8] {
        let start = place
        var (value, dollars): ([UInt8], [Int]) = ([], [])
        var rest = text
        while true {
            guard let byte = rest.first else {
                guard place + 1 < lines.count else {
                    // The lines that follow are read for what else is wrong.
                    place = start
                    throw ReadingFault(reason: "the double quote is not closed")
                }
                place += 1
                rest = lines[place]
                value.append(0x0A)
                continue
            }
            switch byte {
            case UInt8(ascii: "\""):
                try expectEnd(rest.dropFirst())
                return resolved(value, dollars)
            case UInt8(ascii: "\\"):
                guard let escaped = rest.dropFirst().first.flatMap(Self.unescaped) else {
                    throw ReadingFault(reason: #"\ stands before something else than one of "\$fnrtv"#)
                }
                value.append(escaped)
                rest = rest.dropFirst(2)
            default:
                if byte == UInt8(ascii: "$") { dollars.append(value.count) }
                value.append(byte)
                rest = rest.dropFirst()
            }
        }
    }

    /// Puts in what `${NAME}` stands for, the last first: so `${A${B}}` is the value that the value of `B` names.
    /// - Parameter dollars: where a `$` stands that is not escaped, in order.
    private func resolved(_ text: [UInt8], _ dollars: [Int]) -> [UInt8] {
        var text = text
        for start in dollars.reversed() {
            guard text.dropFirst(start + 1).first == UInt8(ascii: "{"),
                let end = text[start...].firstIndex(of: UInt8(ascii: "}")),
                case let name = text[(start + 2)..<end], name.allSatisfy(Self.isNameByte),
                case let name = String(decoding: name, as: UTF8.self), let value = outer[name] ?? variables[name]
            else { continue }
            text.replaceSubrange(start...end, with: value.utf8)
        }
        return text
    }

    private func expectEnd(_ rest: ArraySlice<UInt8>) throws(ReadingFault) {
        let rest = Self.trimmed(rest)
        guard rest.isEmpty || rest.first == UInt8(ascii: "#") else {
            throw ReadingFault(reason: "something follows the closing quote")
        }
    }

    private static func unescaped(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "$"): byte
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "v"): 0x0B
        default: nil
        }
    }

    private static func name(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let name = trimmed(text)
        let isExported = name.starts(with: "export ".utf8) || name.starts(with: "export\t".utf8)
        return unquoted(isExported ? trimmed(name.dropFirst(7)) : name)
    }

    private static func unquoted(_ name: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let first = name.first, first == UInt8(ascii: "\"") || first == UInt8(ascii: "'"), name.count > 2,
            name.last == first
        else { return name }
        return name.dropFirst().dropLast()
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isBlank = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
        let start = text.drop(while: isBlank)
        return start[..<(start.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? start.startIndex)]
    }
}
