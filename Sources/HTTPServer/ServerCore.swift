import CMicroHTTPD
import Glibc
import Synchronization

/// What the event threads, the answering threads and the thread that ends the server share.
final class ServerCore: Sendable {
    private struct Open {
        var exchange: Exchange
        var descriptor: Int32
    }

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
    /// Seconds since the start, from 1.
    let tick = Atomic<UInt32>(1)
    private let connections = Mutex<[ObjectIdentifier: Open]>([:])

    init(
        configuration: HTTPServer.Configuration, handler: @escaping @Sendable (HTTPRequest, HTTPResponder) -> Void
    ) {
        self.configuration = configuration
        self.handler = handler
    }

    /// The response, or the error response if it may not be sent; nil if memory ran out.
    func prepare(_ response: HTTPResponse) -> PreparedResponse? {
        PreparedResponse(response) ?? prepareError(500)
    }

    func prepareError(_ status: Int) -> PreparedResponse? {
        PreparedResponse(configuration.errorResponse(status)) ?? PreparedResponse(HTTPResponse.plainError(status))
    }

    func opened(_ exchange: Exchange, descriptor: Int32) {
        connections.withLock {
            $0[ObjectIdentifier(exchange)] = Open(exchange: exchange, descriptor: descriptor)
        }
    }

    /// Called before the socket is closed, so that its number is not another's yet.
    func closed(_ exchange: Exchange) {
        _ = connections.withLock { $0.removeValue(forKey: ObjectIdentifier(exchange)) }
    }

    /// Ends connections whose client has had the server waiting for too long.
    func endSlowConnections() {
        let now = tick.load(ordering: .relaxed)
        let limit = configuration.idleTimeout.wholeSeconds + configuration.requestTimeout.wholeSeconds
        connections.withLock { connections in
            for open in connections.values {
                let since = open.exchange.waitingSince.load(ordering: .relaxed)
                if since != 0, now - since > limit {
                    shutdown(open.descriptor, Int32(SHUT_RDWR))
                }
            }
        }
    }

    /// Answers 503 to all that is suspended, and has nothing be suspended after that.
    func refusePending() {
        isClosing.store(true, ordering: .sequentiallyConsistent)
        let exchanges = connections.withLock { $0.values.map(\.exchange) }
        for exchange in exchanges {
            exchange.answerIfSuspended { prepareError(503) }
        }
    }
}

extension Duration {
    /// Rounded up, at least 1, at most a day.
    var wholeSeconds: UInt32 {
        let (seconds, attoseconds) = components
        return UInt32(min(max(seconds, 0) + (attoseconds > 0 ? 1 : 0), 86_400)).clampedToOne
    }
}

extension UInt32 {
    fileprivate var clampedToOne: UInt32 { Swift.max(self, 1) }
}
