import Testing
import Time

@Suite(.timeLimit(.minutes(10))) struct BackoffTests {
    /// Always the highest number, so that the ceiling shows.
    private struct Highest: RandomNumberGenerator {
        mutating func next() -> UInt64 { .max }
    }

    @Test func ceilingDoublesUpToTheCap() {
        let backoff = Backoff(base: .milliseconds(100), cap: .seconds(1))
        var highest = Highest()
        let ceilings = [-1, 0, 1, 2, 3, 4, 5, 40, Int.max].map { attempt in
            Int((backoff.delay(afterAttempt: attempt, using: &highest) / .milliseconds(1)).rounded())
        }
        #expect(ceilings == [100, 100, 100, 200, 400, 800, 1000, 1000, 1000])
    }

    @Test func jitterIsFull() {
        let backoff = Backoff(base: .milliseconds(100), cap: .seconds(1))
        let delays = (0..<200).map { _ in backoff.delay(afterAttempt: 1) }
        #expect(delays.allSatisfy { (.zero ... .milliseconds(100)).contains($0) })
        #expect(delays.contains { $0 < .milliseconds(50) })
        #expect(delays.contains { $0 > .milliseconds(50) })
    }
}
