import CCrypto
import Signatures

/// The opening handshake of RFC 6455, section 4: the parts both ends need.
enum WebSocketHandshake {
    /// The `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key` (RFC 6455, 4.2.2).
    static func accept(key: String) -> String {
        var digest = [UInt8](repeating: 0, count: 20)
        let input = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        precondition(EVP_Digest(input, input.count, &digest, nil, EVP_sha1(), nil) == 1, "SHA-1 is not available")
        return Digest.base64(digest)
    }

    /// A fresh `Sec-WebSocket-Key`: 16 random bytes.
    static func newKey() -> String {
        Digest.base64(Digest.randomBytes(16))
    }

    /// Whether the headers of a GET ask for a WebSocket of version 13; the key if so.
    static func key(upgrade: String?, connection: String?, version: String?, key: String?) -> String? {
        guard upgrade?.lowercased() == "websocket", version == "13", let key, key.utf8.count == 24,
            let connection, connection.lowercased().contains("upgrade")
        else { return nil }
        return key
    }
}
