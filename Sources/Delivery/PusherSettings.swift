package import Pusher
package import Telemetry

/// The kinds of channels that a deployment may publish to (spec, section 5).
package enum ChannelKind: String, Sendable, CaseIterable {
    case wishlist
    case presence
    case group
}

/// The Pusher server of a deployment: the app, where its HTTP API is, what is published there, and the server's limits.
package struct PusherSettings: Sendable {
    package var appID: String
    package var key: String
    package var secret: Secret<String>
    package var scheme: String
    package var host: String
    package var port: UInt16
    package var channels: [ChannelKind]
    /// Events in one publish request at most.
    package var batchEvents: Int
    /// Bytes in the body of one publish request at most.
    package var requestBytes: Int

    package init(
        appID: String, key: String, secret: Secret<String>, scheme: String, host: String, port: UInt16,
        channels: [ChannelKind], batchEvents: Int, requestBytes: Int
    ) {
        self.appID = appID
        self.key = key
        self.secret = secret
        self.scheme = scheme
        self.host = host
        self.port = port
        self.channels = channels
        self.batchEvents = batchEvents
        self.requestBytes = requestBytes
    }

    /// What requests are signed with.
    package var credentials: PusherCredentials {
        PusherCredentials(appID: appID, key: key, secret: secret.exposed)
    }

    /// The HTTP API of the app.
    package var api: PusherAPI {
        PusherAPI(credentials: credentials, endpoint: PusherEndpoint(scheme: scheme, host: host, port: Int(port)))
    }
}
