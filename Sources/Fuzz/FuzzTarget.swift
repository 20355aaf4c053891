/// One thing that takes bytes from outside. `check` traps if the code does, or if what must always hold does not.
///
/// `Executables/fuzz` has libFuzzer call it, the tests call it with all of `fixtures/fuzz`.
public struct FuzzTarget: Sendable {
    /// The name of the target and of its folder in `fixtures/fuzz`.
    public let name: String
    /// Takes any bytes.
    public let check: @Sendable ([UInt8]) -> Void

    /// All targets.
    public static let all = [
        FuzzTarget(name: "dotenv", check: checkDotenv),
        FuzzTarget(name: "headers", check: checkHeaders),
        FuzzTarget(name: "json", check: checkJSON),
        FuzzTarget(name: "query", check: checkQuery),
        FuzzTarget(name: "signature", check: checkSignature),
        FuzzTarget(name: "sql", check: checkSQL),
        FuzzTarget(name: "webhook", check: checkWebhook),
        FuzzTarget(name: "websocket", check: checkWebSocket),
    ]
}

/// Splits at line feeds into `count` texts, the last of which takes the rest; absent ones are nil.
func lines(_ bytes: [UInt8], count: Int) -> [String?] {
    let parts = bytes.split(separator: 0x0A, maxSplits: count - 1, omittingEmptySubsequences: false)
    return (0..<count).map { $0 < parts.count ? String(decoding: parts[$0], as: UTF8.self) : nil }
}
