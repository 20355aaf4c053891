import Glibc
import Synchronization

/// Where log lines go. Lines of different threads do not mix.
public struct LogSink: Sendable {
    let isTerminal: Bool
    /// The lines go to the system's journal, which takes the priority from the beginning of each (sd-daemon(3)).
    let isJournal: Bool
    let write: @Sendable ([UInt8]) -> Void

    /// File descriptor 2.
    public static let standardError = LogSink(
        descriptor: STDERR_FILENO, journal: getenv("JOURNAL_STREAM").map { String(cString: $0) })

    /// Writes to an open file descriptor, which stays the caller's.
    ///
    /// A reader that stalls holds nobody up: when it has taken nothing for as long as the patience (in whole
    /// milliseconds), a line is dropped, and from then on each line that does not fit at once, until one does. The next
    /// line written is preceded by one that says how many are missing.
    /// - Parameter journal: `JOURNAL_STREAM`, which says what file the journal reads.
    public init(
        descriptor: Int32, patience: Duration = .milliseconds(100),
        journal: String? = nil
    ) {
        let writer = DescriptorWriter(descriptor, patience: Int32(clamping: Int(patience / .milliseconds(1))))
        isTerminal = isatty(descriptor) == 1
        var file = stat()
        isJournal = fstat(descriptor, &file) == 0 && journal == "\(file.st_dev):\(file.st_ino)"
        write = { writer.write($0) }
    }

    /// Hands each line, with its line feed, to a function, on the thread that logs.
    public init(_ write: @escaping @Sendable ([UInt8]) -> Void) {
        isTerminal = false
        isJournal = false
        self.write = write
    }
}

private final class DescriptorWriter: Sendable {
    private struct State {
        var dropped = 0
        /// The last line was cut off, so that the next begins on a line of its own.
        var isMidLine = false
    }

    private let descriptor: Int32
    private let patience: Int32
    private let state = Mutex(State())

    init(_ descriptor: Int32, patience: Int32) {
        self.descriptor = descriptor
        self.patience = patience
    }

    func write(_ line: [UInt8]) {
        state.withLock { state in
            var bytes: [UInt8] = state.isMidLine ? [0x0A] : []
            if state.dropped > 0 {
                bytes +=
                    Array(#"{"level":"warning","msg":"log lines dropped","count":\#(state.dropped)}"#.utf8) + [0x0A]
            }
            bytes += line
            let written = writeAll(bytes, patience: state.dropped > 0 ? 0 : patience)
            if written == bytes.count {
                state = State()
            } else {
                state.dropped += 1
                if written > 0 { state.isMidLine = bytes[written - 1] != 0x0A }
            }
        }
    }

    /// Writes at most what a pipe takes without blocking at a time.
    /// - Returns: how many bytes were written before the patience (in milliseconds, for each part) ran out.
    private func writeAll(_ bytes: [UInt8], patience: Int32) -> Int {
        bytes.withUnsafeBytes { buffer in
            var written = 0
            while written < buffer.count {
                var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                let ready = poll(&poller, 1, patience)
                if ready < 0 && errno == EINTR { continue }
                // Not if the reader is gone: writing would raise SIGPIPE.
                guard ready > 0, poller.revents == Int16(POLLOUT) else { break }
                let part = buffer[written..<min(written + Int(PIPE_BUF), buffer.count)]
                let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: part).baseAddress, part.count)
                if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
                guard count > 0 else { break }
                written += count
            }
            return written
        }
    }
}
