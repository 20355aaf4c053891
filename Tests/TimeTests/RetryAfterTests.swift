import Testing
import Time

@Suite(.timeLimit(.minutes(10))) struct RetryAfterTests {
    private static let now = Timestamp(microseconds: 784_111_717_900_000)

    /// A date is told in whole seconds, so the wait is never too short.
    @Test(
        arguments: [
            ("0", 0), ("120", 120), ("99999999999999999999", .max), ("Sun, 06 Nov 1994 08:49:37 GMT", 60),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 60), ("Sun Nov  6 08:49:37 1994", 60),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("", nil), ("-1", nil), ("1.5", nil), ("soon", nil), ("Sun, 06 Nov 1994 08:49:37 CET", nil),
        ] as [(String, Int64?)])
    func reads(text: String, seconds: Int64?) {
        #expect(RetryAfter.seconds(text, now: Self.now) == seconds)
    }
}
