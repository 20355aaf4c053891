import HTTPServer
import MySQL
import Signatures
import Telemetry
import Testing

@testable import Datasets
@testable import Integrator
@testable import Store
@testable import Web

/// Conditions of access, one after the other.
@Suite(.timeLimit(.minutes(5))) struct AccessConditionTests {
    @Test func aHeaderOfAnySizeIsNotRead() {
        #expect(AccessTokens.bearer("Bearer t") == "t")
        #expect(AccessTokens.bearer(String(repeating: "x", count: 1100) + " Bearer t") == nil)
    }

    /// Of more tokens than are remembered all are forgotten: memory is bounded.
    @Test func onlySoManyTokensAreRemembered() {
        let limiter = RateLimiter(limit: 1)
        for token in 0..<Int64(50_001) { _ = limiter.take(token, now: 60) }
        #expect(limiter.take(5, now: 61).remaining == 0)
        #expect(limiter.take(50_000, now: 61).remaining == nil)
    }

    @Test func anOperatorHasOneToken() {
        let token = "ada:act:0123456789abcdef"
        let gate = OperatorGate(
            tokens: OperatorTokens.parse(token).tokens, hosts: [], log: Logger(sink: LogSink { _ in }))
        func admit(_ authorizations: [String]) throws(APIError) -> OperatorTokens.Holder {
            let headers = [("host", "localhost")] + authorizations.map { ("authorization", $0) }
            return try gate.admit(
                HTTPRequest(method: "GET", path: "/", headers: HTTPHeaders(headers.map { (name: $0.0, value: $0.1) })),
                .read)
        }
        #expect((try? admit(["Bearer 0123456789abcdef"]))?.name == "ada")
        #expect((try? admit(["Bearer 0123456789abcdef", "Bearer x"])) == nil)
    }

    @Test func anEmptyTokenIsNobodys() async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            let scene = try await service.scene()
            let id = try #require(scene.token.split(separator: "|").first)
            #expect(try await service.get("/api/v1/wishlist-to-group", token: scene.token).status == 200)
            try await service.execute(
                "UPDATE personal_access_tokens SET token = \(Digest.hex(Digest.sha256([]))) WHERE id = \(Int64(id))")
            #expect(try await service.get("/api/v1/wishlist-to-group", token: "\(id)|").status == 401)
        }
    }

    /// Another instance has written it meanwhile.
    @Test func aUseIsWrittenOnceAMinuteByAllTogether() async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            let user = try await service.user()
            let ids = [try await service.token(of: user), try await service.token(of: user)].compactMap {
                $0.split(separator: "|").first.flatMap { Int64($0) }
            }
            try await service.execute(
                "UPDATE personal_access_tokens SET last_used_at = UTC_TIMESTAMP() - INTERVAL 30 SECOND WHERE id = \(ids[0])"
            )
            let before = try await service.query("SELECT last_used_at FROM personal_access_tokens WHERE id = \(ids[0])")
            let uses = TokenUses(
                pool: MySQLPool(service.database, maximumConnections: 1), log: Logger(sink: LogSink { _ in }))
            // They are written in this order.
            for id in ids { uses.note(id) }
            let task = Task { await uses.run() }
            try await service.waitForNumber(
                1, "SELECT COUNT(*) FROM personal_access_tokens WHERE id = \(ids[1]) AND last_used_at IS NOT NULL")
            task.cancel()
            let after = try await service.query("SELECT last_used_at FROM personal_access_tokens WHERE id = \(ids[0])")
            #expect(try after.first?.string(0) == before.first?.string(0))
        }
    }
}
