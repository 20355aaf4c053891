import Glibc

/// Finding bytes in bytes.
package enum ByteSearch {
    /// Where `mark`, which is not empty, stands first: bytes from the start; nil if it does not. For marks whose first byte
    /// is rare.
    package static func place(of mark: [UInt8], in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let start = bytes.baseAddress, let first = mark.first else { return nil }
        var place = 0
        while place + mark.count <= bytes.count {
            let rest = bytes.count - mark.count + 1 - place
            guard let found = memchr(start + place, Int32(first), rest) else { return nil }
            place = UnsafeRawPointer(found) - start
            if memcmp(start + place, mark, mark.count) == 0 { return place }
            place += 1
        }
        return nil
    }
}
