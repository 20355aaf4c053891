import Datasets
import HTTPServer
package import Store

/// Lets requests with a token through to the guarded operations: who it is, how often, and whether the token is for it.
package struct Gate: Sendable {
    let tokens: AccessTokens
    let uses: TokenUses
    let limiter: RateLimiter
    private let logins: LoginLimiter

    package init(
        tokens: AccessTokens, uses: TokenUses, limiter: RateLimiter, addresses: ClientAddress = ClientAddress()
    ) {
        logins = LoginLimiter(addresses: addresses)
        self.tokens = tokens
        self.uses = uses
        self.limiter = limiter
    }

    /// The caller; throws `APIError` 401, 429 or 403.
    ///
    /// - Parameter headers: gets those of the rate limit, also if this throws.
    func admit(
        _ request: HTTPRequest, _ ability: Caller.Ability, headers: inout [(name: String, value: String)]
    ) async throws -> Caller {
        let header = request.headers["authorization"]
        guard let token = AccessTokens.bearer(header) else { throw Refusal.unauthenticated }
        let caller = try await logins.caller(request, token: token) { try await tokens.caller(authorization: header) }
        if caller.isUseDue { uses.note(caller.tokenID) }
        let quota = limiter.take(caller.tokenID)
        headers += quota.headers
        guard quota.remaining != nil else { throw APIError(429, "too_many_requests", "Too Many Attempts.") }
        guard caller.may(ability) else { throw APIError(403, "ability_missing", "Invalid ability provided.") }
        return caller
    }
}
