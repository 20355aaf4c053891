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

    /// Reads `NAME=value` lines as Laravel's: comments, `export`, single and double quotes; nothing is expanded.
    package static func dotenv(_ text: String) -> [String: String] {
        var variables: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            var line = line.drop { $0 == " " || $0 == "\t" }
            if line.hasPrefix("export ") { line = line.dropFirst(7) }
            guard !line.hasPrefix("#"), let equals = line.firstIndex(of: "=") else { continue }
            let name = line[..<equals].trimmingCharacters(in: .whitespaces)
            variables[name] = value(line[line.index(after: equals)...].trimmingCharacters(in: .whitespaces))
        }
        return variables
    }

    private static func value(_ text: String) -> String {
        guard let quote = text.first, quote == "\"" || quote == "'" else {
            // A comment after a value has a space before it.
            let end = text.range(of: " #")?.lowerBound ?? text.endIndex
            return text[..<end].trimmingCharacters(in: .whitespaces)
        }
        var value = ""
        var isEscaped = false
        for character in text.dropFirst() {
            if isEscaped {
                value.append(character == "n" ? "\n" : character)
                isEscaped = false
            } else if character == "\\" && quote == "\"" {
                isEscaped = true
            } else if character == quote {
                break
            } else {
                value.append(character)
            }
        }
        return value
    }
}
