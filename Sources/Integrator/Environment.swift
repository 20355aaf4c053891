import Foundation

/// Environment variables, and those of an optional `.env` file, which they override. `NAME_FILE` names a file to read the
/// value of `NAME` from. Values read as Laravel's `env()` reads them: `null` is none, `empty` is empty, and in parentheses
/// too.
package struct Environment: Sendable {
    private static let largestFile = 1 << 20

    /// The first that says anything of a name says all.
    private let layers: [[String: String]]
    /// What is wrong with the `.env` file.
    let faults: [String]
    private let isUnreadable: Bool
    private let faultyNames: Set<String>

    init(_ variables: [String: String]) {
        layers = [variables]
        (faults, isUnreadable, faultyNames) = ([], false, [])
    }

    /// Variables over those of the file at `dotenv`, if there is one.
    init(_ variables: [String: String], dotenv path: String) {
        do throws(TextFile.Fault) {
            let file = Dotenv(try TextFile.read(path, limit: Self.largestFile), outer: variables)
            layers = [variables, file.variables]
            faults = file.faults.map { "\(path), \($0)" }
            (isUnreadable, faultyNames) = (false, file.faultyNames)
        } catch {
            layers = [variables]
            faults = error.isMissing ? [] : ["\(path): \(error.reason)"]
            (isUnreadable, faultyNames) = (!error.isMissing, [])
        }
    }

    /// The process's variables over those of the file at `path`, if there is one.
    package static func process(dotenv path: String = ".env") -> Environment {
        Environment(ProcessInfo.processInfo.environment, dotenv: path)
    }

    /// Whether a fault of the `.env` file may be why a variable is not there.
    func isInDoubt(_ name: String) -> Bool { isUnreadable || faultyNames.contains(name) }

    /// The value, or what the file that `NAME_FILE` names holds, without white space at its ends.
    func value(_ name: String) throws(ConfigurationFaults) -> String? {
        guard let path = file(of: name) else { return given(name) }
        do throws(TextFile.Fault) {
            return try TextFile.read(path, limit: Self.largestFile).trimmingCharacters(in: .whitespacesAndNewlines)
        } catch {
            throw ConfigurationFaults(faults: ["\(name)_FILE: \(error.reason)"])
        }
    }

    /// The path of the file that the value of `name` is read from; nil if it is not read from a file.
    func file(of name: String) -> String? {
        guard let layer = layer(of: name), (layer[name].flatMap(Self.meant) ?? "").isEmpty else { return nil }
        return layer["\(name)_FILE"].flatMap { $0.isEmpty ? nil : $0 }
    }

    private func given(_ name: String) -> String? { layer(of: name)?[name].flatMap(Self.meant) }

    private func layer(of name: String) -> [String: String]? {
        layers.first { $0[name] != nil || $0["\(name)_FILE"] != nil }
    }

    /// What Laravel takes a value for.
    private static func meant(_ value: String) -> String? {
        switch value.lowercased() {
        case "null", "(null)": nil
        case "empty", "(empty)": ""
        case "true", "(true)": "true"
        case "false", "(false)": "false"
        default: unquoted(value)
        }
    }

    /// A value that is in quotes as a whole, such as Docker's `--env-file` leaves it.
    private static func unquoted(_ value: String) -> String {
        guard let first = value.utf8.first, first == UInt8(ascii: "\"") || first == UInt8(ascii: "'"),
            value.utf8.count > 1, value.utf8.last == first
        else { return value }
        return String(value.dropFirst().dropLast())
    }
}
