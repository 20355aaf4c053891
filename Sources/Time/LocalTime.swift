import Foundation

/// The local time of a place, daylight saving time included: the digits that its clocks show.
///
/// Digits are kept as the `Timestamp` that they are when they are read as UTC.
public struct LocalTime: Sendable, Equatable {
    private let zone: TimeZone

    /// The zone's name, for example `America/New_York`.
    public var name: String { zone.identifier }

    /// A zone by its name in the IANA database; nil: there is none.
    public init?(_ name: String) {
        guard name.first?.isLetter == true, let zone = TimeZone(identifier: name) else { return nil }
        self.zone = zone
    }

    /// How far the zone's clocks are ahead of UTC, in seconds.
    public func offset(at moment: Timestamp) -> Int64 {
        Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(moment.seconds))))
    }

    /// What the zone's clocks show.
    public func digits(at moment: Timestamp) -> Timestamp { moment.adding(seconds: offset(at: moment)) }

    /// When the zone's clocks show this; of two moments the first. What they never show, because they are set forward, is as
    /// much later than the last digits before. PHP reads local times alike.
    public func moment(of digits: Timestamp) -> Timestamp {
        // No zone is further from UTC than a day.
        let before = offset(at: digits.adding(seconds: -86_400))
        let after = offset(at: digits.adding(seconds: 86_400))
        let moments = Set([before, after]).sorted(by: >).map { ($0, digits.adding(seconds: -$0)) }
        return moments.first { offset(at: $0.1) == $0.0 }?.1 ?? digits.adding(seconds: -before)
    }

    /// The digits that divide all others: `moment(of:)` is earlier than `moment` for those below, and not for those above.
    /// They are what the clocks show, but for the hour that they show a second time: that is over.
    public func boundary(at moment: Timestamp) -> Timestamp {
        let digits = digits(at: moment)
        var (first, last) = (self.moment(of: digits), moment)
        let offset = offset(at: first)
        if first == last || offset == self.offset(at: last) { return digits }
        // The clocks are set back between the two.
        while last.seconds - first.seconds > 1 {
            let middle = Timestamp(seconds: (first.seconds + last.seconds) / 2)
            if self.offset(at: middle) == offset { first = middle } else { last = middle }
        }
        return Timestamp(seconds: last.seconds + offset).adding(microseconds: -1)
    }
}
