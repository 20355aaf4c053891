@preconcurrency import Dispatch
import Glibc

/// Signals to the process as a stream. What they do by default is off from the first call on.
enum Signals {
    /// Each of these signals as it comes.
    static func stream(of numbers: [Int32]) -> AsyncStream<Int32> {
        AsyncStream { continuation in
            let sources = numbers.map { number in
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number)
                source.setEventHandler { @Sendable in continuation.yield(number) }
                source.resume()
                return source
            }
            continuation.onTermination = { @Sendable _ in
                for source in sources { source.cancel() }
            }
        }
    }
}
