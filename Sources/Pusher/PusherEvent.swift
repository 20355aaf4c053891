/// One event for one or more channels.
public struct PusherEvent: Sendable, Hashable {
    /// 1 to 200 bytes.
    public var name: String
    /// 1 to 100 names: ``PusherLimits``.
    public var channels: [String]
    /// At most 10,240 bytes of UTF-8; mostly JSON.
    public var data: String
    /// The connection that shall not get it.
    public var socketID: String?

    /// Nothing is checked before it is sent.
    public init(name: String, channels: [String], data: String, socketID: String? = nil) {
        self.name = name
        self.channels = channels
        self.data = data
        self.socketID = socketID
    }

    func check() throws(PusherError) {
        guard (1...PusherLimits.eventNameBytes).contains(name.utf8.count) else { throw .invalidEventName }
        guard !channels.isEmpty else { throw .noChannels }
        guard channels.count <= PusherLimits.channels else { throw .tooManyChannels(channels.count) }
        for channel in channels { try PusherLimits.check(channel: channel) }
        guard data.utf8.count <= PusherLimits.dataBytes else { throw .dataTooLarge(bytes: data.utf8.count) }
        if let socketID { try PusherLimits.check(socketID: socketID) }
    }
}

/// What Pusher takes (its documentation of the HTTP API and of channels).
public enum PusherLimits {
    /// Channels of one event.
    public static let channels = 100
    /// Bytes of the UTF-8 of an event's data.
    public static let dataBytes = 10_240
    /// Bytes of an event's name.
    public static let eventNameBytes = 200
    /// Bytes of a channel's name, with its prefix.
    public static let channelNameBytes = 164
    /// Entries of a batch, on shared clusters.
    public static let batchEntries = 10

    /// Checks a channel's name: letters, digits and `_-=@,.;`.
    public static func check(channel: String) throws(PusherError) {
        let isValid = channel.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "="),
                UInt8(ascii: "@"), UInt8(ascii: ","), UInt8(ascii: "."), UInt8(ascii: ";"):
                true
            default: false
            }
        }
        guard isValid, (1...channelNameBytes).contains(channel.utf8.count) else { throw .invalidChannel }
    }

    /// Bytes of a connection's id.
    public static let socketIDBytes = 64

    /// Checks a connection's id: digits, a point, digits.
    public static func check(socketID: String) throws(PusherError) {
        let parts = socketID.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let areDigits = parts.allSatisfy { part in !part.isEmpty && part.allSatisfy { (0x30...0x39).contains($0) } }
        guard parts.count == 2, areDigits, socketID.utf8.count <= socketIDBytes else { throw .invalidSocketID }
    }
}

/// Why something cannot be sent or authorised.
public enum PusherError: Error, Hashable, CustomStringConvertible {
    case invalidEventName
    case invalidChannel
    case invalidSocketID
    case noChannels
    case tooManyChannels(Int)
    case dataTooLarge(bytes: Int)
    case noEvents
    case tooManyEntries(Int)
    /// A presence channel needs to know who subscribes.
    case missingChannelData

    /// Safe to log: has numbers at most of what was given.
    public var description: String {
        switch self {
        case .invalidEventName: "an event's name must have 1 to 200 bytes"
        case .invalidChannel: "a channel's name must have 1 to 164 letters, digits or _-=@,.;"
        case .invalidSocketID: "a socket id must be digits, a point, digits"
        case .noChannels: "an event needs a channel"
        case .tooManyChannels(let count): "an event may have 100 channels, not \(count)"
        case .dataTooLarge(let bytes): "an event's data may have 10240 bytes, not \(bytes)"
        case .noEvents: "a batch needs an event"
        case .tooManyEntries(let count): "too many entries for a batch: \(count)"
        case .missingChannelData: "a presence channel needs channel data"
        }
    }
}
