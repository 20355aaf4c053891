import CMariaDB

/// What can be interpolated into `SQL`. NULL is an optional that is nil.
public protocol SQLValue {
    /// Appends the value as a literal that MySQL and MariaDB read back exactly.
    func appendLiteral(to bytes: inout [UInt8])
}

extension String: SQLValue {
    /// A string literal in utf8mb4.
    public func appendLiteral(to bytes: inout [UInt8]) {
        var text = self
        text.withUTF8 { bytes.appendLiteral(of: UnsafeRawBufferPointer($0), opening: "'", mysql_escape_string) }
    }
}

extension Substring: SQLValue {
    /// A string literal in utf8mb4.
    public func appendLiteral(to bytes: inout [UInt8]) {
        var text = self
        text.withUTF8 { bytes.appendLiteral(of: UnsafeRawBufferPointer($0), opening: "'", mysql_escape_string) }
    }
}

extension Array: SQLValue where Element == UInt8 {
    /// A hexadecimal literal, which is a binary string: any bytes. Both we and the server are faster with it than with
    /// an escaped string, although it is longer.
    public func appendLiteral(to bytes: inout [UInt8]) {
        withUnsafeBytes { bytes.appendLiteral(of: $0, opening: "x'", mysql_hex_string) }
    }
}

extension ArraySlice: SQLValue where Element == UInt8 {
    /// A hexadecimal literal, as for `Array`.
    public func appendLiteral(to bytes: inout [UInt8]) {
        withUnsafeBytes { bytes.appendLiteral(of: $0, opening: "x'", mysql_hex_string) }
    }
}

extension SQLValue where Self: BinaryInteger {
    /// Decimal digits.
    @inlinable
    public func appendLiteral(to bytes: inout [UInt8]) {
        guard let magnitude = UInt64(exactly: magnitude) else { return bytes.append(contentsOf: String(self).utf8) }
        if self < 0 { bytes.append(UInt8(ascii: "-")) }
        bytes.append(digitsOf: magnitude)
    }
}

extension Int: SQLValue {}
extension Int32: SQLValue {}
extension Int64: SQLValue {}
extension UInt32: SQLValue {}
extension UInt64: SQLValue {}

extension Bool: SQLValue {
    /// 1 or 0.
    public func appendLiteral(to bytes: inout [UInt8]) {
        bytes.append(self ? UInt8(ascii: "1") : UInt8(ascii: "0"))
    }
}

extension Double: SQLValue {
    /// The shortest digits that read back as the same number. NaN and infinity, which SQL has not, become NULL.
    public func appendLiteral(to bytes: inout [UInt8]) {
        let digits = "\(self)"
        bytes.append(contentsOf: (isFinite ? digits : "NULL").utf8)
        // Without an exponent it would be an exact DECIMAL, not a DOUBLE.
        if isFinite, !digits.utf8.contains(UInt8(ascii: "e")) {
            bytes.append(contentsOf: "e0".utf8)
        }
    }
}

extension Optional: SQLValue where Wrapped: SQLValue {
    /// The value, or NULL.
    @inlinable
    public func appendLiteral(to bytes: inout [UInt8]) {
        if let self {
            self.appendLiteral(to: &bytes)
        } else {
            bytes.append(contentsOf: "NULL".utf8)
        }
    }
}

extension [UInt8] {
    /// Appends decimal digits.
    @usableFromInline mutating func append(digitsOf number: UInt64) {
        if number < 10 { return append(UInt8(ascii: "0") + UInt8(number)) }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var (rest, place) = (number, 20)
            repeat {
                place -= 1
                digits[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            append(contentsOf: UnsafeBufferPointer(rebasing: digits[place...]))
        }
    }

    /// Appends a literal that a function of the client library writes: at most twice as long as the value, and a NUL.
    fileprivate mutating func appendLiteral(
        of value: UnsafeRawBufferPointer, opening: StaticString,
        _ encode: (UnsafeMutablePointer<CChar>?, UnsafePointer<CChar>?, UInt) -> UInt
    ) {
        ClientLibrary.start()
        append(addingCapacity: opening.utf8CodeUnitCount + 2 * value.count + 2) { output in
            opening.withUTF8Buffer { for byte in $0 { output.append(byte) } }
            output.withUnsafeMutableBufferPointer { buffer, count in
                guard let from = value.baseAddress, let to = buffer.baseAddress else { return }
                count += Int(
                    encode(
                        UnsafeMutableRawPointer(to + count).assumingMemoryBound(to: CChar.self),
                        from.assumingMemoryBound(to: CChar.self), UInt(value.count)))
            }
            output.append(UInt8(ascii: "'"))
        }
    }
}

/// The client library's process-wide state.
enum ClientLibrary {
    private static let started: Bool = mysql_server_init(0, nil, nil) == 0

    /// Initialises the library once; cheap after that, from any thread.
    static func start() { _ = started }
}
