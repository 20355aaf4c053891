import Signatures
import Telemetry

/// Who may use the operator's API: names, what each may do, and their tokens. Only the tokens' digests are compared.
package struct OperatorTokens: Sendable {
    package enum Permission: String, Sendable {
        /// Look at everything.
        case read
        /// Look, and replay, retry, drop, sync and rotate.
        case act
    }

    /// Whose token it is.
    package struct Holder: Sendable, Equatable {
        package var name: String
        package var permission: Permission
    }

    private struct Entry: Sendable {
        var holder: Holder
        var digest: Secret<[UInt8]>
    }

    /// A token has so many characters at least.
    private static let shortest = 16

    private var entries: [Entry] = []

    /// Nobody's: the API is off.
    package init() {}

    package var isEmpty: Bool { entries.isEmpty }
    package var count: Int { entries.count }

    /// Reads `NAME:read:TOKEN` and `NAME:act:TOKEN`, with spaces, commas or line ends between them.
    /// - Returns: those that are right, and what is wrong with the others, without a token in it.
    package static func parse(_ text: String) -> (tokens: OperatorTokens, reasons: [String]) {
        var tokens = OperatorTokens()
        var reasons: [String] = []
        for (index, item) in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }).enumerated() {
            let parts = item.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            let place = "token \(index + 1)"
            guard parts.count == 3, let permission = Permission(rawValue: String(parts[1])) else {
                reasons.append("\(place): must be NAME:read:TOKEN or NAME:act:TOKEN")
                continue
            }
            guard (1...50).contains(parts[0].utf8.count), parts[0].utf8.allSatisfy(mayStandInName) else {
                reasons.append("\(place): a name is 1 to 50 letters, digits, and . _ - @")
                continue
            }
            guard parts[2].utf8.count >= shortest, parts[2].utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                reasons.append("\(place): must have \(shortest) characters of ASCII at least")
                continue
            }
            let digest = Digest.sha256(Array(parts[2].utf8))
            guard !tokens.entries.contains(where: { $0.holder.name == parts[0] || $0.digest.exposed == digest }) else {
                reasons.append("\(place): its name or token is another's too")
                continue
            }
            tokens.entries.append(
                Entry(holder: Holder(name: String(parts[0]), permission: permission), digest: Secret(digest)))
        }
        return (tokens, reasons)
    }

    /// Whose token it is; nil: nobody's. In a time that says nothing of the tokens, nor of which one it is.
    package func holder(of token: String) -> Holder? {
        let digest = Digest.sha256(Array(token.utf8))
        var found: Holder?
        for entry in entries where Digest.constantTimeEqual(entry.digest.exposed, digest) { found = entry.holder }
        return found
    }

    private static func mayStandInName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x40, 0x5F: true
        default: false
        }
    }
}
