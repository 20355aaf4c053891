/// An HTTP/1.1 server over libmicrohttpd: an epoll thread of its own, handlers that answer at once or later.
public final class HTTPServer: Sendable {
    /// How to listen, and what to bear.
    public struct Configuration: Sendable {
        /// An IPv4 or IPv6 address in text form; no names.
        public var host = "127.0.0.1"
        /// 0 takes any free port: see `HTTPServer.port`.
        public var port: UInt16 = 0
        /// How long a connection may be silent before it is closed. Whole seconds.
        public var idleTimeout: Duration = .seconds(60)
        /// How long a client may take beyond `idleTimeout` to send one request, or to take one response, however
        /// busily it does. Whole seconds. The time until the handler has answered does not count.
        public var requestTimeout: Duration = .seconds(30)
        /// For one more, those that have had the server waiting for longest are closed, first of the address that has
        /// most; where none has, further ones wait in the system's queue.
        public var maximumConnections = 1024
        /// Beyond this, the connection of the address that has had the server waiting for longest is closed, or the new
        /// one where none has. nil for three quarters of `maximumConnections`: the rest is for others.
        public var maximumConnectionsPerAddress: Int?
        /// Bodies and answers that are in memory, all together, in bytes. For more, the connections that hold most for
        /// longest while the server waits for their client are closed; a body for which that does not make room: 503.
        public var maximumBytesInHand = 64 << 20
        /// Request target, header names and values together, in bytes; beyond it 431 (or 414 for the target alone).
        /// Twice as much is never read: libmicrohttpd then answers by itself, with a page of its own.
        public var maximumHeaderBytes = 16384
        /// The largest body for a method and path, in bytes; beyond it 413. Called on the event thread.
        public var bodyLimit: @Sendable (_ method: String, _ path: String) -> Int = { _, _ in 65536 }
        /// An answer to what the header alone, of a request whose body may be taken, shows to be wrong; nil lets it pass.
        /// The body, here empty, is then not kept, and the connection closed. Called on the event thread.
        public var refusal: @Sendable (_ head: HTTPRequest) -> HTTPResponse? = { _ in nil }
        /// What the server answers by itself: 400, 413, 414, 431, 500, 501 or 503. Called on any thread.
        public var errorResponse: @Sendable (_ status: Int) -> HTTPResponse = HTTPResponse.plainError

        /// Loopback, any port, and the values above.
        public init() {}

        /// What libmicrohttpd has for one connection, in bytes.
        var connectionMemory: Int { 2 * maximumHeaderBytes + 4096 }
    }

    /// The port in use.
    public let port: UInt16
    private let life: ServerLife

    private init(port: UInt16, life: ServerLife) {
        self.port = port
        self.life = life
    }

    /// Listens and serves until stopped or dropped.
    ///
    /// `handler` gets every request whose body has come. It is called on the event thread and must not block; it answers
    /// there, which is fastest, or keeps the responder and answers later from any thread.
    public static func start(
        _ configuration: Configuration, handler: @escaping @Sendable (HTTPRequest, HTTPResponder) -> Void
    ) throws(HTTPServerError) -> HTTPServer {
        let socket = try ListeningSocket(host: configuration.host, port: configuration.port)
        let life = try ServerLife.start(configuration, socket: socket, handler: handler)
        return HTTPServer(port: socket.port, life: life)
    }

    /// Stops: accepts no more connections, serves those that had been accepted or were waiting to be, with
    /// `Connection: close`, and closes once no request has been in hand for a tenth of a second, or when the time is
    /// up; what then still has no answer gets 503. May be called several times and at once: the first call's time counts,
    /// and each returns when the server has stopped.
    public func stop(within time: Duration) async {
        await life.stop(within: time)
    }

    deinit {
        life.abandon()
    }
}
