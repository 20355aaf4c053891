/// A symmetric secret of Standard Webhooks 1.0.0: 24 to 64 bytes, written as `whsec_` and base64.
/// However it is printed or dumped, it shows as `****`.
public struct WebhookSecret: Sendable {
    let key: [UInt8]

    private static let prefix = "whsec_"

    /// - Parameter text: base64 in the plain alphabet, padded or not; `whsec_` may be left out.
    public init(_ text: String) throws(WebhookSecretError) {
        let encoded = text.hasPrefix(Self.prefix) ? String(text.dropFirst(Self.prefix.count)) : text
        if encoded.isEmpty { throw .empty }
        guard let key = Digest.bytes(base64: encoded) else {
            throw encoded.utf8.contains { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
                ? .urlSafeBase64 : .notBase64
        }
        guard (24...64).contains(key.count) else { throw .wrongSize(bytes: key.count) }
        self.key = key
    }

    private init(key: [UInt8]) {
        self.key = key
    }

    /// A new secret of 32 random bytes.
    public static func generate() -> WebhookSecret {
        WebhookSecret(key: Digest.randomBytes(32))
    }

    /// The secret itself, to register it with the sender: `whsec_...`, padded.
    public var text: String { Self.prefix + Digest.base64(key) }
}

extension WebhookSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Always `****`.
    public var description: String { "****" }
    /// Always `****`.
    public var debugDescription: String { "****" }
    /// Without children.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

/// Why a text is no secret. Tells nothing of the text.
public enum WebhookSecretError: Error, Hashable, CustomStringConvertible {
    case empty
    case notBase64
    /// The official Python package drops `-` and `_` without a word and so makes another key than everybody else.
    case urlSafeBase64
    case wrongSize(bytes: Int)

    /// For the operator who has set the secret.
    public var description: String {
        switch self {
        case .empty: "the webhook secret is empty"
        case .notBase64: "the webhook secret is not base64"
        case .urlSafeBase64: "the webhook secret is in URL-safe base64 (it has - or _), but must be in plain base64"
        case .wrongSize(let bytes): "the webhook secret has \(bytes) bytes, but must have 24 to 64"
        }
    }
}
