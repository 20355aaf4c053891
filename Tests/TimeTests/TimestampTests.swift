import Testing
import Time

@Suite(.timeLimit(.minutes(10))) struct TimestampTests {
    @Test(
        arguments: [
            ("1970-01-01 00:00:00", 0),
            ("2026-01-02 03:04:05.000006", 1_767_323_045_000_006),
            ("2024-02-29 23:59:59.9", 1_709_251_199_900_000),
            ("1969-12-31 23:59:59.999999", -1),
            ("1900-03-01 00:00:00", -2_203_891_200_000_000),
            ("0001-01-01 00:00:00", -62_135_596_800_000_000),
            ("9999-12-31 23:59:59.999999", 253_402_300_799_999_999),
        ] as [(String, Int64)])
    func parses(text: String, microseconds: Int64) throws {
        let timestamp = try #require(Timestamp(sql: text.utf8))
        #expect(timestamp.microseconds == microseconds)
        #expect(timestamp.iso8601.prefix(19) == text.prefix(19).replacing(" ", with: "T"))
    }

    @Test(arguments: [
        "", "0000-00-00 00:00:00", "2026-01-02", "2026-01-02T03:04:05", "2026-02-29 00:00:00", "2026-13-01 00:00:00",
        "2026-00-01 00:00:00", "2026-01-32 00:00:00", "2026-01-02 24:00:00", "2026-01-02 00:60:00",
        "2026-01-02 00:00:60", "2026-01-02 03:04:05.", "2026-01-02 03:04:05.1234567", "2026-01-02 03:04:05.12x",
        "2026-01-02 03:04:05Z", "2026-01-02 03:04:0", "2026-01-02 03:04:0é", "-026-01-02 03:04:05",
        "0000-01-01 00:00:00", "2026-01-00 00:00:00",
    ])
    func refuses(text: String) {
        #expect(Timestamp(sql: text.utf8) == nil)
    }

    @Test func writesISO8601() {
        #expect(Timestamp(seconds: 1_767_323_045).iso8601 == "2026-01-02T03:04:05.000000Z")
        #expect("\(Timestamp(microseconds: -1))" == "1969-12-31T23:59:59.999999Z")
        #expect(Timestamp(microseconds: .max).iso8601 == "9999-12-31T23:59:59.999999Z")
        #expect(Timestamp(seconds: .min).iso8601 == "0001-01-01T00:00:00.000000Z")
        #expect(Timestamp(seconds: .max).iso8601 == "9999-12-31T23:59:59.999999Z")
    }

    /// All years, in steps that are prime to weeks, years and leap cycles, and each day of the years around 2000.
    @Test func roundTripsDays() {
        var previous = ""
        for day in Int64(-719_162)..<2_932_896 where day.isMultiple(of: 37) || (10_000..<13_000).contains(day) {
            let timestamp = Timestamp(seconds: day * 86_400 + 86_399)
            let text = timestamp.sqlText
            guard Timestamp(sql: text.utf8) == timestamp, previous < text else {
                Issue.record("day \(day): \(text)")
                return
            }
            previous = text
        }
    }

    @Test func calculates() {
        let timestamp = Timestamp(microseconds: 1_500_000)
        #expect(timestamp.seconds == 1)
        #expect(Timestamp(microseconds: -1).seconds == -1)
        #expect(timestamp.adding(seconds: -2).microseconds == -500_000)
        #expect(timestamp.adding(microseconds: 7).microseconds == 1_500_007)
        #expect(timestamp.adding(seconds: .max) == Timestamp(microseconds: .max))
        #expect(timestamp.adding(seconds: .min) == Timestamp(microseconds: .min))
        #expect(timestamp < timestamp.adding(microseconds: 1))
        #expect(Timestamp.now() > Timestamp(seconds: 1_700_000_000))
        #expect(Timestamp.now() < Timestamp(seconds: 7_000_000_000))
    }
}
