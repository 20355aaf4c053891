import Testing

@testable import Web

@Suite(.timeLimit(.minutes(10))) struct RateLimiterTests {
    @Test func aWindowBeginsWithItsFirstRequest() {
        let limiter = RateLimiter(limit: 2)
        #expect(limiter.take(1, now: 100).remaining == 1)
        #expect(limiter.take(1, now: 110).remaining == 0)
        #expect(limiter.take(1, now: 115) == .init(limit: 2, remaining: nil, resetAt: 160, retryAfter: 45))
        #expect(limiter.take(2, now: 115).remaining == 1)
        #expect(limiter.take(1, now: 160).remaining == 1)
    }

    @Test func aClockThatWasSetBackLocksNobodyOut() {
        let limiter = RateLimiter(limit: 1)
        _ = limiter.take(1, now: 10_000)
        #expect(limiter.take(1, now: 100).remaining == 0)
    }

    @Test func whatIsLeftIsTold() {
        let limiter = RateLimiter(limit: 1)
        #expect(limiter.take(1, now: 0).headers.map(\.name) == ["X-RateLimit-Limit", "X-RateLimit-Remaining"])
        let headers = limiter.take(1, now: 0).headers
        #expect(
            headers.contains { $0 == ("Retry-After", "60") } && headers.contains { $0 == ("X-RateLimit-Reset", "60") })
    }
}
