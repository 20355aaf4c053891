import Testing

@testable import Web

@Suite(.timeLimit(.minutes(10))) struct FailureLimiterTests {
    @Test func countsByAddressAndMinute() {
        let limiter = FailureLimiter(perMinute: 2)
        #expect(limiter.noteFailure(of: "a", now: 600) == nil)
        #expect(limiter.noteFailure(of: "a", now: 610) == nil)
        #expect(limiter.noteFailure(of: "b", now: 610) == nil)
        #expect(limiter.noteFailure(of: "a", now: 615) == 45)
        #expect(limiter.noteFailure(of: "a", now: 659) == 1)
        #expect(limiter.noteFailure(of: "a", now: 660) == nil)
    }

    @Test func forgetsWhenThereAreTooMany() {
        let limiter = FailureLimiter(perMinute: 1)
        #expect(limiter.noteFailure(of: "a", now: 0) == nil)
        #expect(limiter.noteFailure(of: "a", now: 0) == 60)
        for number in 0..<10_000 { _ = limiter.noteFailure(of: "b\(number)", now: 0) }
        #expect(limiter.noteFailure(of: "a", now: 0) == nil)
    }
}
