import JSON
import Pusher

/// What clients send.
extension ChannelBroker {
    /// A text message of a connection. Whatever it is, it shows that the client lives.
    mutating func receive(_ id: ConnectionID, _ text: [UInt8], now: Instant) -> [Action] {
        guard connections[id] != nil else { return [] }
        connections[id]?.lastHeard = now
        connections[id]?.pingSent = nil
        guard let message = PusherMessage.Received(text) else { return error(id, "Invalid message") }
        switch message.event {
        case "pusher:ping":
            return [.send(id, PusherMessage.text(event: "pusher:pong", data: Array("{}".utf8)))]
        case "pusher:pong":
            return []
        case "pusher:subscribe":
            return subscribe(id, message)
        case "pusher:unsubscribe":
            guard let text = message.object?["channel"]?.string, let name = try? ChannelName(text) else { return [] }
            return leave(id, name)
        case "pusher:signin":
            return error(id, "Sign-in is not supported", code: 4009)
        case let event where event.hasPrefix("client-"):
            return clientEvent(id, message, now: now)
        default:
            return error(id, "Unknown event")
        }
    }

    private func error(_ id: ConnectionID, _ message: String, code: UInt16? = nil) -> [Action] {
        [.send(id, PusherMessage.error(message, code: code))]
    }

    // MARK: Subscriptions

    private mutating func subscribe(_ id: ConnectionID, _ message: PusherMessage.Received) -> [Action] {
        guard let connection = connections[id], let data = message.object, let text = data["channel"]?.string else {
            return error(id, "Channel name missing")
        }
        guard let name = try? ChannelName(text) else { return error(id, "Invalid channel name") }
        guard connection.subscriptions[name] == nil else {
            return error(id, "Existing subscription to channel \(text)")
        }
        let channelData = data["channel_data"]?.string
        if name.kind != .public {
            let granted = ChannelAuthorizer(credentials: credentials).verify(
                auth: data["auth"]?.string ?? "", socketID: connection.socketID, channel: text, channelData: channelData
            )
            guard granted else {
                return refuse(id, text, "Invalid signature for \(connection.socketID):\(text)")
            }
        }
        guard name.kind == .presence else {
            join(id, name, userID: nil)
            return [succeeded(id, name, data: Array("{}".utf8))]
        }
        return subscribeMember(id, name, channelData: channelData)
    }

    private mutating func subscribeMember(_ id: ConnectionID, _ name: ChannelName, channelData: String?) -> [Action] {
        guard let channelData, channelData.utf8.count <= 1024,
            let data = (try? JSONDocument(parsing: Array(channelData.utf8), maximumDepth: 64))?.root,
            let userID = data["user_id"].flatMap({ $0.string ?? $0.int.map(String.init) }),
            (1...128).contains(userID.utf8.count)
        else { return refuse(id, name.text, "channel_data with a user_id, of at most 1 KB, is required") }
        var actions: [Action] = []
        if let index = channels[name]?.members.firstIndex(where: { $0.userID == userID }) {
            channels[name]?.members[index].connections += 1
        } else {
            guard channels[name]?.members.count ?? 0 < settings.membersPerChannel else {
                return refuse(id, name.text, "The channel has \(settings.membersPerChannel) members already")
            }
            let info = data["user_info"].map { Array($0.raw) } ?? Array("null".utf8)
            let added = JSONWriter.bytes {
                $0.field("user_id", userID)
                $0.field("user_info", raw: info)
            }
            let message = PusherMessage.text(event: "pusher_internal:member_added", channel: name.text, data: added)
            actions = send(message, to: name) { _ in true }
            channels[name, default: Channel()].members.append(Member(userID: userID, info: info))
        }
        join(id, name, userID: userID)
        let members = channels[name]?.members ?? []
        let presence = JSONWriter.bytes {
            $0.field("presence") {
                $0.list("ids") { for member in members { $0.value(member.userID) } }
                $0.field("hash") { for member in members { $0.field(member.userID, raw: member.info) } }
                $0.field("count", members.count)
            }
        }
        return actions + [succeeded(id, name, data: presence)]
    }

    private mutating func join(_ id: ConnectionID, _ name: ChannelName, userID: String?) {
        channels[name, default: Channel()].connections.append(id)
        connections[id]?.subscriptions.updateValue(userID, forKey: name)
    }

    private func succeeded(_ id: ConnectionID, _ name: ChannelName, data: [UInt8]) -> Action {
        .send(id, PusherMessage.text(event: "pusher_internal:subscription_succeeded", channel: name.text, data: data))
    }

    private func refuse(_ id: ConnectionID, _ channel: String, _ reason: String) -> [Action] {
        [.send(id, PusherMessage.subscriptionError(channel: channel, reason: reason))]
    }

    // MARK: Client events

    private mutating func clientEvent(
        _ id: ConnectionID, _ message: PusherMessage.Received, now: Instant
    ) -> [Action] {
        guard let channel = message.channel, let name = try? ChannelName(channel), name.kind != .public,
            let subscription = connections[id]?.subscriptions[name]
        else { return error(id, "Client events need a subscription to a private or presence channel") }
        let data = message.data?.raw ?? Array("null".utf8)[...]
        guard message.event.utf8.count <= 200, data.count <= 10_240 else {
            return error(id, "The client event is too large")
        }
        guard countClientEvent(id, now: now) else {
            return error(id, "Client event rejected due to rate limit", code: 4301)
        }
        let relayed = JSONWriter.bytes {
            $0.field("event", message.event)
            $0.field("channel", name.text)
            $0.field("data", raw: data)
            if let userID = subscription { $0.field("user_id", userID) }
        }
        return send(relayed, to: name) { $0 != id }
    }

    private mutating func countClientEvent(_ id: ConnectionID, now: Instant) -> Bool {
        guard var connection = connections[id] else { return false }
        if now - connection.clientEventWindow >= .seconds(1) {
            connection.clientEventWindow = now
            connection.clientEvents = 0
        }
        connection.clientEvents += 1
        connections[id] = connection
        return connection.clientEvents <= settings.clientEventsPerSecond
    }
}
