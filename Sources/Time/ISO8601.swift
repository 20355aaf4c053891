/// Times as clients write them (RFC 3339, section 5.6).
package enum ISO8601 {
    /// `YYYY-MM-DDThh:mm:ss`, with or without a fraction, then `Z` or an offset; nil for anything else. What is finer than
    /// a microsecond is cut off.
    package static func parse(_ text: String) -> Timestamp? {
        var bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.count <= 40,
            [UInt8(ascii: "T"), UInt8(ascii: "t"), UInt8(ascii: " ")].contains(bytes[10])
        else { return nil }
        bytes[10] = UInt8(ascii: " ")
        guard let (length, offsetSeconds) = zone(bytes) else { return nil }
        bytes.removeLast(length)
        if bytes.count > 26, bytes[26...].allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            bytes.removeSubrange(26...)
        }
        return Timestamp(sql: bytes)?.adding(seconds: -offsetSeconds)
    }

    /// The length of the zone at the end, and its offset in seconds.
    private static func zone(_ bytes: [UInt8]) -> (length: Int, seconds: Int64)? {
        if let last = bytes.last, last == UInt8(ascii: "Z") || last == UInt8(ascii: "z") { return (1, 0) }
        let tail = bytes.suffix(6)
        guard let sign = tail.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
            let hours = Int64(String(decoding: tail.dropFirst().prefix(2), as: UTF8.self)), (0...23).contains(hours),
            tail.dropFirst(3).first == UInt8(ascii: ":"),
            let minutes = Int64(String(decoding: tail.suffix(2), as: UTF8.self)), (0...59).contains(minutes)
        else { return nil }
        let seconds = hours * 3600 + minutes * 60
        return (6, sign == UInt8(ascii: "-") ? -seconds : seconds)
    }
}
