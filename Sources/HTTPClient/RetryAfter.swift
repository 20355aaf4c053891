import Time

extension HTTPClientResponse {
    /// `Retry-After` in seconds from `now`, Unix time in seconds; a date that is past is 0. nil if the field is missing or
    /// neither a number nor a date.
    public func retryAfter(now: Int64) -> Int64? {
        header("Retry-After").flatMap { RetryAfter.seconds($0, now: Timestamp(seconds: now)) }
    }
}
