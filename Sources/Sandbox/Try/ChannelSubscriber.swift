import JSON

/// A subscriber to one Pusher channel, as a web client is one.
struct ChannelSubscriber: Sendable {
    /// An event on the channel, its data parsed.
    struct Event: Sendable {
        let name: String
        let data: JSONView
    }

    let socketID: String
    let channel: String
    private let client: WebSocketClient

    /// Connects and subscribes; `authorize` gets the socket id and the channel, and returns the signature.
    init(
        host: String, port: UInt16, key: String, channel: String,
        authorize: @Sendable (String, String) async throws(SandboxError) -> String
    ) async throws(SandboxError) {
        client = try await WebSocketClient.connect(
            host: host, port: port, path: "/app/\(key)?protocol=7&client=sandbox&version=1.0")
        self.channel = channel
        do throws(SandboxError) {
            let established = try await Self.next(client, "pusher:connection_established")
            guard let socketID = established["socket_id"]?.string else { throw SandboxError("no socket id came") }
            self.socketID = socketID
            let auth = try await authorize(socketID, channel)
            let message = JSONWriter.bytes {
                $0.field("event", "pusher:subscribe")
                $0.field("data") {
                    $0.field("channel", channel)
                    $0.field("auth", auth)
                }
            }
            client.send(String(decoding: message, as: UTF8.self))
            _ = try await Self.next(client, "pusher_internal:subscription_succeeded")
        } catch {
            await client.close()
            throw error
        }
    }

    /// The next event on the channel; pings are answered. Throws when the connection is over.
    func next() async throws(SandboxError) -> Event {
        for await event in client.events {
            guard case .text(let text) = event else { break }
            guard let message = PusherMessage.Received(Array(text.utf8)) else { continue }
            if message.event == "pusher:ping" { client.send(#"{"event":"pusher:pong","data":{}}"#) }
            if message.channel == channel, let data = message.object { return Event(name: message.event, data: data) }
        }
        throw SandboxError("the connection to Pusher is over")
    }

    func close() async { await client.close() }

    /// Waits for one message of the protocol; its data.
    private static func next(_ client: WebSocketClient, _ name: String) async throws(SandboxError) -> JSONView {
        for await event in client.events {
            guard case .text(let text) = event else { break }
            guard let message = PusherMessage.Received(Array(text.utf8)) else { continue }
            if message.event == name, let object = message.object { return object }
            if message.event == "pusher:error" || message.event == "pusher:subscription_error" {
                throw SandboxError("Pusher says \(text)")
            }
        }
        throw SandboxError("the connection to Pusher ended before \(name)")
    }
}
