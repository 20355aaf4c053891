import Signatures

/// What an app has to know of itself. However it is printed or dumped, the secret shows as `****`.
public struct PusherCredentials: Sendable {
    /// The id in the paths of the HTTP API.
    public let appID: String
    /// The public key.
    public let key: String
    let hmac: HMACKey

    /// As the dashboard of Pusher shows them, or as a server is configured.
    public init(appID: String, key: String, secret: String) {
        self.appID = appID
        self.key = key
        hmac = HMACKey(Array(secret.utf8))
    }
}

extension PusherCredentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Without the secret.
    public var description: String { "PusherCredentials(appID: \(appID), key: \(key), secret: ****)" }
    /// Without the secret.
    public var debugDescription: String { description }
    /// Without the secret.
    public var customMirror: Mirror { Mirror(self, children: ["appID": appID, "key": key, "secret": "****"]) }
}

/// Where the HTTP API of Pusher, or of a server that speaks it, is.
public struct PusherEndpoint: Sendable, Hashable {
    /// `https` or `http`.
    public var scheme: String
    /// A name, or an address of either version (IPv6 without brackets).
    public var host: String
    /// 443 or 80 by default.
    public var port: Int

    /// A server of one's own.
    public init(scheme: String = "https", host: String, port: Int? = nil) {
        self.scheme = scheme
        self.host = host
        self.port = port ?? (scheme == "http" ? 80 : 443)
    }

    /// A cluster of Pusher, `mt1` for example.
    public init(cluster: String) {
        self.init(host: "api-\(cluster).pusher.com")
    }

    /// The URL of a path that begins with a slash.
    public func url(_ path: String) -> String {
        let host = host.contains(":") ? "[\(host)]" : host
        let isDefault = port == (scheme == "http" ? 80 : 443)
        return "\(scheme)://\(host)\(isDefault ? "" : ":\(port)")\(path)"
    }
}
