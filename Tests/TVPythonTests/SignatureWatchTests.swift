import Testing
import Time

@testable import TVPython

@Suite(.timeLimit(.minutes(10))) struct SignatureWatchTests {
    private func at(_ seconds: Int64) -> Timestamp { Timestamp(seconds: 1_000_000 + seconds) }

    /// Which of the failures at these seconds call for a look.
    private func calls(_ watch: inout SignatureWatch, at seconds: Int64...) -> [Bool] {
        seconds.map { watch.failed(at: at($0)) }
    }

    @Test func threeInARowAreTooMany() {
        var watch = SignatureWatch()
        #expect(calls(&watch, at: 0, 1) == [false, false])
        #expect(!watch.isFailing(at: at(1)))
        #expect(calls(&watch, at: 2) == [true])
        #expect(watch.isFailing(at: at(2)))
        #expect(watch.count == 3)
        #expect(watch.since == at(0))
        // Said once a minute.
        #expect(calls(&watch, at: 61, 62) == [false, true])
    }

    @Test func oneThatIsRightEndsIt() {
        var watch = SignatureWatch()
        _ = calls(&watch, at: 0, 1, 2, 3)
        watch.succeeded()
        #expect(watch == SignatureWatch())
        #expect(calls(&watch, at: 6) == [false])
    }

    @Test func whatIsLongAgoIsForgotten() {
        var watch = SignatureWatch()
        _ = calls(&watch, at: 0, 1, 2)
        #expect(watch.isFailing(at: at(3601)))
        #expect(!watch.isFailing(at: at(3602)))
        #expect(calls(&watch, at: 3602) == [false])
        #expect(watch.count == 1)
        #expect(watch.since == at(3602))
    }
}
