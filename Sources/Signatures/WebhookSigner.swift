/// Signs webhooks as Standard Webhooks 1.0.0 prescribes.
public struct WebhookSigner: Sendable {
    private let key: HMACKey

    /// Prepares the key; reuse the signer.
    public init(secret: WebhookSecret) {
        key = HMACKey(secret.key)
    }

    /// The signature for the header `webhook-signature`.
    /// - Parameters:
    ///   - id: `webhook-id`; one with a `.` is refused by ``WebhookVerifier``.
    ///   - timestamp: `webhook-timestamp`, seconds since 1970.
    ///   - body: the bytes that are sent.
    public func sign(id: String, timestamp: Int64, body: [UInt8]) -> String {
        String(decoding: Self.signature(key, id: id, timestamp: String(timestamp), body: body), as: UTF8.self)
    }

    static func signature(_ key: HMACKey, id: String, timestamp: String, body: [UInt8]) -> [UInt8] {
        var head: [UInt8] = []
        head.reserveCapacity(id.utf8.count + timestamp.utf8.count + 2)
        head.append(contentsOf: id.utf8)
        head.append(UInt8(ascii: "."))
        head.append(contentsOf: timestamp.utf8)
        head.append(UInt8(ascii: "."))
        return Array("v1,".utf8) + Digest.base64Bytes(key.authenticate(head, body))
    }
}
