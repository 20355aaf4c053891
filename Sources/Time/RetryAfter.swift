/// `Retry-After` (RFC 9110, section 10.2.3).
public enum RetryAfter {
    /// The seconds to wait that the field's value tells, as a number or as a date; a date that is past is 0. nil: it is neither.
    ///
    /// - Parameter now: what a date is measured from.
    public static func seconds(_ text: String, now: Timestamp = .now()) -> Int64? {
        if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) { return Int64(text) ?? .max }
        return Timestamp(httpDate: text, now: now).map { max(0, $0.seconds - now.seconds) }
    }
}
