import TVPython
import Testing

@testable import Workflows

/// The decision alone: how a create goes on.
@Suite(.timeLimit(.minutes(10))) struct CreateAttemptsTests {
    private struct Highest: RandomNumberGenerator {
        mutating func next() -> UInt64 { .max }
    }

    private func refusal(_ status: Int, _ text: String = "No.", retryAfter: Int64? = nil) -> TVPythonAPI.Outcome<Int64>
    {
        .rejected(
            .init(
                status: status, reason: RefusalReason(status: status, body: Array(text.utf8)), retryAfter: retryAfter))
    }

    private func failure(_ retryAfter: Int64? = nil, arrived: Bool = true) -> TVPythonAPI.Outcome<Int64> {
        .unavailable(.init("status 503", retryAfter: retryAfter, mayHaveArrived: arrived))
    }

    private func steps(
        isOpen: Bool = false, _ outcomes: TVPythonAPI.Outcome<Int64>...
    ) -> [CreateAttempts.Step] {
        var generator = Highest()
        var attempts = CreateAttempts(limit: .seconds(10), isOpen: isOpen)
        return outcomes.map { attempts.step(after: $0, at: .seconds(1), using: &generator) }
    }

    private func milliseconds(_ pause: Int64) -> CreateAttempts.Step { .again(after: .milliseconds(pause)) }

    @Test func anAnswerEndsIt() {
        #expect(steps(.success(7)) == [.end(.accepted(datasetID: 7))])
        #expect(steps(isOpen: true, .success(7)) == [.end(.accepted(datasetID: 7))])
    }

    @Test func aRefusalIsFinalOnlyIfNothingIsOpen() {
        #expect(steps(refusal(409)) == [.end(.rejected(reason: "No."))])
        #expect(steps(failure(arrived: false), refusal(422)).last == .end(.rejected(reason: "No.")))
        #expect(steps(failure(), refusal(422)).last == .end(.unavailable(reason: "No.", retryAfter: nil)))
        #expect(steps(isOpen: true, refusal(422)) == [.end(.unavailable(reason: "No.", retryAfter: nil))])
    }

    @Test func whatIsAtWorkIsAskedAgain() {
        let pauses = [milliseconds(200), milliseconds(400), milliseconds(3000), .end(.accepted(datasetID: 7))]
        #expect(steps(failure(), refusal(409), refusal(409, retryAfter: 3), .success(7)) == pauses)
        #expect(
            steps(isOpen: true, refusal(409, retryAfter: 9)) == [.end(.unavailable(reason: "No.", retryAfter: 9))])
    }

    @Test func theCallbackIsRegisteredOnce() {
        let named = refusal(422, "No such callback.")
        #expect(
            steps(named, named) == [
                .register(reason: "No such callback."), .end(.rejected(reason: "No such callback.")),
            ])
        #expect(steps(named, .success(7)).last == .end(.accepted(datasetID: 7)))
        #expect(
            steps(isOpen: true, named, named).last == .end(.unavailable(reason: "No such callback.", retryAfter: nil)))
    }

    @Test func pausesGrowUpToTwoSeconds() {
        let pauses = [200, 400, 800, 1600, 2000, 2000].map { milliseconds($0) }
        #expect(steps(failure(), failure(), failure(), failure(), failure(0), failure(1)) == pauses)
        #expect(steps(failure(8)) == [milliseconds(8000)])
        for retryAfter in [9, 100_000, .max] as [Int64] {
            #expect(steps(failure(retryAfter)) == [.end(.unavailable(reason: "status 503", retryAfter: retryAfter))])
        }
        #expect(steps(failure(-5)) == [milliseconds(200)])
    }

    @Test func noAttemptUsesUpAllTime() {
        let attempts = CreateAttempts(limit: .seconds(10), isOpen: false)
        #expect(attempts.timeout(at: .zero) == .seconds(5))
        #expect(attempts.timeout(at: .seconds(5)) == .milliseconds(2500))
        #expect(attempts.timeout(at: .seconds(9)) == .milliseconds(500))
        #expect(attempts.timeout(at: .milliseconds(9100)) == .milliseconds(900))
        #expect(attempts.timeout(at: .seconds(11)) == .milliseconds(1))
    }
}
