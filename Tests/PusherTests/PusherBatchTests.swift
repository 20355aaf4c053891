import Pusher
import Testing

@Suite(.timeLimit(.minutes(10))) struct PusherBatchTests {
    private let api = PusherAPI(
        credentials: PusherCredentials(appID: "3", key: "278d425bdf160c739803", secret: "7ad3773142a6692b25b8"),
        endpoint: PusherEndpoint(cluster: "mt1"))

    private func event(_ channels: Int = 1, bytes: Int = 10) -> PusherEvent {
        PusherEvent(
            name: "e", channels: (0..<channels).map { "c\($0)" }, data: String(repeating: "\"", count: bytes / 2))
    }

    @Test func boundsTheEntries() {
        func batches(_ channels: [Int]) -> [Range<Int>] {
            api.batches(of: channels.map { event($0) }, maximumEntries: 4, maximumBytes: 100_000)
        }
        #expect(batches([]) == [])
        #expect(batches([1]) == [0..<1])
        #expect(batches([1, 1, 1, 1, 1]) == [0..<4, 4..<5])
        #expect(batches([2, 2, 2]) == [0..<2, 2..<3])
        #expect(batches([3, 2, 1, 1, 1]) == [0..<1, 1..<4, 4..<5])
        #expect(batches([1, 9, 1]) == [0..<1, 1..<2, 2..<3])
    }

    @Test func boundsTheBytes() {
        #expect(api.batches(of: [event(bytes: 8000)], maximumBytes: 10) == [0..<1])
        #expect(
            api.batches(of: [event(), event(bytes: 20_000), event(), event()], maximumBytes: 10_000)
                == [0..<1, 1..<2, 2..<4])
    }

    /// Reverb takes 10,000 bytes for a request with its head.
    @Test func countsTheBytesAsTheyAreSent() throws {
        for size in [0, 2, 100, 634, 900, 1700, 3000] {
            let events = Array(repeating: event(bytes: size), count: 25)
            let batches = api.batches(of: events, maximumBytes: 10_000)
            #expect(batches.map(Array.init).flatMap { $0 } == Array(0..<25))
            for batch in batches {
                let request = try api.triggerBatch(Array(events[batch]), now: 9_999_999_999)
                #expect(request.url.utf8.count + request.body.count + 400 <= 10_000)
                // One more would be too much: nothing is wasted but what a longer timestamp would need.
                if batch.count < 10, batch.upperBound < 25 {
                    let more = try api.triggerBatch(Array(events[batch]) + [event(bytes: size)], now: 9_999_999_999)
                    #expect(more.url.utf8.count + more.body.count + 400 > 10_000 - 10)
                }
            }
        }
    }

    @Test(
        arguments: [
            (200, .delivered), (202, .delivered), (400, .refused(reason: "400 no good")),
            (413, .refused(reason: "413 no good")),
            (422, .refused(reason: "422 no good")), (409, .refused(reason: "409 no good")),
            (401, .unauthorised(reason: "401 no good")), (403, .unauthorised(reason: "403 no good")),
            (404, .unsupported),
            (408, .retry(after: 7)), (425, .retry(after: 7)), (429, .retry(after: 7)), (500, .retry(after: 7)),
            (503, .retry(after: 7)),
            (301, .retry(after: 7)), (0, .retry(after: 7)),
        ] as [(Int, PusherAnswer)])
    func readsAnswers(_ status: Int, _ expected: PusherAnswer) {
        #expect(PusherAnswer(status: status, retryAfter: "7", body: Array("no\n\u{1B} good\r\n".utf8)) == expected)
    }

    @Test(
        arguments: [
            (nil, nil), ("", nil), ("0", 0), ("120", 120), ("86401", 86_400), ("-1", nil), ("1.5", nil),
            ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("Wed, 21 Oct 2150 07:28:00 GMT", 86_400), ("soon", nil),
            ("99999999999999999999", 86_400),
        ] as [(String?, Int?)])
    func readsRetryAfter(_ header: String?, _ seconds: Int?) {
        #expect(PusherAnswer(status: 503, retryAfter: header) == .retry(after: seconds))
    }

    @Test func boundsTheReason() {
        guard case .refused(let reason) = PusherAnswer(status: 400, body: Array(repeating: 0xFF, count: 100_000)) else {
            Issue.record("not refused")
            return
        }
        #expect(reason.unicodeScalars.count == 204)
        #expect(PusherAnswer(status: 400) == .refused(reason: "400"))
    }
}
