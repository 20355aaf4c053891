import Pusher

/// A channel's name, found right, and what its prefix makes of it.
struct ChannelName: Hashable, Sendable {
    enum Kind: Sendable { case `public`, `private`, presence }

    let text: String

    init(_ text: String) throws(PusherError) {
        try PusherLimits.check(channel: text)
        self.text = text
    }

    var kind: Kind {
        if text.hasPrefix("private-") { return .private }
        return text.hasPrefix("presence-") ? .presence : .public
    }
}
