import Foundation

/// Environment variables, and those of an optional `.env` file, which they override. `NAME_FILE` names a file to read the
/// value of `NAME` from.
package struct Environment: Sendable {
    private var variables: [String: String]

    package init(_ variables: [String: String]) {
        self.variables = variables
    }

    /// The process's variables over those of the file at `path`, if there is one.
    package static func process(dotenv path: String = ".env") -> Environment {
        let file = (try? String(contentsOfFile: path, encoding: .utf8)).map(dotenv) ?? [:]
        return Environment(file.merging(ProcessInfo.processInfo.environment) { _, process in process })
    }

    /// The value, or what the file that `NAME_FILE` names holds, without white space at its end.
    package func value(_ name: String) throws(ConfigurationFaults) -> String? {
        if let value = variables[name], !value.isEmpty { return value }
        guard let path = variables["\(name)_FILE"], !path.isEmpty else { return variables[name] }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw ConfigurationFaults(faults: ["\(name)_FILE: the file cannot be read"])
        }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The path of the file that the value of `name` is read from; nil if it is not read from a file.
    package func file(of name: String) -> String? {
        if let value = variables[name], !value.isEmpty { return nil }
        return variables["\(name)_FILE"].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Reads `NAME=value` lines as Laravel's: comments, `export`, single and double quotes; nothing is expanded. Byte by
    /// byte: a quote is one also before a combining character, and only line feeds and carriage returns end a line.
    package static func dotenv(_ text: String) -> [String: String] {
        var bytes = Array(text.utf8)[...]
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
        var variables: [String: String] = [:]
        for line in bytes.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            var line = trimmed(line)
            if line.starts(with: "export ".utf8) { line = line.dropFirst(7) }
            guard line.first != UInt8(ascii: "#"), let equals = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = String(decoding: trimmed(line[..<equals]), as: UTF8.self)
            variables[name] = String(decoding: value(trimmed(line[(equals + 1)...])), as: UTF8.self)
        }
        return variables
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let start = text.drop(while: isBlank)
        return start[..<(start.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? start.startIndex)]
    }

    private static func value(_ text: ArraySlice<UInt8>) -> [UInt8] {
        guard let quote = text.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
            // A comment after a value has white space before it.
            let comment = zip(text.indices, text.indices.dropFirst()).first {
                isBlank(text[$0]) && text[$1] == UInt8(ascii: "#")
            }
            return Array(trimmed(text[..<(comment?.0 ?? text.endIndex)]))
        }
        var value: [UInt8] = []
        var isEscaped = false
        for byte in text.dropFirst() {
            if isEscaped {
                value.append(byte == UInt8(ascii: "n") ? 0x0A : byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") && quote == UInt8(ascii: "\"") {
                isEscaped = true
            } else if byte == quote {
                break
            } else {
                value.append(byte)
            }
        }
        return value
    }
}
