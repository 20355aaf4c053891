/// The words after a command: `--name value`, or `--name` alone for what is true or false.
struct Arguments {
    private var values: [String: String] = [:]

    /// `flags` take no value. Anything else than options, repeated ones too, is an error.
    init(_ words: [String], flags: Set<String>) throws(SandboxError) {
        var rest = words[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("--") else { throw SandboxError("\(word) is not an option") }
            let name = String(word.dropFirst(2))
            guard values[name] == nil else { throw SandboxError("--\(name) is given twice") }
            if flags.contains(name) {
                values[name] = "true"
            } else {
                guard let value = rest.popFirst() else { throw SandboxError("--\(name) needs a value") }
                values[name] = value
            }
        }
    }

    /// Takes an option; those that are never taken are unknown.
    mutating func take(_ name: String) -> String? { values.removeValue(forKey: name) }

    mutating func require(_ name: String) throws(SandboxError) -> String {
        guard let value = take(name) else { throw SandboxError("--\(name) is required") }
        return value
    }

    mutating func port(_ name: String, default number: UInt16? = nil) throws(SandboxError) -> UInt16 {
        guard let text = take(name) else {
            guard let number else { throw SandboxError("--\(name) is required") }
            return number
        }
        guard let port = UInt16(text) else { throw SandboxError("--\(name) has to be 0 to 65535") }
        return port
    }

    /// Throws if any option is left over.
    func end() throws(SandboxError) {
        if let name = values.keys.min() { throw SandboxError("--\(name) is unknown; see --help") }
    }
}
