import Glibc

/// A moment: microseconds since 1970-01-01 00:00:00 UTC, from year 1 to year 9999.
///
/// In SQL it is a DATETIME(6) in a session whose time zone is UTC; in JSON it is ISO 8601 with six digits and `Z`, as
/// Laravel writes dates.
public struct Timestamp: Sendable, Hashable, Comparable {
    /// Microseconds since the Unix epoch.
    public let microseconds: Int64

    /// A moment given in microseconds since the Unix epoch; what is outside of the years 1 to 9999 becomes the nearest
    /// moment inside.
    public init(microseconds: Int64) {
        self.microseconds = min(max(microseconds, Self.lowest), Self.highest)
    }

    /// A moment given in whole seconds since the Unix epoch.
    public init(seconds: Int64) {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        self.init(microseconds: overflow ? (seconds < 0 ? .min : .max) : product)
    }

    /// The present, by the system's clock.
    public static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    /// Whole seconds since the Unix epoch, rounded down.
    public var seconds: Int64 { microseconds.floorDivided(by: 1_000_000) }

    /// The moment so many seconds later, or earlier if negative.
    public func adding(seconds: Int64) -> Timestamp {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return adding(microseconds: overflow ? (seconds < 0 ? .min : .max) : product)
    }

    /// The moment so many microseconds later, or earlier if negative.
    public func adding(microseconds: Int64) -> Timestamp {
        let (sum, overflow) = self.microseconds.addingReportingOverflow(microseconds)
        return Timestamp(microseconds: overflow ? (microseconds < 0 ? .min : .max) : sum)
    }

    /// The earlier one is less.
    public static func < (first: Timestamp, second: Timestamp) -> Bool { first.microseconds < second.microseconds }

    private static let lowest: Int64 = -62_135_596_800_000_000  // 0001-01-01T00:00:00
    private static let highest: Int64 = 253_402_300_799_999_999  // 9999-12-31T23:59:59.999999
}

extension Timestamp: CustomStringConvertible {
    /// ISO 8601 with six digits of a second, for example `2026-01-02T03:04:05.000000Z`.
    public var iso8601: String {
        String(unsafeUninitializedCapacity: 27) { buffer in
            write(to: buffer, separator: UInt8(ascii: "T"))
            buffer[26] = UInt8(ascii: "Z")
            return 27
        }
    }

    /// The same as `iso8601`.
    public var description: String { iso8601 }

    /// `YYYY-MM-DD HH:MM:SS.ffffff`, as a DATETIME(6) is written.
    package var sqlText: String {
        String(unsafeUninitializedCapacity: Self.writtenLength) { buffer in
            write(to: buffer, separator: UInt8(ascii: " "))
            return Self.writtenLength
        }
    }

    /// The length of `write(to:separator:)`, in bytes.
    package static let writtenLength = 26

    /// Writes `YYYY-MM-DD`, the separator, and `HH:MM:SS.ffffff`: `writtenLength` bytes.
    package func write(to buffer: UnsafeMutableBufferPointer<UInt8>, separator: UInt8) {
        let seconds = seconds
        let days = seconds.floorDivided(by: 86_400)
        let secondOfDay = seconds - days * 86_400
        let date = civilFromDays(days)
        func put(_ value: Int64, at end: Int, digits: Int) {
            var rest = value
            for position in stride(from: end - 1, through: end - digits, by: -1) {
                buffer[position] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            }
        }
        put(date.year, at: 4, digits: 4)
        put(date.month, at: 7, digits: 2)
        put(date.day, at: 10, digits: 2)
        put(secondOfDay / 3600, at: 13, digits: 2)
        put(secondOfDay / 60 % 60, at: 16, digits: 2)
        put(secondOfDay % 60, at: 19, digits: 2)
        put(microseconds - seconds * 1_000_000, at: 26, digits: 6)
        buffer[4] = UInt8(ascii: "-")
        buffer[7] = UInt8(ascii: "-")
        buffer[10] = separator
        buffer[13] = UInt8(ascii: ":")
        buffer[16] = UInt8(ascii: ":")
        buffer[19] = UInt8(ascii: ".")
    }
}

extension Timestamp {
    /// What a server sends for a DATETIME: `YYYY-MM-DD HH:MM:SS` with up to six digits of a second. Nil for anything
    /// else, zero dates and days that are not in the calendar included.
    public init?(sql text: some Collection<UInt8>) {
        var bytes = text.makeIterator()
        func number(digits: Int, then separator: String) -> Int64? {
            var value: Int64 = 0
            for _ in 0..<digits {
                guard let byte = bytes.next(), byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            }
            for expected in separator.utf8 {
                guard bytes.next() == expected else { return nil }
            }
            return value
        }
        guard let year = number(digits: 4, then: "-"), let month = number(digits: 2, then: "-"),
            let day = number(digits: 2, then: " "), let hour = number(digits: 2, then: ":"),
            let minute = number(digits: 2, then: ":"), let second = number(digits: 2, then: "")
        else { return nil }
        let days = daysFromCivil(year: year, month: month, day: day)
        guard year >= 1, civilFromDays(days) == (year, month, day), hour < 24, minute < 60, second < 60
        else { return nil }

        var fraction: Int64 = 0
        if let point = bytes.next() {
            guard point == UInt8(ascii: ".") else { return nil }
            var scale: Int64 = 100_000
            while let byte = bytes.next() {
                guard scale > 0, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
                fraction += Int64(byte - UInt8(ascii: "0")) * scale
                scale /= 10
            }
            guard scale < 100_000 else { return nil }
        }
        self.init(microseconds: (days * 86_400 + hour * 3600 + minute * 60 + second) * 1_000_000 + fraction)
    }
}
