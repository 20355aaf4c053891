extension HTTPClientResponse {
    /// `Retry-After` (RFC 9110, section 10.2.3) in seconds from `now`, Unix time in seconds; a date that is past is 0.
    /// nil if the field is missing or neither a number nor a date.
    public func retryAfter(now: Int64) -> Int64? {
        guard let text = header("Retry-After") else { return nil }
        if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            return Int64(text) ?? .max
        }
        return httpDate(text).map { max(0, $0 - now) }
    }
}

/// Unix time of an IMF-fixdate such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7), the only form that may
/// be sent today.
func httpDate(_ text: String) -> Int64? {
    let parts = text.split(separator: " ")
    guard parts.count == 6, parts[5] == "GMT", parts[0].count == 4, parts[0].last == ",",
        let day = number(parts[1], digits: 2), let month = months.firstIndex(of: parts[2]),
        let year = number(parts[3], digits: 4)
    else { return nil }
    let clock = parts[4].split(separator: ":", omittingEmptySubsequences: false).map { number($0, digits: 2) }
    guard clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2],
        (1...31).contains(day), hour < 24, minute < 60, second <= 60
    else { return nil }
    return ((days(year, month + 1, day) * 24 + hour) * 60 + minute) * 60 + second
}

private let months: [Substring] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
]

private func number(_ text: Substring, digits: Int) -> Int64? {
    text.utf8.count == digits && text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) ? Int64(text) : nil
}

/// Days from 1970-01-01 in the Gregorian calendar; years count from March, so that a leap day ends one.
private func days(_ year: Int64, _ month: Int, _ day: Int64) -> Int64 {
    let year = month > 2 ? year : year - 1
    let monthFromMarch = Int64((month + 9) % 12)
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
    return 365 * year + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
}
