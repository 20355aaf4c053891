import Text

/// The server's side: verifies signed requests to the HTTP API.
public struct PusherRequestVerifier: Sendable {
    private let credentials: PusherCredentials
    /// How many seconds a request's time may be off, either way.
    private static let tolerance: UInt64 = 600

    /// For one app; that the path is this app's is the caller's to check.
    public init(credentials: PusherCredentials) {
        self.credentials = credentials
    }

    /// Returns if the request is signed with the app's secret and is of about now.
    /// - Parameters:
    ///   - path: without the query, as it was sent.
    ///   - query: as it was sent, escaped.
    ///   - now: seconds since 1970.
    public func verify(
        method: String, path: String, query: String?, body: [UInt8], now: Int64
    ) throws(PusherRequestError) {
        guard let pairs = PercentCoding.items(query ?? "") else { throw .malformed }
        func value(_ name: String) -> String? { pairs.first { $0.name.lowercased() == name }?.value }
        guard let key = value("auth_key"), let timestamp = value("auth_timestamp"), value("auth_version") == "1.0",
            let signature = value("auth_signature")
        else { throw .malformed }
        guard PusherSignature.constantTimeEqual(key, credentials.key) else { throw .unknownKey }
        guard let seconds = Int64(timestamp) else { throw .malformed }
        let (age, overflow) = now.subtractingReportingOverflow(seconds)
        guard !overflow, age.magnitude <= Self.tolerance else { throw .expired }
        // Some libraries send the digest of an empty body, others leave it out.
        let digest = value("body_md5")
        guard digest != nil || body.isEmpty else { throw .wrongBody }
        if let digest, !PusherSignature.constantTimeEqual(digest, PusherSignature.md5(body)) { throw .wrongBody }
        let signed = pairs.filter { $0.name.lowercased() != "auth_signature" }
        let text = PusherSignature.canonical(method, path, signed)
        let expected = PusherSignature.hmac(text, key: credentials.hmac)
        guard PusherSignature.constantTimeEqual(signature, expected) else { throw .wrongSignature }
    }
}

/// Why a request to the HTTP API is answered with 401.
public enum PusherRequestError: String, Error, CustomStringConvertible {
    case malformed = "auth_key, auth_timestamp, auth_version or auth_signature missing or malformed"
    case unknownKey = "unknown auth_key"
    case expired = "auth_timestamp is more than 600 seconds off"
    case wrongBody = "body_md5 is not that of the body"
    case wrongSignature = "wrong auth_signature"

    /// Safe to answer with.
    public var description: String { rawValue }
}
