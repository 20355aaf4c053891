import Testing

@testable import Web

/// W3C Trace Context, sections 3.2 and 4.
@Suite(.timeLimit(.minutes(10))) struct TraceContextTests {
    private static let traceID = "0af7651916cd43dd8448eb211c80319c"
    private static let parent = "00-\(traceID)-b7ad6b7169203331-01"

    @Test func aValidOneIsContinuedWithASpanOfOurs() {
        let trace = TraceContext(continuing: Self.parent)
        #expect(trace.isContinued)
        #expect(trace.traceID == Self.traceID)
        #expect(trace.header.hasPrefix("00-\(Self.traceID)-"))
        #expect(trace.header.hasSuffix("-01"))
        #expect(trace.header != Self.parent)
        #expect(TraceContext(continuing: trace.header).traceID == Self.traceID)
    }

    @Test func whatFollowsInALaterVersionIsLeftOut() {
        let trace = TraceContext(continuing: "cc-\(Self.traceID)-b7ad6b7169203331-03-what-the-future-will-be-like")
        #expect(trace.isContinued)
        #expect(trace.header.hasPrefix("00-\(Self.traceID)-"))
        #expect(trace.header.hasSuffix("-01"))
    }

    @Test(arguments: [
        nil, "", "00", "ff-\(traceID)-b7ad6b7169203331-01", "00-\(traceID)-b7ad6b7169203331-01-",
        "00-\(traceID)-b7ad6b7169203331-01-more", "01-\(traceID)-b7ad6b7169203331-01more",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-\(traceID)-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "00-\(traceID)-b7ad6b7169203331-0x",
        "00-\(traceID)_b7ad6b7169203331-01", "00-\(traceID)-b7ad6b7169203331", " \(parent)",
    ])
    func anyOtherBeginsATrace(_ header: String?) {
        let (first, second) = (TraceContext(continuing: header), TraceContext(continuing: header))
        #expect(!first.isContinued)
        #expect(first.traceID != Self.traceID && first.traceID != second.traceID)
        #expect(first.header.utf8.count == 55 && first.header.hasSuffix("-00"))
        #expect(TraceContext(continuing: first.header).isContinued)
    }
}
