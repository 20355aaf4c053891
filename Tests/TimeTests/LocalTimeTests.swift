import Testing

@testable import Time

/// Local times, as PHP reads and writes them.
@Suite(.timeLimit(.minutes(1))) struct LocalTimeTests {
    private func time(_ text: String) throws -> Timestamp { try #require(Timestamp(sql: text.utf8)) }

    @Test(arguments: [
        ("America/New_York", "2026-01-15 17:00:00", "2026-01-15 12:00:00"),
        ("America/New_York", "2026-07-15 16:00:00.5", "2026-07-15 12:00:00.5"),
        ("Asia/Kolkata", "2026-07-15 16:00:00", "2026-07-15 21:30:00"),
        ("Australia/Lord_Howe", "2026-07-15 16:00:00", "2026-07-16 02:30:00"),
        ("UTC", "2026-07-15 16:00:00", "2026-07-15 16:00:00"),
        // The first of the two.
        ("America/New_York", "2026-11-01 05:30:00", "2026-11-01 01:30:00"),
    ])
    func thereAndBack(zone: String, moment: String, digits: String) throws {
        let local = try #require(LocalTime(zone))
        #expect(local.digits(at: try time(moment)) == (try time(digits)))
        #expect(local.moment(of: try time(digits)) == (try time(moment)))
    }

    @Test func digitsThatAreNoTimeOrTwo() throws {
        let local = try #require(LocalTime("America/New_York"))
        #expect(local.digits(at: try time("2026-11-01 06:30:00")) == (try time("2026-11-01 01:30:00")))
        // 02:30 is not shown on that day: half an hour after 02:00, which is 03:00.
        #expect(local.moment(of: try time("2026-03-08 02:30:00")) == (try time("2026-03-08 07:30:00")))
    }

    /// All moments and digits of the days on which clocks are set.
    @Test(arguments: ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kolkata"])
    func theBoundaryDividesWhatIsPast(zone: String) throws {
        let local = try #require(LocalTime(zone))
        for day in ["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"] {
            let start = try time("\(day) 00:00:00")
            let digits = stride(from: Int64(0), to: 86_400, by: 900).map { start.adding(seconds: $0) }
            let shown = digits.filter { local.digits(at: local.moment(of: $0)) == $0 }
            #expect(shown.count >= digits.count - 4)
            for seconds in stride(from: Int64(-86_400), to: 172_800, by: 600) {
                let now = start.adding(seconds: seconds)
                let boundary = local.boundary(at: now)
                for time in shown {
                    let moment = local.moment(of: time)
                    #expect(moment < now ? time <= boundary : time >= boundary, "\(zone) \(time) \(now) \(boundary)")
                }
            }
        }
    }

    @Test(arguments: ["Mars/Olympus", "", "+05:30", "America/New_York'"])
    func unknownNames(name: String) {
        #expect(LocalTime(name) == nil)
    }
}
