import CMicroHTTPD
import Glibc
import Synchronization

/// What the event thread, the answering threads and the thread that accepts and ends connections share.
final class ServerCore: Sendable {
    let configuration: HTTPServer.Configuration
    let handler: @Sendable (HTTPRequest, HTTPResponder) -> Void
    let upgradedSockets = UpgradedSockets()
    /// Requests of which at least the first line has come and that are not over.
    let requestsInHand = Atomic(0)
    /// Requests begun since the start.
    let requestsBegun = Atomic(0)
    /// Stopping: responses close their connections.
    let isDraining = Atomic(false)
    /// Stopping at once: nothing is suspended any more.
    let isClosing = Atomic(false)
    private let connections = Mutex(ConnectionTable())
    /// Sockets that libmicrohttpd has done with and that are to be closed in stages.
    private let leaving = Mutex<[Int32]>([])
    /// An eventfd, written to wake the thread that accepts; -1 once it is closed.
    private let wake: Mutex<Int32>

    /// - Parameter wake: owned by the caller until `forgetWake()`.
    init(
        configuration: HTTPServer.Configuration, wake: Int32,
        handler: @escaping @Sendable (HTTPRequest, HTTPResponder) -> Void
    ) {
        self.configuration = configuration
        self.handler = handler
        self.wake = Mutex(wake)
    }

    /// The response, or the error response if it may not be sent; nil if memory ran out.
    func prepare(_ response: HTTPResponse) -> PreparedResponse? {
        PreparedResponse(response) ?? prepareError(500)
    }

    func prepareError(_ status: Int) -> PreparedResponse? {
        PreparedResponse(configuration.errorResponse(status)) ?? PreparedResponse(HTTPResponse.plainError(status))
    }

    /// Answers 503 to all that is suspended, and has nothing be suspended after that.
    func refusePending() {
        isClosing.store(true, ordering: .sequentiallyConsistent)
        for exchange in connections.withLock({ $0.exchanges }) {
            exchange.answerIfSuspended { prepareError(503) }
        }
    }

    /// Any thread.
    func wakeUp() {
        wake.withLock { if $0 >= 0 { eventfd_write($0, 1) } }
    }

    func forgetWake() {
        wake.withLock { $0 = -1 }
    }
}

/// Connections and what they hold.
extension ServerCore {
    /// Takes one more connection in, if need be by ending others; says if there is no room for it.
    func admit(_ descriptor: Int32, address: String) -> ConnectionTable.Admission {
        connections.withLock { table in
            let limit = configuration.maximumConnections
            let admission = table.admission(
                of: address, limit: limit,
                addressLimit: configuration.maximumConnectionsPerAddress ?? max(1, limit - limit / 4))
            if case .take(let ending) = admission {
                ending.forEach { Self.end($0, &table) }
                table.insert(Exchange(descriptor: descriptor), address: address)
            }
            return admission
        }
    }

    /// Event thread: the exchange of a connection that has begun.
    func exchange(_ descriptor: Int32) -> Exchange {
        connections.withLock { $0.exchange(descriptor) } ?? Exchange(descriptor: descriptor)
    }

    /// Called before the socket is closed, so that its number is not another's yet.
    /// - Returns: whether this side has ended it without an answer.
    @discardableResult
    func closed(_ descriptor: Int32) -> Bool {
        connections.withLock { $0.remove(descriptor) }
    }

    /// Ends connections whose client has had the server waiting for too long, or has finished in the middle of a request.
    func endSlowConnections() {
        let seconds = configuration.idleTimeout.wholeSeconds + configuration.requestTimeout.wholeSeconds
        let now = milliseconds()
        connections.withLock { table in
            table.waiting(before: now - min(now, UInt64(seconds) * 1000)).forEach { Self.end($0, &table) }
            table.waiting(before: now - min(now, 1000)).forEach(noticeEnd(of:))
        }
    }

    /// Counts bytes of a body or an answer in, until `release`. Where there are too many, those that hold most for longest
    /// while the server waits for them are ended.
    /// - Returns: false if the bytes are too many all the same; they are counted then too.
    @discardableResult
    func hold(_ bytes: Int, _ exchange: Exchange) -> Bool {
        connections.withLock { table in
            table.hold(bytes, exchange)
            let now = milliseconds()
            while table.bytesInHand > configuration.maximumBytesInHand {
                guard let greediest = table.greediest(now: now), greediest != exchange.descriptor else { return false }
                Self.end(greediest, &table)
            }
            return true
        }
    }

    func release(_ exchange: Exchange) {
        connections.withLock { $0.release(exchange) }
    }

    /// Bytes in memory by and large, for the connections and what they hold.
    var footprint: Int {
        connections.withLock { $0.bytesInHand + $0.count * configuration.connectionMemory }
    }

    /// Some client has sent what the event thread has not read yet.
    var hasUnreadBytes: Bool {
        connections.withLock { table in
            table.exchanges.contains { exchange in
                var byte: UInt8 = 0
                return recv(exchange.descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) > 0
            }
        }
    }

    /// Under the lock, so that the descriptor is still the connection's.
    private static func end(_ descriptor: Int32, _ table: inout ConnectionTable) {
        table.end(descriptor)
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// Event thread: the socket, which is about to be closed, is to be closed in stages.
    func closeInStages(_ descriptor: Int32) {
        let duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard duplicate >= 0 else { return }
        leaving.withLock { $0.append(duplicate) }
        wakeUp()
    }

    /// The sockets to be closed in stages from now on.
    func takeLeaving() -> [Int32] {
        leaving.withLock { sockets in
            defer { sockets = [] }
            return sockets
        }
    }
}

/// Whether the client has sent all it will, and all of it has been read.
func clientHasFinished(_ descriptor: Int32) -> Bool {
    var byte: UInt8 = 0
    return recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) == 0
}

/// If the end came together with the bytes before it, libmicrohttpd got the event already and did not look: shuts reading
/// down, which is a new event. It answers what it has to answer, and closes.
func noticeEnd(of descriptor: Int32) {
    if clientHasFinished(descriptor) { shutdown(descriptor, Int32(SHUT_RD)) }
}

extension Duration {
    /// Rounded up, at least 1, at most a day.
    var wholeSeconds: UInt32 {
        let (seconds, attoseconds) = components
        return UInt32(max(1, min(max(seconds, 0) + (attoseconds > 0 ? 1 : 0), 86_400)))
    }
}
