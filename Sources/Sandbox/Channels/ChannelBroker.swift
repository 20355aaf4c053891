import JSON
import Pusher

/// Connections, subscriptions and members of one Pusher app: protocol 7 as a value that decides what is to be sent.
///
/// Has no clock, socket or lock; whoever holds it performs the actions in their order.
struct ChannelBroker: Sendable {
    typealias ConnectionID = UInt64
    typealias Instant = ContinuousClock.Instant

    enum Action: Equatable, Sendable {
        case send(ConnectionID, [UInt8])
        case close(ConnectionID, code: UInt16, reason: String)
    }

    struct Settings: Sendable {
        /// Seconds without a word from a client after which it is pinged; also announced to clients.
        var activityTimeout = 120
        /// How long a ping waits for an answer before the connection is closed with 4201.
        var pongTimeout: Duration = .seconds(30)
        /// Client events a connection may send in a second.
        var clientEventsPerSecond = 10
        var membersPerChannel = 100
    }

    struct Connection: Sendable {
        let socketID: String
        var lastHeard: Instant
        var pingSent: Instant?
        /// The user id is nil outside of presence channels.
        var subscriptions: [ChannelName: String?] = [:]
        var clientEventWindow: Instant
        var clientEvents = 0
    }

    struct Member: Sendable {
        let userID: String
        let info: [UInt8]
        var connections = 1
    }

    struct Channel: Sendable {
        var connections: [ConnectionID] = []
        var members: [Member] = []
    }

    let credentials: PusherCredentials
    let settings: Settings
    var connections: [ConnectionID: Connection] = [:]
    var channels: [ChannelName: Channel] = [:]

    init(credentials: PusherCredentials, settings: Settings = Settings()) {
        self.credentials = credentials
        self.settings = settings
    }

    // MARK: Connections

    /// A new connection with the key of its path and its `protocol` parameter.
    mutating func open(_ id: ConnectionID, key: String, version: String?, now: Instant) -> [Action] {
        guard key == credentials.key else {
            return refuse(id, 4001, "Application does not exist")
        }
        guard let version else { return refuse(id, 4008, "No protocol version supplied") }
        guard let number = Int(version) else { return refuse(id, 4006, "Invalid version string format") }
        guard (5...7).contains(number) else { return refuse(id, 4007, "Unsupported protocol version") }
        let socketID = "\(UInt32.random(in: 1...UInt32.max)).\(id)"
        connections[id] = Connection(socketID: socketID, lastHeard: now, clientEventWindow: now)
        let data = JSONWriter.bytes {
            $0.field("socket_id", socketID)
            $0.field("activity_timeout", settings.activityTimeout)
        }
        return [.send(id, PusherMessage.text(event: "pusher:connection_established", data: data))]
    }

    /// The connection is gone: its subscriptions end.
    mutating func closed(_ id: ConnectionID) -> [Action] {
        guard let connection = connections[id] else { return [] }
        let names = connection.subscriptions.keys.sorted { $0.text < $1.text }
        defer { connections[id] = nil }
        return names.flatMap { leave(id, $0) }
    }

    /// Pings who has been silent and closes who did not answer.
    mutating func tick(now: Instant) -> [Action] {
        var actions: [Action] = []
        for id in connections.keys.sorted() {
            guard let connection = connections[id] else { continue }
            if let pingSent = connection.pingSent {
                if now - pingSent >= settings.pongTimeout {
                    actions += closed(id) + refuse(id, 4201, "Pong reply not received in time")
                }
            } else if now - connection.lastHeard >= .seconds(settings.activityTimeout) {
                connections[id]?.pingSent = now
                actions.append(.send(id, PusherMessage.text(event: "pusher:ping", data: Array("{}".utf8))))
            }
        }
        return actions
    }

    private func refuse(_ id: ConnectionID, _ code: UInt16, _ message: String) -> [Action] {
        [.send(id, PusherMessage.error(message, code: code)), .close(id, code: code, reason: message)]
    }

    // MARK: Events

    /// Sends an event to all who subscribed to the channel, save for one socket.
    func publish(_ event: String, to channel: ChannelName, data: String, except socketID: String?) -> [Action] {
        let message = PusherMessage.text(event: event, channel: channel.text, data: Array(data.utf8))
        return send(message, to: channel) { connections[$0]?.socketID != socketID }
    }

    func send(
        _ message: [UInt8], to channel: ChannelName, where included: (ConnectionID) -> Bool
    ) -> [Action] {
        (channels[channel]?.connections ?? []).filter(included).map { .send($0, message) }
    }

    // MARK: Membership

    /// Ends a subscription; others hear of it when it was the user's last in a presence channel.
    mutating func leave(_ id: ConnectionID, _ name: ChannelName) -> [Action] {
        guard let subscription = connections[id]?.subscriptions.removeValue(forKey: name) else { return [] }
        channels[name]?.connections.removeAll { $0 == id }
        if channels[name]?.connections.isEmpty == true { channels[name] = nil }
        guard let userID = subscription, let index = channels[name]?.members.firstIndex(where: { $0.userID == userID })
        else { return [] }
        channels[name]?.members[index].connections -= 1
        guard channels[name]?.members[index].connections == 0 else { return [] }
        channels[name]?.members.remove(at: index)
        let data = JSONWriter.bytes { $0.field("user_id", userID) }
        let message = PusherMessage.text(event: "pusher_internal:member_removed", channel: name.text, data: data)
        return send(message, to: name) { _ in true }
    }
}
