import Foundation
import Synchronization
import Telemetry
import Testing

/// Keeps what is logged.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var sink: LogSink {
        LogSink { line in self.lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
    }

    var all: [String] { lines.withLock { $0 } }
}

@Suite(.timeLimit(.minutes(10))) struct LoggerTests {
    private let lines = Lines()

    private func json(_ line: String?) throws -> [String: Any] {
        let line = try #require(line)
        #expect(line.hasSuffix("}\n") && line.utf8.count { $0 == 0x0A } == 1)
        return try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    @Test func writesJSON() throws {
        let log = Logger(level: .debug, format: .json, sink: lines.sink)
        log.info("webhook applied", ["dataset_id": 5, "outcome": "applied", "ok": true, "seconds": 0.25])
        let line = try #require(lines.all.first)
        let rest =
            #"","level":"info","msg":"webhook applied","dataset_id":5,"outcome":"applied","ok":true,"seconds":0.25}"#
        #expect(line.hasPrefix(#"{"ts":""#) && line.hasSuffix(rest + "\n"))
        let time = try #require(json(line)["ts"] as? String)
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/) != nil)
        let parsed = try Date(time, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        #expect(abs(parsed.timeIntervalSinceNow) < 60)
    }

    @Test func writesText() throws {
        let log = Logger(level: .debug, format: .text, sink: lines.sink)
        log.warning(
            "no answer", ["url": "http://a/b", "why": "a b", "empty": "", "n": -3, "x": .double(.nan), "k y": "="])
        log.debug("done")
        let expected = #"Z WARN  no answer url=http://a/b why="a b" empty="" n=-3 x="nan" "k y"="=""#
        #expect(lines.all.first.map { String($0.dropFirst(26)) } == expected + "\n")
        #expect(lines.all.last?.dropFirst(26) == "Z DEBUG done\n")
    }

    @Test func dropsWhatIsBelowItsLevel() {
        for level in Logger.Level.allCases {
            let lines = Lines()
            let log = Logger(level: level, format: .text, sink: lines.sink)
            log.debug("debug")
            log.info("info")
            log.warning("warning")
            log.error("error")
            let expected = Logger.Level.allCases.filter { $0 >= level }.map(\.rawValue)
            #expect(lines.all.map { $0.split(separator: " ").last.map(String.init) } == expected.map { $0 + "\n" })
        }
        #expect(Logger.Level.allCases.sorted() == [.debug, .info, .warning, .error])
    }

    @Test func doesNotMakeFieldsThatAreNotWritten() {
        var made = 0
        func value() -> LogValue {
            made += 1
            return 1
        }
        let log = Logger(level: .error, format: .json, sink: lines.sink)
        log.warning("a", ["b": value()])
        #expect(made == 0)
        log.error("a", ["b": value()])
        #expect(made == 1)
    }

    @Test(arguments: [Logger.Format.json, .text])
    func addsTheFieldsOfItsParents(_ format: Logger.Format) throws {
        let log = Logger(format: format, sink: lines.sink)
        let child = log.with(["a": 1]).with(["b": "x y"])
        child.info("child", ["c": 2])
        log.info("parent", ["c": 3])
        let texts =
            format == .json
            ? [#","a":1,"b":"x y","c":2}"#, #""parent","c":3}"#] : [#" a=1 b="x y" c=2"#, "parent c=3"]
        #expect(lines.all.count == 2)
        for (line, text) in zip(lines.all, texts) { #expect(line.hasSuffix(text + "\n")) }
    }

    @Test(arguments: [
        "a\nb", "a\r\n{\"level\":\"error\"}", "\u{1B}[31mred\u{1B}[0m", "\u{9B}31m", "\0", "\u{8}\u{7F}", "\"", "\\",
        "\\\"", "é€😀",
        "\u{2028}\u{2029}", "\u{202E}txt.exe", "\u{2066}x\u{2069}", "\t", "x=1 level=error", "\u{85}",
    ])
    func staysOneLineWhateverIsLogged(_ hostile: String) throws {
        Logger(format: .json, sink: lines.sink).with([hostile + "1": .string(hostile)])
            .info("m", [hostile + "2": .string(hostile), "i": "\(hostile)!"])
        Logger(format: .text, sink: lines.sink).info("m", [hostile: .string(hostile)])
        let object = try json(lines.all.first)
        #expect(object[hostile + "1"] as? String == hostile)
        #expect(object[hostile + "2"] as? String == hostile)
        #expect(object["i"] as? String == hostile + "!")
        for line in lines.all {
            #expect(line.hasSuffix("\n"))
            for scalar in line.dropLast().unicodeScalars {
                #expect(scalar.properties.generalCategory != .control)
                #expect(!(0x2028...0x202E).contains(scalar.value) && !(0x2066...0x2069).contains(scalar.value))
            }
        }
    }

    @Test func keepsSecrets() {
        struct Configuration { let password: Secret<String> }
        let secret = Secret("hunter2")
        var dumped = ""
        dump(Configuration(password: secret), to: &dumped)
        for text in [
            "\(secret)", String(reflecting: secret), "\(Configuration(password: secret))", "\([secret])", dumped,
        ] {
            #expect(text.contains("****") && !text.contains("hunter2"))
        }
        #expect(secret.exposed == "hunter2")
        Logger(format: .json, sink: lines.sink).info("m", ["p": "\(secret)"])
        #expect(lines.all.first?.contains(#""p":"****""#) == true)
    }

    /// Escapes counted: a path of control characters becomes no longer than another.
    @Test(arguments: ["a", "\u{1}", "\"", "é", "😀", "a b", "\u{2028}"], [Logger.Format.json, .text])
    func cutsLongValues(_ unit: String, _ format: Logger.Format) throws {
        let value = String(repeating: unit, count: 8000)
        Logger(format: format, sink: lines.sink).with(["c": .string(value)]).info("m", ["v": .string(value), "n": 5])
        let line = try #require(lines.all.first)
        #expect(line.utf8.count < 1300)
        #expect(line.components(separatedBy: " bytes\"").count == 3)
        if format == .json {
            let object = try json(line)
            let text = try #require(object["v"] as? String)
            let cut = try #require(text.wholeMatch(of: /((?s).*)…\+(\d+) bytes/))
            #expect(value.hasPrefix(cut.1))
            #expect(cut.1.utf8.count + (Int(cut.2) ?? 0) == value.utf8.count)
            #expect(object["n"] as? Int == 5)
        }
    }

    @Test func leavesWhatIsNotLong() {
        let value = String(repeating: "a", count: 500)
        Logger(format: .text, sink: lines.sink).info("m", ["v": .string(value), "w": .string(value + "b")])
        #expect(lines.all.first?.hasSuffix("v=\(value) w=\"\(value)…+1 bytes\"\n") == true)
    }
}
