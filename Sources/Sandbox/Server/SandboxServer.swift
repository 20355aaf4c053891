public import HTTPServer
public import Pusher

/// The other parties of the integrator in one place: a TV Python API and a Pusher Channels server, on one port.
///
/// Any thread may use it; it runs until `stop()`.
public final class SandboxServer: Sendable {
    /// How to listen, and who may come in.
    public struct Configuration: Sendable {
        /// An IPv4 or IPv6 address.
        public var host = "127.0.0.1"
        /// 0 takes any free port.
        public var port: UInt16 = 0
        /// The bearer token of the TV Python API.
        public var tvToken: String
        /// The Pusher app.
        public var pusher: PusherCredentials
        /// How datasets are built.
        public var scenario = Scenario()
        /// What the Pusher app may send.
        public var pusherLimits = SandboxPusherLimits()
        /// Seconds of silence after which a WebSocket is pinged; announced to clients.
        public var activityTimeout = 120
        /// How long a WebSocket may take to answer a ping.
        public var pongTimeout: Duration = .seconds(30)
        /// Bytes that may wait for a slow WebSocket before it is cut off.
        public var socketQueueBytes = 1 << 20
        /// Gets one readable line for each webhook and each Pusher event; called on any thread.
        public var log: @Sendable (String) -> Void = { _ in }

        /// Loopback, any port, no faults.
        public init(tvToken: String, pusher: PusherCredentials) {
            self.tvToken = tvToken
            self.pusher = pusher
        }
    }

    /// The TV Python API.
    public let tv: SandboxTV
    /// The Pusher Channels server.
    public let pusher: SandboxPusher
    /// What it was started with.
    public let configuration: Configuration
    private let server: HTTPServer

    private init(configuration: Configuration, tv: SandboxTV, pusher: SandboxPusher, server: HTTPServer) {
        self.configuration = configuration
        self.tv = tv
        self.pusher = pusher
        self.server = server
    }

    /// Listens and serves at once.
    public static func start(_ configuration: Configuration) throws(HTTPServerError) -> SandboxServer {
        var settings = ChannelBroker.Settings()
        settings.activityTimeout = configuration.activityTimeout
        settings.pongTimeout = configuration.pongTimeout
        var socketLimits = WebSocketLoop.Limits()
        socketLimits.queuedBytes = configuration.socketQueueBytes
        let tv = SandboxTV(token: configuration.tvToken, scenario: configuration.scenario, log: configuration.log)
        let pusher = SandboxPusher(
            credentials: configuration.pusher, settings: settings, limits: configuration.pusherLimits,
            socketLimits: socketLimits, log: configuration.log)
        let control = SandboxControl(tv: tv, pusher: pusher)
        var http = HTTPServer.Configuration()
        http.host = configuration.host
        http.port = configuration.port
        http.bodyLimit = { _, _ in 16 << 20 }
        let server = try HTTPServer.start(http) { request, responder in
            switch request.path.split(separator: "/").first {
            case "app": pusher.upgrade(request, responder)
            case "apps": pusher.handle(request, responder)
            case "callbacks", "dataset": tv.handle(request, responder)
            case "sandbox": control.handle(request, responder)
            default: responder.respond(.message(404, "Not found."))
            }
        }
        return SandboxServer(configuration: configuration, tv: tv, pusher: pusher, server: server)
    }

    /// The port in use, of both parties.
    public var port: UInt16 { server.port }

    /// `http://host:port`: the TV Python API's URL, and the start of all others.
    public var url: String { "http://\(configuration.host):\(port)" }

    /// Ends webhooks, sockets and the server, in this order. Idempotent.
    public func stop() async {
        await tv.stop()
        await pusher.stop()
        await server.stop(within: .seconds(1))
    }
}
