import JSON

/// The texts of the Pusher WebSocket protocol.
enum PusherMessage {
    /// A message whose `data` is a JSON string, as all of the server's are but errors.
    static func text(event: String, channel: String? = nil, data: [UInt8]) -> [UInt8] {
        JSONWriter.bytes {
            $0.field("event", event)
            if let channel { $0.field("channel", channel) }
            $0.field("data", String(decoding: data, as: UTF8.self))
        }
    }

    /// `pusher:error`; its data is an object. Errors without a number do not end the connection.
    static func error(_ message: String, code: UInt16?) -> [UInt8] {
        JSONWriter.bytes {
            $0.field("event", "pusher:error")
            $0.field("data") {
                $0.field("message", message)
                $0.field("code", code)
            }
        }
    }

    /// `pusher:subscription_error`: the connection lives on.
    static func subscriptionError(channel: String, reason: String) -> [UInt8] {
        let data = JSONWriter.bytes {
            $0.field("type", "AuthError")
            $0.field("error", reason)
            $0.field("status", 401)
        }
        return text(event: "pusher:subscription_error", channel: channel, data: data)
    }

    /// What a client sent: the `data` is an object, or a string that holds one.
    struct Received {
        let event: String
        let channel: String?
        /// The data as it was sent.
        let data: JSONView?

        init?(_ text: [UInt8]) {
            guard let root = (try? JSONDocument(parsing: text, maximumDepth: 64))?.root,
                let event = root["event"]?.string
            else { return nil }
            self.event = event
            channel = root["channel"]?.string
            data = root["data"]
        }

        var object: JSONView? {
            guard let text = data?.string else { return data }
            return (try? JSONDocument(parsing: Array(text.utf8), maximumDepth: 64))?.root
        }
    }
}
