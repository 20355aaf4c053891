/// A channel's name and what its prefix makes of it.
struct ChannelName: Hashable, Sendable {
    enum Kind: Sendable { case `public`, `private`, presence }

    let text: String

    /// At most 164 characters of `A-Z a-z 0-9 _ - = @ , . ;` (Pusher's documentation of channels); nil otherwise.
    init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= 164, text.utf8.allSatisfy(Self.isAllowed) else { return nil }
        self.text = text
    }

    var kind: Kind {
        if text.hasPrefix("private-") { return .private }
        return text.hasPrefix("presence-") ? .presence : .public
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "_-=@,.;".utf8.contains(byte)
        }
    }
}

/// Whether the text is a socket id: two numbers and a dot.
func isSocketID(_ text: String) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return parts.count == 2
        && parts.allSatisfy { part in
            !part.isEmpty && part.count <= 20
                && part.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        }
}
