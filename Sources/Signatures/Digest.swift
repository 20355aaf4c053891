import CCrypto

/// Digests, encodings and random bytes, by OpenSSL.
public enum Digest {
    /// The 32 bytes of SHA-256 (FIPS 180-4).
    public static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { digest, count in
            let result = EVP_Digest(bytes, bytes.count, digest.baseAddress, nil, EVP_sha256(), nil)
            precondition(result == 1, "OpenSSL has no SHA-256")
            count = 32
        }
    }

    /// Whether two arrays are equal, in a time that tells their lengths at most.
    public static func constantTimeEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0
    }

    /// Bytes fit for keys and ids.
    public static func randomBytes(_ count: Int) -> [UInt8] {
        precondition(count >= 0 && count <= Int32.max)
        return [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
            precondition(RAND_bytes(bytes.baseAddress, Int32(count)) == 1, "OpenSSL has no random bytes")
            initialized = count
        }
    }

    /// Two lower-case hexadecimal digits for each byte.
    public static func hex(_ bytes: some Collection<UInt8>) -> String {
        let bytes = Array(bytes)
        return String(unsafeUninitializedCapacity: bytes.count * 2) { text in
            for index in bytes.indices {
                text[index * 2] = hexDigit(of: bytes[index] >> 4)
                text[index * 2 + 1] = hexDigit(of: bytes[index] & 0xF)
            }
            return bytes.count * 2
        }
    }

    private static func hexDigit(of value: UInt8) -> UInt8 { value + (value < 10 ? 0x30 : 0x57) }

    /// The bytes that hexadecimal digits of either case stand for; nil if the text is anything else.
    public static func bytes(hex text: String) -> [UInt8]? {
        guard text.utf8.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in text.utf8 {
            guard let digit = hexDigit(character) else { return nil }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return bytes
    }

    private static func hexDigit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
