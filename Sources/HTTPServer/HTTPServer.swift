/// An HTTP/1.1 server over libmicrohttpd: epoll threads of its own, handlers that answer at once or later.
public final class HTTPServer: Sendable {
    /// How to listen, and what to bear.
    public struct Configuration: Sendable {
        /// An IPv4 or IPv6 address in text form; no names.
        public var host = "127.0.0.1"
        /// 0 takes any free port: see `HTTPServer.port`.
        public var port: UInt16 = 0
        /// Event threads. One answers over 100,000 requests a second.
        public var threads = 1
        /// How long a connection may be silent before it is closed. Whole seconds.
        public var idleTimeout: Duration = .seconds(60)
        /// How long a client may take beyond `idleTimeout` to send one request, or to take one response, however
        /// busily it does. Whole seconds. The time until the handler has answered does not count.
        public var requestTimeout: Duration = .seconds(30)
        /// Further connections wait in the system's queue.
        public var maximumConnections = 1024
        /// Connections from one address beyond this are closed at once; nil for no limit.
        public var maximumConnectionsPerAddress: Int?
        /// Request target, header names and values together, in bytes; beyond it 431 (or 414 for the target alone).
        /// Twice as much is never read: libmicrohttpd then answers by itself, with a page of its own.
        public var maximumHeaderBytes = 16384
        /// The largest body for a method and path, in bytes; beyond it 413. Called on the event thread.
        public var bodyLimit: @Sendable (_ method: String, _ path: String) -> Int = { _, _ in 65536 }
        /// What the server answers by itself: 400, 413, 414, 431, 500, 501 or 503. Called on any thread.
        public var errorResponse: @Sendable (_ status: Int) -> HTTPResponse = HTTPResponse.plainError

        /// Loopback, any port, and the values above.
        public init() {}
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
    /// `handler` gets every request whose body has come. It is called on an event thread and must not block; it answers
    /// there, which is fastest, or keeps the responder and answers later from any thread.
    public static func start(
        _ configuration: Configuration, handler: @escaping @Sendable (HTTPRequest, HTTPResponder) -> Void
    ) throws(HTTPServerError) -> HTTPServer {
        let socket = try ListeningSocket(host: configuration.host, port: configuration.port)
        let core = ServerCore(configuration: configuration, handler: handler)
        let life = try ServerLife.start(core: core, socket: socket)
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
