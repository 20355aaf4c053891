import HTTPServer
import Testing

@testable import Web

@Suite(.timeLimit(.minutes(10))) struct CORSPolicyTests {
    private static let origin = "https://console.example.com"

    private func request(_ method: String = "GET", origin: String?, preflight: Bool = false) -> HTTPRequest {
        var headers: [(name: String, value: String)] = []
        if let origin { headers.append(("Origin", origin)) }
        if preflight { headers.append(("Access-Control-Request-Method", "POST")) }
        return HTTPRequest(method: method, path: "/", headers: HTTPHeaders(headers))
    }

    private func allowed(_ response: HTTPResponse?) -> String? {
        response?.headers.first { $0.name == "Access-Control-Allow-Origin" }?.value
    }

    @Test(
        arguments: [
            ([origin], origin, origin), ([origin], "https://evil.example.com", nil), ([origin], nil, nil),
            (["*"], "https://any.example.com", "*"), ([], origin, nil),
        ] as [([String], String?, String?)])
    func whoMayRead(origins: [String], origin: String?, expected: String?) {
        let policy = CORSPolicy(origins: origins)
        var response = HTTPResponse(status: 200)
        policy.decorate(&response, to: request(origin: origin))
        #expect(allowed(response) == expected)
        // Of a named origin alone: with `*` browsers would refuse it.
        #expect(
            response.headers.contains { $0 == ("Access-Control-Allow-Credentials", "true") }
                == (expected == Self.origin))
        #expect(response.headers.contains { $0.name == "Vary" } == (origins == [Self.origin]))
        let preflight = policy.preflight(request("OPTIONS", origin: origin, preflight: true), methods: ["GET", "POST"])
        #expect(allowed(preflight) == expected)
    }

    @Test func onlyAPreflightIsAnsweredAsOne() {
        let policy = CORSPolicy(origins: [Self.origin])
        #expect(policy.preflight(request("OPTIONS", origin: Self.origin), methods: ["GET"]) == nil)
        #expect(policy.preflight(request("GET", origin: Self.origin, preflight: true), methods: ["GET"]) == nil)
        let answer = policy.preflight(
            request("OPTIONS", origin: Self.origin, preflight: true), methods: ["GET", "POST"])
        #expect(answer?.status == 204)
        #expect(answer?.headers.contains { $0 == ("Access-Control-Allow-Methods", "GET, POST") } == true)
    }
}
