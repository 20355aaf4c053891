import CCrypto
import Signatures

/// The digests and the canonical text of Pusher's signatures.
enum PusherSignature {
    static func md5(_ bytes: [UInt8]) -> String {
        var digest = [UInt8](repeating: 0, count: 16)
        precondition(EVP_Digest(bytes, bytes.count, &digest, nil, EVP_md5(), nil) == 1, "OpenSSL has no MD5")
        return Digest.hex(digest)
    }

    /// HMAC-SHA256 in lower-case hexadecimal.
    static func hmac(_ text: String, key: HMACKey) -> String {
        Digest.hex(key.authenticate(Array(text.utf8), []))
    }

    /// What is signed of a request: the query sorted by its names in lower case, not escaped.
    static func canonical(_ method: String, _ path: String, _ query: [(name: String, value: String)]) -> String {
        let pairs = query.map { (name: $0.name.lowercased(), value: $0.value) }
        let sorted = pairs.sorted { ($0.name, $0.value) < ($1.name, $1.value) }
        return "\(method)\n\(path)\n" + sorted.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    }

    static func constantTimeEqual(_ a: String, _ b: String) -> Bool {
        Digest.constantTimeEqual(Array(a.utf8), Array(b.utf8))
    }
}
