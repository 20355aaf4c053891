/// A value that must not reach a log: however it is printed, interpolated or dumped, it shows as `****`.
public struct Secret<Value: Sendable>: Sendable {
    /// The value itself, for where it is needed.
    public let exposed: Value

    /// Wraps a value.
    public init(_ value: Value) {
        exposed = value
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Always `****`.
    public var description: String { "****" }
    /// Always `****`.
    public var debugDescription: String { "****" }
    /// Without children.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
