import Foundation
import Glibc
import Telemetry
import Testing

@Suite(.timeLimit(.minutes(5))) struct LogSinkTests {
    /// Reads all that is there, until the other end is closed or, if it is not, until nothing more is there.
    private func read(_ descriptor: Int32, untilEnd: Bool) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&poller, 1, untilEnd ? -1 : 0) > 0 else { break }
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            Thread { continuation.resume(returning: body()) }.start()
        }
    }

    private func makePipe() -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    /// What the journal reads begins with a priority (sd-daemon(3)); what something else reads does not.
    @Test func theJournalGetsPriorities() {
        let (reader, writer) = makePipe()
        defer { close(reader) }
        var file = stat()
        #expect(fstat(writer, &file) == 0)
        for (journal, prefixes) in [
            ("\(file.st_dev):\(file.st_ino)", ["<7>", "<6>", "<4>", "<3>"]), ("1:2", ["", "", "", ""]),
        ] {
            let log = Logger(level: .debug, format: .json, sink: LogSink(descriptor: writer, journal: journal))
            log.debug("a")
            log.info("a")
            log.warning("a")
            log.error("a")
            let lines = read(reader, untilEnd: false).split(separator: "\n")
            #expect(zip(lines, prefixes).allSatisfy { $0.hasPrefix($1 + "{\"ts\"") })
            #expect(lines.count == 4)
        }
        close(writer)
    }

    /// A logger whose lines are long: so many fields of 500 bytes, which is the longest a value may be.
    private func long(_ log: Logger, _ count: Int, of character: Character) -> Logger {
        let value = LogValue.string(String(repeating: character, count: 500))
        return (0..<count).reduce(log) { log, _ in log.with(["t": value]) }
    }

    @Test func keepsLinesOfManyThreadsWhole() async {
        let (reader, writer) = makePipe()
        defer { close(reader) }
        let log = Logger(format: .auto, sink: LogSink(descriptor: writer, patience: .seconds(50)))
        // Threads of their own, as all of them block.
        async let all = onThread { read(reader, untilEnd: true) }
        await withTaskGroup { group in
            for number in 0..<8 {
                group.addTask {
                    await onThread {
                        // Up to twice what a pipe takes at once.
                        let log = long(log, 2 * (number + 1), of: Character(String(number)))
                        for _ in 0..<20 { log.info("m") }
                    }
                }
            }
        }
        close(writer)
        let lines = await all.split(separator: "\n")
        let expected = (0..<8).map { number in
            String(
                repeating: ",\"t\":\"" + String(repeating: String(number), count: 500) + "\"", count: 2 * (number + 1))
        }
        for text in expected { #expect(lines.count { $0.hasSuffix(#","msg":"m"\#(text)}"#) } == 20) }
        #expect(lines.count == 160)
    }

    @Test func dropsLinesRatherThanBlock() {
        let (reader, writer) = makePipe()
        let log = Logger(format: .json, sink: LogSink(descriptor: writer))
        let text = String(repeating: "x", count: 1000)
        let time = ContinuousClock().measure { for n in 0..<500 { log.info("m", ["n": .int(n), "x": .string(text)]) } }
        #expect(time < .seconds(10))
        let before = read(reader, untilEnd: false)
        log.info("after")
        close(writer)
        let after = read(reader, untilEnd: true).split(separator: "\n")
        let written = before.split(separator: "\n").count { $0.hasSuffix("}") }
        #expect((30..<500).contains(written))
        #expect(after.count == 2)
        #expect(after.first == #"{"level":"warning","msg":"log lines dropped","count":\#(500 - written)}"#)
        #expect(after.last?.hasSuffix(#""msg":"after"}"#) == true)
        close(reader)
    }

    @Test func beginsANewLineAfterOneThatWasCutOff() {
        let (reader, writer) = makePipe()
        let log = Logger(format: .json, sink: LogSink(descriptor: writer))
        long(log, 300, of: "x").info("long")
        let cut = read(reader, untilEnd: false)
        #expect(cut.contains(#""msg":"long""#) && !cut.contains("\n"))
        log.info("after")
        close(writer)
        let after = read(reader, untilEnd: true)
        #expect(after.hasPrefix("\n{") && after.hasSuffix("\"after\"}\n"))
        close(reader)
    }

    /// Without the signal that ends a process; the next reader is told what is missing.
    @Test func survivesTheEndOfItsReader() throws {
        var template = Array("/tmp/log-sink-XXXXXX".utf8CString)
        let folder = String(cString: try #require(mkdtemp(&template)))
        let path = folder + "/pipe"
        try #require(mkfifo(path, 0o600) == 0)
        defer {
            unlink(path)
            rmdir(folder)
        }
        let first = open(path, O_RDONLY | O_NONBLOCK)
        let writer = open(path, O_WRONLY)
        let log = Logger(format: .json, sink: LogSink(descriptor: writer))
        close(first)
        log.info("nobody reads this")
        let second = open(path, O_RDONLY | O_NONBLOCK)
        log.info("somebody reads this")
        close(writer)
        let lines = read(second, untilEnd: true).split(separator: "\n")
        #expect(lines.first == #"{"level":"warning","msg":"log lines dropped","count":1}"#)
        #expect(lines.count == 2 && lines.last?.hasSuffix(#""msg":"somebody reads this"}"#) == true)
        close(second)
    }

    @Test func writesColouredTextToATerminal() {
        let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        var number: Int32 = 0
        // TIOCGPTN and TIOCSPTLCK, which Swift does not import.
        #expect(ioctl(master, 0x8004_5430, &number) == 0)
        var lock: Int32 = 0
        #expect(ioctl(master, 0x4004_5431, &lock) == 0)
        let slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
        defer { close(slave) }
        let sink = LogSink(descriptor: slave)
        for format in [Logger.Format.auto, .text] {
            Logger(format: format, sink: sink, mayColour: true).error("m", ["a": 1])
            let text = read(master, untilEnd: false)
            #expect(text.contains(" \u{1B}[31mERROR\u{1B}[0m \u{1B}[1mm\u{1B}[0m \u{1B}[2ma=\u{1B}[0m1\r\n"))
        }
        Logger(sink: sink, mayColour: false).error("m", ["a": 1])
        #expect(read(master, untilEnd: false).hasSuffix(" ERROR m a=1\r\n"))
        Logger(format: .json, sink: sink).error("m")
        #expect(read(master, untilEnd: false).hasSuffix("\"msg\":\"m\"}\r\n"))
        close(master)
    }
}
