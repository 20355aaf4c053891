import Testing
import Time

@Suite(.timeLimit(.minutes(10))) struct HTTPDateTests {
    private static let now = Timestamp(seconds: 1_795_700_000)  // 2026-11-26

    /// The example of RFC 9110, section 5.6.7, in its three forms, and the edges of each.
    @Test(
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Thu, 29 Feb 2024 23:59:60 GMT", 1_709_251_200), ("Thursday, 26-Nov-26 00:00:00 GMT", 1_795_651_200),
            ("Monday, 01-Jan-76 00:00:00 GMT", 3_345_062_400), ("Saturday, 01-Jan-77 00:00:00 GMT", 220_924_800),
        ] as [(String, Int64)])
    func reads(text: String, seconds: Int64) {
        #expect(Timestamp(httpDate: text, now: Self.now)?.seconds == seconds)
    }

    @Test(
        arguments: [
            "", "0", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov +994 08:49:37 GMT", "1994-11-06T08:49:37Z", String(repeating: "9", count: 50),
        ])
    func refuses(text: String) {
        #expect(Timestamp(httpDate: text, now: Self.now) == nil)
    }
}
