import HTTPServer

/// Which origins' scripts may read the answers (Fetch standard, section 3.3). Tokens travel in `Authorization`, and cookies
/// are not looked at: so `*` is as safe as a list, and an origin that is named may send them (axios in Laravel's pages does).
package struct CORSPolicy: Sendable {
    /// What the web clients send, Laravel Echo's header included.
    private static let requestHeaders =
        "Accept, Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Request-Id, X-Requested-With, X-Socket-ID"
    /// What their scripts may read.
    private static let exposedHeaders = """
        ETag, Idempotent-Replayed, Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, \
        X-Request-Id
        """
    /// The most that a preflight may ask for besides, in names and in bytes.
    private static let (mostNames, mostBytes) = (50, 2048)
    /// How long browsers may remember a preflight, in seconds.
    private static let maximumAge = 3600

    private let origins: Set<String>

    /// - Parameter origins: such as `https://console.example.com`; `*` for all. With none, no header is ever added.
    package init(origins: [String]) {
        self.origins = Set(origins)
    }

    /// Adds what a browser wants to see to the answer to `request`.
    func decorate(_ response: inout HTTPResponse, to request: HTTPRequest) {
        guard !origins.isEmpty else { return }
        if !origins.contains("*") { response.headers.append(("Vary", "Origin")) }
        guard allow(request, in: &response) else { return }
        response.headers.append(("Access-Control-Expose-Headers", Self.exposedHeaders))
    }

    /// The answer to a preflight; nil if the request is none.
    func preflight(_ request: HTTPRequest, methods: [String]) -> HTTPResponse? {
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
                ("Access-Control-Allow-Methods", allowed),
                ("Access-Control-Allow-Headers", Self.allowedHeaders(request)),
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
        response.headers += [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true")]
        return true
    }

    /// What the clients of this service send, and what else is asked for: tools for traces and against forgery add headers
    /// of their own (`traceparent`, `sentry-trace`, `x-csrf-token`), and one that is not allowed stops the whole request.
    /// Nothing is added if anything of it is no name (RFC 9110, section 5.1) or it is too much.
    private static func allowedHeaders(_ request: HTTPRequest) -> String {
        let asked = request.headers.all("access-control-request-headers").joined(separator: ",")
        guard asked.utf8.count <= mostBytes else { return requestHeaders }
        let names = asked.split(separator: ",").map(trimmed).filter { !$0.isEmpty }
        guard names.count <= mostNames, names.allSatisfy({ $0.utf8.allSatisfy(isTokenByte) }) else {
            return requestHeaders
        }
        var known = Set(requestHeaders.lowercased().split(separator: ",").map(trimmed).map(String.init))
        return ([requestHeaders] + names.map(String.init).filter { known.insert($0.lowercased()).inserted }).joined(
            separator: ", ")
    }

    private static func trimmed(_ name: Substring) -> Substring {
        let start = name.drop { $0 == " " || $0 == "\t" }
        guard let last = start.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return start }
        return start[...last]
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
