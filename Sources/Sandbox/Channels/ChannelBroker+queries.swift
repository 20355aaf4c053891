import HTTPServer
import JSON

/// What Pusher's HTTP API tells of the channels.
extension ChannelBroker {
    func answer(channels prefix: String, info: String) -> HTTPResponse {
        let names = channels.keys.filter { $0.text.hasPrefix(prefix) }.sorted { $0.text < $1.text }
        return .json { writer in
            writer.field("channels") { writer in
                for name in names { writer.field(name.text) { attributes(of: name, info, &$0) } }
            }
        }
    }

    func answer(channel name: ChannelName, info: String) -> HTTPResponse {
        .json {
            $0.field("occupied", channels[name] != nil)
            attributes(of: name, info, &$0)
        }
    }

    func answer(usersOf name: ChannelName) -> HTTPResponse {
        .json { writer in
            writer.list("users") { writer in
                for member in channels[name]?.members ?? [] {
                    writer.object { $0.field("id", member.userID) }
                }
            }
        }
    }

    /// The answer to accepted events: `{}`, with what their `info` asked for.
    func answer(published events: [ChannelsAPI.Accepted], batch: Bool) -> HTTPResponse {
        guard events.contains(where: { $0.info != nil }) else { return .json { _ in } }
        return .json { writer in
            if batch {
                writer.list("batch") { writer in
                    for event in events {
                        writer.object { writer in
                            for name in event.channels { attributes(of: name, event.info ?? "", &writer) }
                        }
                    }
                }
            } else {
                writer.field("channels") { writer in
                    for event in events {
                        for name in event.channels {
                            writer.field(name.text) { attributes(of: name, event.info ?? "", &$0) }
                        }
                    }
                }
            }
        }
    }

    private func attributes(of name: ChannelName, _ info: String, _ writer: inout JSONWriter) {
        let wanted = info.split(separator: ",")
        if wanted.contains("user_count"), name.kind == .presence {
            writer.field("user_count", channels[name]?.members.count ?? 0)
        }
        if wanted.contains("subscription_count") {
            writer.field("subscription_count", channels[name]?.connections.count ?? 0)
        }
    }
}
