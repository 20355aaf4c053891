import HTTPServer
import JSON
import Pusher
import Synchronization

/// The sandbox's Pusher Channels server: HTTP API 1.0 and WebSocket protocol 7 for one app.
///
/// Any thread may use it. Lives as long as its server.
public final class SandboxPusher: Sendable {
    /// An event that was accepted over the HTTP API.
    public struct Event: Sendable {
        /// For example `dataset.progress`.
        public let name: String
        /// Where it went.
        public let channels: [String]
        /// As it was sent: for most a JSON text.
        public let data: String
        /// The socket that does not get it.
        public let socketID: String?
        /// When its request had arrived.
        public let arrivedAt: ContinuousClock.Instant
    }

    /// A request to the HTTP API with its answer.
    public struct APIRequest: Sendable {
        /// GET or POST.
        public let method: String
        /// Without the query.
        public let path: String
        /// Size of the body.
        public let bytes: Int
        /// Of the answer.
        public let status: Int
        /// When it had arrived.
        public let arrivedAt: ContinuousClock.Instant
    }

    private struct State {
        var broker: ChannelBroker
        var limits: SandboxPusherLimits
        var faults: [PusherFault] = []
        var hanging: [HTTPResponder] = []
        var eventNames: [String: Int] = [:]
    }

    /// Accepted events in their order.
    public let events = Recorder<Event>()
    /// All requests to the HTTP API, in the order of their answers; hanging ones are not among them.
    public let requests = Recorder<APIRequest>()
    private let state: Mutex<State>
    private let api: ChannelsAPI
    private let loop: WebSocketLoop
    private let log: @Sendable (String) -> Void

    init(
        credentials: PusherCredentials, settings: ChannelBroker.Settings, limits: SandboxPusherLimits,
        socketLimits: WebSocketLoop.Limits, log: @escaping @Sendable (String) -> Void
    ) {
        api = ChannelsAPI(credentials: credentials)
        state = Mutex(State(broker: ChannelBroker(credentials: credentials, settings: settings), limits: limits))
        self.log = log
        let owner = Mutex<WeakReference>(WeakReference())
        loop = WebSocketLoop(
            role: .server, limits: socketLimits,
            handlers: .init(
                received: { id, text in owner.withLock(\.pusher)?.received(id, text) },
                closed: { id, _ in owner.withLock(\.pusher)?.perform { $0.closed(id) } },
                tick: { owner.withLock(\.pusher)?.perform { $0.tick(now: .now) } }))
        owner.withLock { $0.pusher = self }
    }

    private struct WeakReference { weak var pusher: SandboxPusher? }

    // MARK: For tests

    /// What the app may send from now on.
    public var limits: SandboxPusherLimits {
        get { state.withLock(\.limits) }
        set { state.withLock { $0.limits = newValue } }
    }

    /// The next `count` requests to publish something meet this fault.
    public func inject(_ fault: PusherFault, count: Int = 1) {
        state.withLock { $0.faults += Array(repeating: fault, count: count) }
    }

    /// Forgets faults that have not been met yet.
    public func clearFaults() {
        state.withLock { $0.faults = [] }
    }

    /// How many events of each name were accepted, one that went to two channels counted twice.
    public var eventNames: [String: Int] { state.withLock(\.eventNames) }

    /// How many WebSocket connections there are.
    public var connectionCount: Int { state.withLock { $0.broker.connections.count } }

    /// Channels that are subscribed to, with the number of their subscriptions.
    public var channels: [String: Int] {
        state.withLock { state in
            Dictionary(uniqueKeysWithValues: state.broker.channels.map { ($0.key.text, $0.value.connections.count) })
        }
    }

    // MARK: HTTP API

    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        let arrivedAt = ContinuousClock.now
        let fault = state.withLock { state in
            request.method != "POST" || state.faults.isEmpty ? nil : state.faults.removeFirst()
        }
        guard let fault else { return answer(request, responder, arrivedAt) }
        if fault.hangs { return state.withLock { $0.hanging.append(responder) } }
        Task {
            try? await Task.sleep(for: fault.delay)
            guard let status = fault.status else { return self.answer(request, responder, arrivedAt) }
            var response = HTTPResponse.text(status, "A fault on demand")
            if let seconds = fault.retryAfter { response.headers.append(("Retry-After", "\(seconds)")) }
            self.finish(request, responder, response, arrivedAt)
        }
    }

    private func answer(_ request: HTTPRequest, _ responder: HTTPResponder, _ arrivedAt: ContinuousClock.Instant) {
        let response: HTTPResponse
        do throws(ChannelsAPI.Refusal) {
            let order = try api.read(request, limits: limits, now: WallClock.seconds)
            response = carryOut(order, arrivedAt)
        } catch {
            log("pusher   \(request.method) \(request.path) refused: \(error.response.status)")
            response = error.response
        }
        finish(request, responder, response, arrivedAt)
    }

    private func finish(
        _ request: HTTPRequest, _ responder: HTTPResponder, _ response: HTTPResponse,
        _ arrivedAt: ContinuousClock.Instant
    ) {
        requests.append(
            APIRequest(
                method: request.method, path: request.path, bytes: request.body.count, status: response.status,
                arrivedAt: arrivedAt))
        responder.respond(response)
    }

    private func carryOut(_ order: ChannelsAPI.Order, _ arrivedAt: ContinuousClock.Instant) -> HTTPResponse {
        switch order {
        case .channels(let prefix, let info): state.withLock { $0.broker.answer(channels: prefix, info: info) }
        case .channel(let name, let info): state.withLock { $0.broker.answer(channel: name, info: info) }
        case .users(let name): state.withLock { $0.broker.answer(usersOf: name) }
        case .publish(let accepted, let batch): publish(accepted, batch: batch, arrivedAt)
        }
    }

    private func publish(
        _ accepted: [ChannelsAPI.Accepted], batch: Bool, _ arrivedAt: ContinuousClock.Instant
    ) -> HTTPResponse {
        for event in accepted {
            state.withLock { $0.eventNames[event.name, default: 0] += event.channels.count }
            // Recorded first: whoever has received an event finds it among the recorded ones.
            events.append(
                Event(
                    name: event.name, channels: event.channels.map(\.text), data: event.data, socketID: event.socketID,
                    arrivedAt: arrivedAt))
            let receivers = perform { broker in
                event.channels.flatMap {
                    broker.publish(event.name, to: $0, data: event.data, except: event.socketID)
                }
            }
            log(
                "pusher   \(event.name) on \(event.channels.map(\.text).joined(separator: ", ")) -> \(receivers) sockets"
            )
        }
        return state.withLock { $0.broker.answer(published: accepted, batch: batch) }
    }

    // MARK: WebSocket

    /// `GET /app/{key}`.
    func upgrade(_ request: HTTPRequest, _ responder: HTTPResponder) {
        let headers = request.headers
        let key = WebSocketHandshake.key(
            upgrade: headers["Upgrade"], connection: headers["Connection"],
            version: headers["Sec-WebSocket-Version"], key: headers["Sec-WebSocket-Key"])
        guard request.method == "GET", let key else {
            var response = HTTPResponse.text(426, "This is a WebSocket, version 13")
            response.headers += [("Sec-WebSocket-Version", "13"), ("Upgrade", "websocket")]
            return responder.respond(response)
        }
        let app = request.pathSegments.flatMap { $0.count == 2 ? $0[1] : nil } ?? ""
        let version = request.parameter("protocol")
        let accept = WebSocketHandshake.accept(key: key)
        responder.upgrade(headers: [("Upgrade", "websocket"), ("Sec-WebSocket-Accept", accept)]) { connection in
            let socket = WebSocketLoop.Socket(
                descriptor: connection.descriptor, early: connection.receivedBytes, finish: { connection.close() })
            // Under the lock, so that the loop cannot report a message before the broker knows the connection.
            self.perform { $0.open(self.loop.add(socket), key: app, version: version, now: .now) }
        }
    }

    private func received(_ id: WebSocketLoop.ID, _ text: [UInt8]) {
        perform { $0.receive(id, text, now: .now) }
    }

    /// Lets the broker decide and posts its actions to the loop, both under the lock, so that they keep their order.
    @discardableResult
    private func perform(_ decide: (inout ChannelBroker) -> [ChannelBroker.Action]) -> Int {
        state.withLock { state in
            let actions = decide(&state.broker)
            for action in actions {
                switch action {
                case .send(let id, let text): loop.send(text, to: id)
                case .close(let id, let code, let reason): loop.close(id, code: code, reason: reason)
                }
            }
            return actions.count
        }
    }

    func stop() async {
        let hanging = state.withLock { state in
            defer { state.hanging = [] }
            return state.hanging
        }
        for responder in hanging { responder.respond(.text(503, "The sandbox stops")) }
        await loop.stop()
    }
}
