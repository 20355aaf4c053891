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
    ///   - signature: `webhook-signature`: signatures with spaces between them, of several lines also commas. All but
    ///     those of version 1 are skipped.
    ///   - body: the raw bytes, not parsed and written again.
    ///   - now: seconds since 1970.
    public func verify(
        id: String?, timestamp: String?, signature: String?, body: [UInt8], now: Int64
    ) throws(WebhookVerificationError) {
        let headers = try read(id: id, timestamp: timestamp, signature: signature, now: now)
        let candidates = Self.signatures(in: headers.signature)
        for key in keys {
            let expected = WebhookSigner.signature(key, id: headers.id, timestamp: headers.timestamp, body: body)
            if candidates.contains(where: { Digest.constantTimeEqual($0, expected) }) { return }
        }
        throw .noMatch
    }

    /// Returns if a webhook with these headers may be right, whatever its body: to be asked before that is read.
    public func check(
        id: String?, timestamp: String?, signature: String?, now: Int64
    ) throws(WebhookVerificationError) {
        _ = try read(id: id, timestamp: timestamp, signature: signature, now: now)
    }

    private func read(
        id: String?, timestamp: String?, signature: String?, now: Int64
    ) throws(WebhookVerificationError) -> (id: String, timestamp: String, signature: String) {
        guard let id, let timestamp, let signature, !id.isEmpty, !timestamp.isEmpty, !signature.isEmpty else {
            throw .missingHeader
        }
        guard isID(id) else { throw .malformedID }
        guard let sent = seconds(timestamp) else { throw .malformedTimestamp }
        guard signature.utf8.count <= Self.maximumHeaderBytes else { throw .malformedSignature }
        let (age, overflow) = now.subtractingReportingOverflow(sent)
        if overflow || age.magnitude > tolerance.magnitude { throw now > sent ? .tooOld : .tooNew }
        return (id, timestamp, signature)
    }

    /// The signatures of version 1, as `v1,BASE64`. Who joins lines of one header puts commas between them (RFC 9110, 5.3),
    /// with a blank or without.
    private static func signatures(in header: String) -> [[UInt8]] {
        var found: [[UInt8]] = []
        for word in header.utf8.split(separator: UInt8(ascii: " ")) {
            var parts = word.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            if parts.last?.isEmpty == true { parts.removeLast() }
            // Versions and signatures in turn.
            guard parts.count.isMultiple(of: 2) else { continue }
            for index in stride(from: 0, to: parts.count, by: 2) where parts[index].elementsEqual("v1".utf8) {
                found.append(Array("v1,".utf8) + Array(parts[index + 1]))
                if found.count == maximumSignatures { return found }
            }
        }
        return found
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

/// Why a webhook is refused: for counters and logs. A caller learns only that it is.
public enum WebhookVerificationError: String, Error, CaseIterable, CustomStringConvertible {
    /// One of the three headers is absent or empty.
    case missingHeader = "missing_header"
    /// The id cannot be one.
    case malformedID = "malformed_id"
    /// The timestamp is no count of seconds.
    case malformedTimestamp = "malformed_timestamp"
    /// The signature header is too long.
    case malformedSignature = "malformed_signature"
    /// Sent longer ago than the tolerance; or replayed.
    case tooOld = "too_old"
    /// Sent later than now and the tolerance: a clock is wrong.
    case tooNew = "too_new"
    /// No secret gives one of the signatures.
    case noMatch = "no_match"

    /// A short word, fit for the label of a counter.
    public var description: String { rawValue }
}
