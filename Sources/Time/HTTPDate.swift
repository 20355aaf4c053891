extension Timestamp {
    /// A date of HTTP (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`, or one of the two obsolete forms that a
    /// recipient must accept, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`. Nil for anything else.
    ///
    /// - Parameter now: what two digits of a year are judged by: a date over 50 years ahead is one of the past.
    public init?(httpDate text: String, now: Timestamp = .now()) {
        guard text.utf8.count <= 40 else { return nil }
        let parts = text.split(separator: " ").map(String.init)
        let fields: (day: String, month: String, year: String, time: String)
        switch parts.count {
        case 6 where parts[0].hasSuffix(",") && parts[3].utf8.count == 4 && parts[5] == "GMT":
            fields = (parts[1], parts[2], parts[3], parts[4])
        case 4 where parts[0].hasSuffix(",") && parts[3] == "GMT":
            let date = parts[1].split(separator: "-").map(String.init)
            guard date.count == 3, date[2].utf8.count == 2 else { return nil }
            fields = (date[0], date[1], date[2], parts[2])
        case 5 where parts[4].utf8.count == 4:
            fields = (parts[2].utf8.count == 1 ? "0" + parts[2] : parts[2], parts[1], parts[4], parts[3])
        default: return nil
        }
        guard let month = Self.months.firstIndex(of: fields.month), fields.day.utf8.count == 2,
            let day = Self.number(fields.day), let year = Self.year(fields.year, now), let time = Self.time(fields.time)
        else { return nil }
        let days = daysFromCivil(year: year, month: Int64(month) + 1, day: day)
        guard civilFromDays(days) == (year, Int64(month) + 1, day) else { return nil }
        self.init(seconds: days * 86_400 + time)
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private static func number(_ text: some StringProtocol) -> Int64? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int64(text) : nil
    }

    private static func year(_ text: String, _ now: Timestamp) -> Int64? {
        guard let year = number(text) else { return nil }
        guard text.utf8.count == 2 else { return text.utf8.count == 4 ? year : nil }
        let present = civilFromDays(now.seconds.floorDivided(by: 86_400)).year
        let candidate = present - present % 100 + year
        return candidate > present + 50 ? candidate - 100 : candidate
    }

    /// Seconds since midnight; a leap second counts as the second after it.
    private static func time(_ text: String) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ $0.utf8.count == 2 }), let hour = number(parts[0]), hour < 24,
            let minute = number(parts[1]), minute < 60, let second = number(parts[2]), second <= 60
        else { return nil }
        return (hour * 60 + minute) * 60 + second
    }
}
