/// Members in one call; nil is written as null.
extension JSONWriter {
    /// Writes a member that is a string.
    public mutating func field(_ name: String, _ value: String?) {
        key(name)
        if let value { self.value(value) } else { null() }
    }

    /// Writes a member that is an integer.
    @inlinable
    public mutating func field(_ name: String, _ value: (some FixedWidthInteger)?) {
        key(name)
        if let value { self.value(value) } else { null() }
    }

    /// Writes a member that is a truth value.
    public mutating func field(_ name: String, _ value: Bool?) {
        key(name)
        if let value { self.value(value) } else { null() }
    }

    /// Writes a member that is a number (null too if it is not finite).
    public mutating func field(_ name: String, _ value: Double?) {
        key(name)
        if let value { self.value(value) } else { null() }
    }

    /// Writes a member whose value is JSON already.
    @inlinable
    public mutating func field(_ name: String, raw json: (some Collection<UInt8>)?) {
        key(name)
        if let json { raw(json) } else { null() }
    }
}
