import HTTPServer
import MySQL
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator
@testable import Web

/// Failed logins are limited by address, before the token is looked up.
@Suite(.timeLimit(.minutes(5))) struct LoginLimitTests {
    private let path = "/api/v1/wishlist-to-group"

    private func ask(
        _ service: ServiceUnderTest, _ token: String, from address: String? = nil
    ) async throws -> HTTPAnswer {
        try await service.get(path, token: token, headers: address.map { [("X-Forwarded-For", $0)] } ?? [])
    }

    @Test func failuresCostNoLookUp() async throws {
        try await ServiceUnderTest.with(["TRUSTED_PROXIES": "127.0.0.1"]) { service in
            let scene = try await service.scene()
            let fresh = try await service.token(of: scene.user)
            let wrong = scene.token + "x"
            #expect(try await ask(service, scene.token, from: "192.0.2.1").status == 200)
            // One that is wrong and one that is unknown count the same.
            for number in 0..<60 {
                let token = number.isMultiple(of: 2) ? wrong : "\(Fresh.number())|x"
                #expect(try await ask(service, token, from: "192.0.2.1").status == 401)
            }
            let answer = try await ask(service, wrong, from: "192.0.2.1")
            #expect(answer.status == 429 && answer.code == "too_many_requests")
            let seconds = try #require(answer.header("Retry-After").flatMap { Int64($0) })
            #expect((1...60).contains(seconds))
            // Others behind the same proxy, and who was right of late, are not locked out.
            #expect(try await ask(service, fresh, from: "192.0.2.2").status == 200)
            #expect(try await ask(service, scene.token, from: "192.0.2.1").status == 200)
            #expect(try await ask(service, wrong, from: "192.0.2.2").status == 401)
            // Without a table a look-up is an error.
            try await service.execute("RENAME TABLE personal_access_tokens TO tokens_away")
            for token in [wrong, "unknown", "1|x"] {
                #expect(try await ask(service, token, from: "192.0.2.1").status == 429)
            }
            #expect(try await ask(service, wrong, from: "192.0.2.3").status >= 500)
        }
    }

    @Test func whatIsNoTokenIsNotCounted() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            for _ in 0..<70 { #expect(try await service.api("GET", path).status == 401) }
            #expect(try await ask(service, scene.token).status == 200)
        }
    }

    @Test func aTokenThatIsNoLongerRightIsNotKnown() async throws {
        let limiter = LoginLimiter(addresses: ClientAddress())
        let request = HTTPRequest(method: "GET", path: "/")
        let caller = Caller(tokenID: 1, userID: 1, abilities: ["*"], isUseDue: false)
        func login(_ token: String, isRight: Bool, now: Int64 = 0) async -> Int? {
            do {
                _ = try await limiter.caller(request, token: token, now: now) {
                    if !isRight { throw Refusal.unauthenticated }
                    return caller
                }
                return nil
            } catch {
                return APIError(error).status
            }
        }
        #expect(await login("good", isRight: true) == nil)
        for _ in 0..<60 { #expect(await login("bad", isRight: false) == 401) }
        #expect(await login("other", isRight: true) == 429)
        #expect(await login("good", isRight: true) == nil)
        #expect(await login("good", isRight: false) == 401)
        #expect(await login("good", isRight: true) == 429)
        #expect(await login("good", isRight: true, now: 60) == nil)
        // Known for ten minutes after it was right last.
        for _ in 0..<60 { #expect(await login("bad", isRight: false, now: 661) == 401) }
        #expect(await login("good", isRight: true, now: 661) == 429)
    }

    @Test func aNetworkOfIPv6IsOneClient() {
        let limiter = FailureLimiter(perMinute: 2)
        #expect(limiter.noteFailure(of: "2001:db8:0:1::1", now: 0) == nil)
        #expect(limiter.silence(of: "2001:db8:0:1::2", now: 0) == nil)
        #expect(limiter.noteFailure(of: "2001:db8:0:1:ffff::2", now: 0) == nil)
        #expect(limiter.silence(of: "2001:db8:0:1::3", now: 0) == 60)
        #expect(limiter.silence(of: "2001:db8:0:2::1", now: 0) == nil)
        #expect(limiter.silence(of: "2001:db8:0:1::3", now: 60) == nil)
    }
}
