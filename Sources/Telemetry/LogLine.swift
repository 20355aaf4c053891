import Time

/// Writes one line. Whatever is in the values, it stays one line, without control characters, and each value is cut after a
/// few hundred bytes.
struct LogLine {
    enum Format { case json, text, colouredText }

    /// A value is cut once it is so long in the line, in bytes, escapes counted; a mark tells how much is missing.
    private static let longestValue = 500

    private let format: Format
    var bytes: [UInt8] = []

    init(format: Format) {
        self.format = format
    }

    mutating func begin(time: Timestamp, level: Logger.Level, message: StaticString) {
        bytes.reserveCapacity(256)
        switch format {
        case .json:
            append(#"{"ts":""#)
            append(time.description)
            append(#"","level":""#)
            append(level.rawValue)
            append(#"","msg":"#)
            append(quoted: message.description)
        case .text, .colouredText:
            append(time.description)
            append(" ")
            coloured(Self.colour(of: level)) { $0.append(Self.tag(of: level)) }
            append(" ")
            coloured("1") { $0.append(message.description) }
        }
    }

    mutating func append(_ fields: KeyValuePairs<String, LogValue>) {
        for (name, value) in fields {
            switch format {
            case .json:
                append(",")
                append(quoted: name)
                append(":")
                append(value)
            case .text, .colouredText:
                append(" ")
                coloured("2") {
                    $0.append(plainOrQuoted: name)
                    $0.append("=")
                }
                append(value)
            }
        }
    }

    mutating func end() {
        append(format == .json ? "}\n" : "\n")
    }

    private mutating func append(_ value: LogValue) {
        switch value {
        case .string(let text) where format == .json: append(quoted: text)
        case .string(let text): append(plainOrQuoted: text)
        case .int(let number): append(String(number))
        case .double(let number) where number.isFinite: append(number.description)
        case .double(let number): append(quoted: number.description)
        case .bool(let flag): append(flag ? "true" : "false")
        }
    }

    private mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func coloured(_ code: String, _ body: (inout LogLine) -> Void) {
        if format == .colouredText { append("\u{1B}[\(code)m") }
        body(&self)
        if format == .colouredText { append("\u{1B}[0m") }
    }

    private mutating func append(plainOrQuoted text: String) {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            // The digits, and - . / : before and after them.
            case UInt8(ascii: "-")...UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "@"): true
            default: false
            }
        }
        if isPlain && !text.isEmpty && text.utf8.count <= Self.longestValue {
            append(text)
        } else {
            append(quoted: text)
        }
    }

    /// Writes a JSON string. Escapes what JSON wants escaped, and what could move the cursor of a terminal or end a line:
    /// DEL, the C1 controls, the line separators and the marks that turn the direction of text.
    private mutating func append(quoted text: String) {
        append("\"")
        let end = bytes.count + Self.longestValue
        var taken = 0
        for scalar in text.unicodeScalars {
            if bytes.count >= end {
                append("…+\(text.utf8.count - taken) bytes")
                break
            }
            taken += UTF8.width(scalar)
            switch scalar.value {
            case 0x22, 0x5C: bytes += [0x5C, UInt8(scalar.value)]
            case 0x0A: append(#"\n"#)
            case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069:
                let digits = String(scalar.value, radix: 16)
                append(#"\u"# + String(repeating: "0", count: 4 - digits.utf8.count) + digits)
            case 0x20..<0x7F: bytes.append(UInt8(scalar.value))
            default: bytes.append(contentsOf: String(scalar).utf8)
            }
        }
        append("\"")
    }

    private static func tag(of level: Logger.Level) -> String {
        switch level {
        case .debug: "DEBUG"
        case .info: "INFO "
        case .warning: "WARN "
        case .error: "ERROR"
        }
    }

    private static func colour(of level: Logger.Level) -> String {
        switch level {
        case .debug: "2"
        case .info: "32"
        case .warning: "33"
        case .error: "31"
        }
    }
}
