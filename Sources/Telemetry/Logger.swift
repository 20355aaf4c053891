import Glibc
import Time

/// Writes events: a constant message and typed fields, one line each. Cheap to copy, and usable from any thread.
///
/// The names `ts`, `level` and `msg` are taken; fields should have others.
public struct Logger: Sendable {
    /// How much an event matters.
    public enum Level: String, Sendable, CaseIterable, Comparable {
        case debug, info, warning, error

        /// By severity.
        public static func < (a: Level, b: Level) -> Bool { a.rank < b.rank }

        /// Of syslog(3).
        var priority: Int {
            switch self {
            case .debug: 7
            case .info: 6
            case .warning: 4
            case .error: 3
            }
        }

        private var rank: Int {
            switch self {
            case .debug: 0
            case .info: 1
            case .warning: 2
            case .error: 3
            }
        }
    }

    /// How a line is written.
    public enum Format: String, Sendable, CaseIterable {
        /// One JSON object.
        case json
        /// For reading; in colour on a terminal.
        case text
        /// `text` on a terminal, `json` elsewhere.
        case auto
    }

    /// Events below it are dropped.
    public let level: Level
    private let format: LogLine.Format
    private let sink: LogSink
    /// The fields of each event, already written out.
    private var context: [UInt8] = []

    /// Colours are for who has not said otherwise (no-color.org).
    public static var mayColour: Bool { getenv("NO_COLOR").map { $0.pointee == 0 } ?? true }

    /// A logger without fields of its own.
    /// - Parameter mayColour: text on a terminal is coloured.
    public init(
        level: Level = .info, format: Format = .auto, sink: LogSink = .standardError, mayColour: Bool = Self.mayColour
    ) {
        self.level = level
        self.sink = sink
        let hasColours = sink.isTerminal && mayColour
        switch format {
        case .json: self.format = .json
        case .text: self.format = hasColours ? .colouredText : .text
        case .auto: self.format = hasColours ? .colouredText : sink.isTerminal ? .text : .json
        }
    }

    /// A logger that adds these fields to each event, after those of this one.
    public func with(_ fields: KeyValuePairs<String, LogValue>) -> Logger {
        var line = LogLine(format: format)
        line.append(fields)
        var logger = self
        logger.context += line.bytes
        return logger
    }

    /// For whoever looks for a fault.
    public func debug(_ message: StaticString, _ fields: @autoclosure () -> KeyValuePairs<String, LogValue> = [:]) {
        log(.debug, message, fields())
    }

    /// What happens as it should.
    public func info(_ message: StaticString, _ fields: @autoclosure () -> KeyValuePairs<String, LogValue> = [:]) {
        log(.info, message, fields())
    }

    /// What an operator should know of.
    public func warning(_ message: StaticString, _ fields: @autoclosure () -> KeyValuePairs<String, LogValue> = [:]) {
        log(.warning, message, fields())
    }

    /// What an operator should do something about.
    public func error(_ message: StaticString, _ fields: @autoclosure () -> KeyValuePairs<String, LogValue> = [:]) {
        log(.error, message, fields())
    }

    /// Writes an event, unless its level is off; then the fields are not even made.
    public func log(
        _ level: Level, _ message: StaticString, _ fields: @autoclosure () -> KeyValuePairs<String, LogValue> = [:]
    ) {
        guard level >= self.level else { return }
        var line = LogLine(format: format)
        if sink.isJournal { line.bytes += Array("<\(level.priority)>".utf8) }
        line.begin(time: .now(), level: level, message: message)
        line.bytes += context
        line.append(fields())
        line.end()
        sink.write(line.bytes)
    }
}
