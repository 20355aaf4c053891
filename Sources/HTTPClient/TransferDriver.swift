import CEpoll
import Glibc
import Synchronization

/// A request on its way to the thread, and where its result goes.
struct TransferJob: Sendable {
    let id: UInt64
    let request: HTTPClientRequest
    let continuation: CheckedContinuation<Result<HTTPClientResponse, HTTPClientError>, Never>
    /// Scheme, host and port as written, in lower case.
    let origin: String
    let deadline: ContinuousClock.Instant

    init(
        id: UInt64, request: HTTPClientRequest,
        continuation: CheckedContinuation<Result<HTTPClientResponse, HTTPClientError>, Never>
    ) {
        self.id = id
        self.request = request
        self.continuation = continuation
        let slashes = request.url.utf8.firstIndex(of: 0x2F).map { request.url.utf8.index($0, offsetBy: 2) }
        let authority = request.url.utf8[(slashes ?? request.url.startIndex)...].prefix { byte in
            byte != UInt8(ascii: "/") && byte != UInt8(ascii: "?") && byte != UInt8(ascii: "#")
        }
        origin = request.url[..<authority.endIndex].lowercased()
        deadline = .now + .milliseconds(request.timeout.milliseconds)
    }
}

/// Hands requests to the one thread that drives libcurl, and ends it.
final class TransferDriver: Sendable {
    private struct Inbox {
        var jobs: [TransferJob] = []
        var cancelled: [UInt64] = []
        var isClosing = false
        var hasEnded = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let inbox = Mutex(Inbox())
    private let lastID = Atomic<UInt64>(0)
    private let limits: TransferLimits
    /// An eventfd, written to wake the thread, under the inbox's lock before `hasEnded`, after which it is closed.
    private let wakeUp = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))

    init(limits: TransferLimits) {
        self.limits = limits
        var thread = pthread_t()
        let driver = Unmanaged.passRetained(self)
        let failure = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<TransferDriver>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, driver.toOpaque())
        if failure == 0 {
            pthread_detach(thread)
        } else {
            driver.release()
            end()
        }
    }

    func nextID() -> UInt64 {
        lastID.wrappingAdd(1, ordering: .relaxed).newValue
    }

    /// Called in the task that wants the result: a task cancelled before this finds out here, one cancelled later by
    /// `cancel`, which waits for the lock.
    func submit(_ job: TransferJob) {
        let refusal = inbox.withLock { inbox -> HTTPClientError? in
            if inbox.isClosing { return .closed }
            if Task.isCancelled { return .cancelled }
            inbox.jobs.append(job)
            if inbox.jobs.count == 1 { wake() }
            return nil
        }
        if let refusal { job.continuation.resume(returning: .failure(refusal)) }
    }

    func cancel(_ id: UInt64) {
        inbox.withLock { inbox in
            if !inbox.isClosing {
                inbox.cancelled.append(id)
                wake()
            }
        }
    }

    /// Has the thread end by itself.
    func close() {
        inbox.withLock { inbox in
            if !inbox.isClosing {
                inbox.isClosing = true
                wake()
            }
        }
    }

    func shutdown() async {
        close()
        await withCheckedContinuation { continuation in
            let hasEnded = inbox.withLock { inbox in
                if !inbox.hasEnded { inbox.waiting.append(continuation) }
                return inbox.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    /// Under the lock.
    private func wake() {
        if wakeUp >= 0 { eventfd_write(wakeUp, 1) }
    }

    private func run() {
        if let transfers = TransferTable(limits: limits, wake: wakeUp) {
            while true {
                let (jobs, cancelled, isClosing) = inbox.withLock { inbox in
                    defer { (inbox.jobs, inbox.cancelled) = ([], []) }
                    return (inbox.jobs, inbox.cancelled, inbox.isClosing)
                }
                jobs.forEach(transfers.start)
                cancelled.forEach(transfers.cancel)
                if isClosing { break }
                transfers.perform()
            }
            transfers.failAll(.closed)
        }
        end()
    }

    private func end() {
        let (jobs, waiting) = inbox.withLock { inbox in
            inbox.isClosing = true
            if !inbox.hasEnded, wakeUp >= 0 { Glibc.close(wakeUp) }
            inbox.hasEnded = true
            defer { (inbox.jobs, inbox.waiting) = ([], []) }
            return (inbox.jobs, inbox.waiting)
        }
        jobs.forEach { $0.continuation.resume(returning: .failure(.closed)) }
        waiting.forEach { $0.resume() }
    }
}

extension HTTPClientError {
    static let closed = HTTPClientError(kind: .closed, detail: "the client has been shut down", mayHaveBeenSent: false)
    static let cancelled = HTTPClientError(kind: .cancelled, detail: "the task was cancelled", mayHaveBeenSent: false)
}
