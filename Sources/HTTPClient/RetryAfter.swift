import Time

extension HTTPClientResponse {
    /// `Retry-After` (RFC 9110, section 10.2.3) in seconds from `now`, Unix time in seconds; a date that is past is 0.
    /// nil if the field is missing or neither a number nor a date.
    public func retryAfter(now: Int64) -> Int64? {
        guard let text = header("Retry-After") else { return nil }
        if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            return Int64(text) ?? .max
        }
        return Timestamp(httpDate: text, now: Timestamp(seconds: now)).map { max(0, $0.seconds - now) }
    }
}
