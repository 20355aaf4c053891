package import HTTPServer

/// Which origins' scripts may read the answers (Fetch standard, section 3.3). Tokens travel in `Authorization`, never in
/// cookies: so no credentials are allowed for, and `*` is as safe as a list.
package struct CORSPolicy: Sendable {
    /// What the web clients send, Laravel Echo's header included.
    private static let requestHeaders =
        "Accept, Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Request-Id, X-Requested-With, X-Socket-ID"
    /// What their scripts may read.
    private static let exposedHeaders = """
        ETag, Idempotent-Replayed, Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, \
        X-Request-Id
        """
    /// How long browsers may remember a preflight, in seconds.
    private static let maximumAge = 3600

    private let origins: Set<String>

    /// - Parameter origins: such as `https://console.example.com`; `*` for all. With none, no header is ever added.
    package init(origins: [String]) {
        self.origins = Set(origins)
    }

    /// Adds what a browser wants to see to the answer to `request`.
    package func decorate(_ response: inout HTTPResponse, to request: HTTPRequest) {
        guard !origins.isEmpty else { return }
        if !origins.contains("*") { response.headers.append(("Vary", "Origin")) }
        guard allow(request, in: &response) else { return }
        response.headers.append(("Access-Control-Expose-Headers", Self.exposedHeaders))
    }

    /// The answer to a preflight; nil if the request is none.
    package func preflight(_ request: HTTPRequest, methods: [String]) -> HTTPResponse? {
        guard !origins.isEmpty, request.method == "OPTIONS", request.headers["origin"] != nil,
            request.headers["access-control-request-method"] != nil
        else { return nil }
        let allowed = methods.joined(separator: ", ")
        var response = HTTPResponse(
            status: 204,
            headers: [
                ("Allow", allowed),
                ("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
            ])
        if allow(request, in: &response) {
            response.headers += [
                ("Access-Control-Allow-Methods", allowed), ("Access-Control-Allow-Headers", Self.requestHeaders),
                ("Access-Control-Max-Age", String(Self.maximumAge)),
            ]
        }
        return response
    }

    /// Names the origin as allowed, if it is.
    private func allow(_ request: HTTPRequest, in response: inout HTTPResponse) -> Bool {
        if origins.contains("*") {
            response.headers.append(("Access-Control-Allow-Origin", "*"))
            return true
        }
        guard let origin = request.headers["origin"], origins.contains(origin) else { return false }
        response.headers.append(("Access-Control-Allow-Origin", origin))
        return true
    }
}
