/// What can go wrong in the sandbox and in `sandbox try`; safe to show.
public struct SandboxError: Error, Equatable, CustomStringConvertible {
    /// One sentence for a person.
    public let description: String

    init(_ description: String) { self.description = description }
}
