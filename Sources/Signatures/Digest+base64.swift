import CCrypto

/// Base64 with the plain alphabet (RFC 4648 section 4).
extension Digest {
    /// The text for some bytes, padded.
    public static func base64(_ bytes: [UInt8]) -> String {
        String(decoding: base64Bytes(bytes), as: UTF8.self)
    }

    static func base64Bytes(_ bytes: [UInt8]) -> [UInt8] {
        let length = (bytes.count + 2) / 3 * 4
        // OpenSSL ends the text with a NUL.
        return [UInt8](unsafeUninitializedCapacity: length + 1) { text, count in
            count = Int(EVP_EncodeBlock(text.baseAddress, bytes, Int32(bytes.count)))
        }
    }

    /// The bytes that a text stands for, padded as it should be or not at all; nil if the text is anything else, with
    /// white space or the URL-safe alphabet for example. Left-over bits are not looked at.
    public static func bytes(base64 text: String) -> [UInt8]? {
        var text = Array(text.utf8)
        let length = text.lastIndex { $0 != UInt8(ascii: "=") }.map { $0 + 1 } ?? 0
        let padding = (4 - length % 4) % 4
        guard padding < 3, text.count == length || text.count == length + padding, text.count <= 1 << 20,
            text[..<length].allSatisfy(isBase64Digit)
        else { return nil }
        text += Array(repeating: UInt8(ascii: "="), count: length + padding - text.count)
        return [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3) { bytes, count in
            // OpenSSL decodes the padding as zeros.
            count = max(Int(EVP_DecodeBlock(bytes.baseAddress, text, Int32(text.count))) - padding, 0)
        }
    }

    private static func isBase64Digit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
