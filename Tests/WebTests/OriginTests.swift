import HTTPServer
import Testing

@testable import Web

/// `CORS_ALLOWED_ORIGINS`: an origin is allowed if it is one of these, byte for byte (RFC 6454, section 5).
@Suite(.timeLimit(.minutes(5))) struct OriginTests {
    private static let own = "https://console.example.com"

    private func request(_ method: String, _ headers: [(String, String)]) -> HTTPRequest {
        HTTPRequest(method: method, path: "/", headers: HTTPHeaders(headers.map { (name: $0.0, value: $0.1) }))
    }

    private func field(_ name: String, of response: HTTPResponse?) -> String? {
        response?.headers.first { $0.name == name }?.value
    }

    @Test(arguments: [
        "\(own).evil.example", "\(own):8443", "\(own)/", "http://console.example.com", "https://example.com",
        "https://evil-console.example.com", "https://evil.console.example.com", "console.example.com",
        "https://CONSOLE.example.com", "null", "",
    ])
    func whatOnlyResemblesAnOriginIsAnother(origin: String) {
        let policy = CORSPolicy(origins: [Self.own])
        var answer = HTTPResponse(status: 200)
        policy.decorate(&answer, to: request("GET", [("Origin", origin)]))
        #expect(field("Access-Control-Allow-Origin", of: answer) == nil)
        #expect(field("Access-Control-Expose-Headers", of: answer) == nil)
        #expect(field("Vary", of: answer) == "Origin")
        let asks = request("OPTIONS", [("Origin", origin), ("Access-Control-Request-Method", "POST")])
        let preflight = policy.preflight(asks, methods: ["POST"])
        #expect(preflight?.status == 204)
        #expect(field("Access-Control-Allow-Origin", of: preflight) == nil)
        #expect(field("Access-Control-Allow-Methods", of: preflight) == nil)
    }

    /// A preflight names the origin and the method (Fetch standard, section 3.2.2); anything else is an ordinary request.
    @Test func onlyWhatBrowsersAskIsAPreflight() {
        let policy = CORSPolicy(origins: [Self.own])
        let (origin, method) = (("Origin", Self.own), ("Access-Control-Request-Method", "POST"))
        #expect(policy.preflight(request("OPTIONS", [origin, method]), methods: ["POST"]) != nil)
        #expect(policy.preflight(request("OPTIONS", [method]), methods: ["POST"]) == nil)
        #expect(policy.preflight(request("OPTIONS", [origin]), methods: ["POST"]) == nil)
        #expect(policy.preflight(request("POST", [origin, method]), methods: ["POST"]) == nil)
        #expect(CORSPolicy(origins: []).preflight(request("OPTIONS", [origin, method]), methods: ["POST"]) == nil)
    }
}
