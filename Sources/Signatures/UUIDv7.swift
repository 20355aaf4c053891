/// UUIDs of version 7 (RFC 9562 section 5.7): sorted by the millisecond they were made in, random within it.
public enum UUIDv7 {
    /// A new UUID as lower-case text.
    /// - Parameter milliseconds: the time since 1970; its lowest 48 bits are used.
    public static func make(milliseconds: Int64) -> String {
        var bytes = Digest.randomBytes(16)
        for index in 0..<6 {
            bytes[index] = UInt8(truncatingIfNeeded: milliseconds >> Int64(40 - 8 * index))
        }
        bytes[6] = bytes[6] & 0x0F | 0x70
        bytes[8] = bytes[8] & 0x3F | 0x80
        var text = Digest.hex(bytes)
        for offset in [20, 16, 12, 8] {
            text.insert("-", at: text.utf8.index(text.startIndex, offsetBy: offset))
        }
        return text
    }
}
