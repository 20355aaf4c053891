/// Signs subscriptions to private and presence channels and the sign-in of users, and verifies such signatures.
public struct ChannelAuthorizer: Sendable {
    private let credentials: PusherCredentials

    /// For one app.
    public init(credentials: PusherCredentials) {
        self.credentials = credentials
    }

    /// The `auth` of an answer to a client: `KEY:SIGNATURE`. Whether the client may subscribe is the caller's to decide.
    /// - Parameter channelData: for a presence channel: JSON with the `user_id`, to be returned exactly as it is here.
    public func authorize(socketID: String, channel: String, channelData: String? = nil) throws(PusherError) -> String {
        try PusherLimits.check(socketID: socketID)
        try PusherLimits.check(channel: channel)
        if channel.hasPrefix("presence-") && channelData == nil { throw .missingChannelData }
        return sign("\(socketID):\(channel)" + (channelData.map { ":" + $0 } ?? ""))
    }

    /// The `auth` for `pusher:signin`.
    /// - Parameter userData: JSON with a non-empty string `id`.
    public func authenticate(socketID: String, userData: String) throws(PusherError) -> String {
        try PusherLimits.check(socketID: socketID)
        return sign("\(socketID)::user::\(userData)")
    }

    /// Whether ``authorize(socketID:channel:channelData:)`` gives this, in constant time.
    public func verify(auth: String, socketID: String, channel: String, channelData: String? = nil) -> Bool {
        guard let expected = try? authorize(socketID: socketID, channel: channel, channelData: channelData) else {
            return false
        }
        return PusherSignature.constantTimeEqual(auth, expected)
    }

    /// Whether ``authenticate(socketID:userData:)`` gives this, in constant time.
    public func verify(auth: String, socketID: String, userData: String) -> Bool {
        guard let expected = try? authenticate(socketID: socketID, userData: userData) else { return false }
        return PusherSignature.constantTimeEqual(auth, expected)
    }

    private func sign(_ text: String) -> String {
        "\(credentials.key):\(PusherSignature.hmac(text, key: credentials.hmac))"
    }
}
