public import Time

extension Timestamp: SQLValue {
    /// `'YYYY-MM-DD HH:MM:SS.ffffff'`.
    public func appendLiteral(to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "'"))
        bytes.append(addingCapacity: Self.writtenLength) { output in
            output.withUnsafeMutableBufferPointer { buffer, count in
                write(to: UnsafeMutableBufferPointer(rebasing: buffer[count...]), separator: UInt8(ascii: " "))
                count += Self.writtenLength
            }
        }
        bytes.append(UInt8(ascii: "'"))
    }
}
