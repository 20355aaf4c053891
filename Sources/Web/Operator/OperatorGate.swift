import Datasets
package import HTTPServer
import Synchronization
package import Telemetry
import Time

/// Lets operators in (spec, section 10): closed without tokens; a bearer token in a header and no cookie, so that no other
/// page can act in an operator's name; only under names that are this service's, so that no other page can pass for it (DNS
/// rebinding); refused attempts limited by address and logged. A right token is never refused for the wrong ones of others.
package final class OperatorGate: Sendable {
    private static let attemptsPerMinute = 10

    private let tokens: Mutex<OperatorTokens>
    private let hosts: Set<String>
    private let failures = FailureLimiter(perMinute: OperatorGate.attemptsPerMinute)
    private let addresses: ClientAddress
    private let log: Logger

    /// - Parameters:
    ///   - hosts: names besides `localhost` by which it may be called, in lower case; addresses always may.
    ///   - addresses: says where a request comes from.
    package init(
        tokens: OperatorTokens, hosts: [String], addresses: ClientAddress = ClientAddress(), log: Logger
    ) {
        self.addresses = addresses
        self.tokens = Mutex(tokens)
        self.hosts = Set(hosts + ["localhost"])
        self.log = log
    }

    /// Takes these tokens from now on.
    package func use(_ tokens: OperatorTokens) {
        self.tokens.withLock { $0 = tokens }
    }

    /// Who asks; throws `APIError` 403, 401 or 429.
    package func admit(
        _ request: HTTPRequest, _ permission: OperatorTokens.Permission
    ) throws(APIError) -> OperatorTokens.Holder {
        try checkOrigin(of: request)
        let tokens = tokens.withLock { $0 }
        if tokens.isEmpty {
            throw APIError(403, "operator_off", "The operator's side is off: OPERATOR_TOKEN is not set.")
        }
        let values = request.headers.all("authorization")
        guard values.count == 1, let token = Self.bearer(values[0]), let holder = tokens.holder(of: token) else {
            throw refusal(of: request)
        }
        guard holder.permission == .act || permission == .read else {
            log.warning("operator may only look", ["operator": .string(holder.name), "path": .string(request.path)])
            throw APIError(403, "act_required", "This token may look, and not act.")
        }
        return holder
    }

    /// Whether the page may be shown: the same but for the token, which the page asks for. Throws `APIError` 403.
    func checkPage(_ request: HTTPRequest) throws(APIError) {
        try checkHost(of: request)
        if tokens.withLock({ $0.isEmpty }) {
            throw APIError(403, "operator_off", "The operator's side is off: OPERATOR_TOKEN is not set.")
        }
    }

    private func refusal(of request: HTTPRequest) -> APIError {
        let address = addresses.resolve(request)
        log.warning("operator refused", ["address": .string(address), "path": .string(request.path)])
        if let seconds = failures.noteFailure(of: address, now: Timestamp.now().seconds) {
            return .tooManyAttempts(retryAfter: seconds)
        }
        return APIError(Refusal.unauthenticated)
    }

    private func checkOrigin(of request: HTTPRequest) throws(APIError) {
        let host = try checkHost(of: request)
        if let origin = request.headers["origin"], !Self.isSame(origin, as: host) {
            throw refuse(request, "another origin")
        }
        if let site = request.headers["sec-fetch-site"], site != "same-origin", site != "none" {
            throw refuse(request, "another site")
        }
    }

    /// The host, in lower case, with its port as it was given.
    @discardableResult
    private func checkHost(of request: HTTPRequest) throws(APIError) -> String {
        let values = request.headers.all("host")
        guard values.count == 1, case let host = values[0].lowercased(), isOurs(host) else {
            throw refuse(request, "another host")
        }
        return host
    }

    private func isOurs(_ host: String) -> Bool {
        if host.hasPrefix("[") { return host.firstIndex(of: "]") != nil }
        let name = host.prefix { $0 != ":" }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return hosts.contains(String(name)) || (parts.count == 4 && parts.allSatisfy { UInt8($0) != nil })
    }

    private func refuse(_ request: HTTPRequest, _ reason: String) -> APIError {
        log.warning("operator refused", ["address": .string(addresses.resolve(request)), "reason": .string(reason)])
        return APIError(
            403, "foreign_origin", "This may only be asked for by the operator's own page, or by a program.")
    }

    /// A page behind a proxy with TLS has another scheme than we see.
    private static func isSame(_ origin: String, as host: String) -> Bool {
        let origin = origin.lowercased()
        return origin == "http://\(host)" || origin == "https://\(host)"
    }

    private static func bearer(_ value: String) -> String? {
        guard value.utf8.count <= 1024, value.lowercased().hasPrefix("bearer ") else { return nil }
        return String(value.dropFirst(7))
    }
}
