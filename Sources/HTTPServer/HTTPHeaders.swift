/// Header fields in the order they came. Names compare without regard to ASCII case (RFC 9110, section 5.1).
///
/// All names and values share one buffer, so that gathering a request's fields costs two allocations, and a `String`
/// is made only of what is asked for. Bytes that are not UTF-8 come out as U+FFFD.
public struct HTTPHeaders: Sendable {
    private struct Field {
        var nameEnd: Int
        var valueEnd: Int
    }

    private var bytes: [UInt8] = []
    private var index: [Field] = []

    /// No fields.
    public init() {}

    /// The given fields, in this order.
    public init(_ fields: [(name: String, value: String)]) {
        for field in fields {
            append(name: field.name, value: field.value)
        }
    }

    /// How many fields there are; a repeated name counts each time.
    public var count: Int { index.count }

    /// The first value of this name.
    public subscript(name: String) -> String? {
        var name = name
        return name.withUTF8 { name in
            for position in index.indices where matches(name, at: position) {
                return value(at: position)
            }
            return nil
        }
    }

    /// Every value of this name, in order.
    public func all(_ name: String) -> [String] {
        var name = name
        return name.withUTF8 { name in
            index.indices.filter { matches(name, at: $0) }.map(value(at:))
        }
    }

    /// All fields, names spelt as they came.
    public var fields: [(name: String, value: String)] {
        index.indices.map { position in
            (String(decoding: bytes[start(position)..<index[position].nameEnd], as: UTF8.self), value(at: position))
        }
    }

    /// Adds one more field; values of the same name are kept.
    public mutating func append(name: String, value: String) {
        var (name, value) = (name, value)
        name.withUTF8 { name in
            value.withUTF8 { append(name: name, value: $0) }
        }
    }

    /// Leaves out the blanks and tabs around the value (RFC 9110, section 5.5).
    mutating func append(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        var value = value[...]
        while let first = value.first, first == 0x20 || first == 0x09 { value.removeFirst() }
        while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
        bytes.append(contentsOf: name)
        let nameEnd = bytes.count
        bytes.append(contentsOf: value)
        index.append(Field(nameEnd: nameEnd, valueEnd: bytes.count))
    }

    mutating func reserve() {
        bytes.reserveCapacity(768)
        index.reserveCapacity(16)
    }

    /// How often this name occurs.
    public func count(of name: String) -> Int {
        var name = name
        return name.withUTF8 { name in index.indices.count { matches(name, at: $0) } }
    }

    /// Whether the last field is one of those that tell where a body ends.
    var lastIsFraming: Bool {
        guard let last = index.indices.last else { return false }
        return matches("Content-Length", at: last) || matches("Transfer-Encoding", at: last)
    }

    private func matches(_ name: StaticString, at position: Int) -> Bool {
        matches(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount), at: position)
    }

    /// The bytes of names and values together.
    var byteCount: Int { bytes.count }

    private func start(_ position: Int) -> Int {
        position == 0 ? 0 : index[position - 1].valueEnd
    }

    private func value(at position: Int) -> String {
        String(decoding: bytes[index[position].nameEnd..<index[position].valueEnd], as: UTF8.self)
    }

    private func matches(_ name: UnsafeBufferPointer<UInt8>, at position: Int) -> Bool {
        let start = start(position)
        guard index[position].nameEnd - start == name.count else { return false }
        for offset in 0..<name.count where lowercased(bytes[start + offset]) != lowercased(name[offset]) {
            return false
        }
        return true
    }

    private func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }
}
