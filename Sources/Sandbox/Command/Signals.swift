import Glibc

/// Signals as values, taken by a thread of its own (sigwait).
enum Signals {
    /// Blocks the signals for this thread and those it starts; each that comes is an element.
    static func wait(for signals: [Int32]) -> AsyncStream<Int32> {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        let blocked = set
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        startThread {
            var set = blocked
            var signal: Int32 = 0
            while sigwait(&set, &signal) == 0 { continuation.yield(signal) }
        }
        return stream
    }
}
