/// Verifies webhooks as Standard Webhooks 1.0.0 prescribes, stricter than its reference libraries where they differ:
/// whatever a sender puts into the headers is at worst refused.
public struct WebhookVerifier: Sendable {
    private let keys: [HMACKey]
    private let tolerance: Int64

    /// Longer signature headers are refused.
    static let maximumHeaderBytes = 4096
    /// Only so many signatures of version 1 are compared; a sender needs one for each of its valid secrets.
    static let maximumSignatures = 16

    /// - Parameters:
    ///   - secrets: any of them may have signed (rotation).
    ///   - tolerance: how many seconds a timestamp may be off, either way and inclusive; `.max` takes any time, as for
    ///     stored webhooks.
    public init(secrets: [WebhookSecret], tolerance: Int64 = 300) {
        precondition(tolerance >= 0)
        keys = secrets.map { HMACKey($0.key) }
        self.tolerance = tolerance
    }

    /// Returns if one of the secrets signed this webhook at about this time.
    /// - Parameters:
    ///   - id: `webhook-id`: 1 to 255 visible ASCII characters, none of them `.` (it would make the signed text
    ///     ambiguous).
    ///   - timestamp: `webhook-timestamp`: decimal digits only, without leading zeros, at most 12.
    ///   - signature: `webhook-signature`: signatures with spaces between them. All but those of version 1 are skipped.
    ///   - body: the raw bytes, not parsed and written again.
    ///   - now: seconds since 1970.
    public func verify(
        id: String?, timestamp: String?, signature: String?, body: [UInt8], now: Int64
    ) throws(WebhookVerificationError) {
        guard let id, let timestamp, let signature, !id.isEmpty, !timestamp.isEmpty, !signature.isEmpty else {
            throw .missingHeader
        }
        guard isID(id), let sent = seconds(timestamp), signature.utf8.count <= Self.maximumHeaderBytes else {
            throw .malformed
        }
        let (age, overflow) = now.subtractingReportingOverflow(sent)
        if overflow || age.magnitude > tolerance.magnitude { throw now > sent ? .tooOld : .tooNew }
        let candidates = Array(signature.utf8).split(separator: UInt8(ascii: " "))
            .filter { $0.starts(with: "v1,".utf8) }
            .prefix(Self.maximumSignatures)
            .map(Array.init)
        for key in keys {
            let expected = WebhookSigner.signature(key, id: id, timestamp: timestamp, body: body)
            if candidates.contains(where: { Digest.constantTimeEqual($0, expected) }) { return }
        }
        throw .noMatch
    }

    private func isID(_ text: String) -> Bool {
        text.utf8.count <= 255 && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ".") }
    }

    private func seconds(_ text: String) -> Int64? {
        let digits = text.utf8
        guard digits.count <= 12, digits.allSatisfy({ (0x30...0x39).contains($0) }), digits.first != 0x30 || text == "0"
        else { return nil }
        return Int64(text)
    }
}

/// Why a webhook is refused: for counters and logs. A caller is told only that it is.
public enum WebhookVerificationError: String, Error, CaseIterable, CustomStringConvertible {
    /// One of the three headers is absent or empty.
    case missingHeader = "missing_header"
    /// The id, the timestamp or the signature header cannot be what a sender meant.
    case malformed
    /// Sent longer ago than the tolerance; or replayed.
    case tooOld = "too_old"
    /// Sent later than now and the tolerance: a clock is wrong.
    case tooNew = "too_new"
    /// No secret gives one of the signatures.
    case noMatch = "no_match"

    /// A short word, fit for the label of a counter.
    public var description: String { rawValue }
}
