import HTTPServer
import JSON
import MySQL
import Telemetry
import Testing

@testable import Datasets
@testable import Integrator
@testable import Operations
@testable import Sandbox
@testable import Store
@testable import Web

/// Who is let in to the operator's side (spec, section 10).
@Suite(.timeLimit(.minutes(5))) struct OperatorGateTests {
    private static let me = "/operator/api/me"

    @Test func withoutATokenOfOursNothingIsTold() async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            #expect(try await service.operate("GET", Self.me).json?["name"]?.string == "ada")
            for path in ["me", "overview", "events", "datasets", "dead-letters", "actions", "doctor", "callback"] {
                for token in [nil, "", "wrong", "ada", Self.cased] {
                    let answer = try await service.operate("GET", "/operator/api/\(path)", token: token)
                    #expect([401, 429].contains(answer.status), "\(path) \(token ?? "-")")
                    #expect(answer.json?["data"] == nil)
                }
            }
            // The right one is not refused for the wrong ones.
            #expect(try await service.operate("GET", Self.me).status == 200)
            let limited = try await service.operate("GET", Self.me, token: "wrong")
            #expect(limited.status == 429)
            #expect(limited.header("Retry-After") != nil)
            try await service.log.wait { $0.contains { $0.contains("operator refused") && $0.contains("127.0.0.1") } }
            #expect(!service.log.all.joined().contains(ServiceUnderTest.operatorToken))
        }
    }

    private static let cased = ServiceUnderTest.operatorToken.uppercased()

    @Test func aReadTokenMayNotAct() async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            let looking = ServiceUnderTest.lookingToken
            #expect(try await service.operate("GET", "/operator/api/overview", token: looking).status == 200)
            for path in [
                "events/replay", "events/drop", "dead-letters/retry", "dead-letters/drop", "callback/sync",
                "callback/rotate", "callback/test",
            ] {
                let answer = try await service.operate(
                    "POST", "/operator/api/\(path)", token: looking, body: #"{"all": true}"#)
                #expect(answer.status == 403, "\(path)")
                #expect(answer.code == "act_required")
            }
            #expect(try await service.number("SELECT COUNT(*) FROM integrator_actions") == 0)
        }
    }

    @Test func withoutOperatorTokenItIsOff() async throws {
        try await ServiceUnderTest.with(["OPERATOR_TOKEN": ""], registered: false) { service in
            for path in [Self.me, "/operator", "/operator/operator.js", "/"] {
                let answer = try await service.operate("GET", path, token: "")
                #expect(answer.status == 403, "\(path)")
                #expect(answer.code == "operator_off")
            }
            #expect(try await service.operate("GET", "/health/live", token: nil).status == 200)
            #expect(try await service.operate("GET", "/metrics", token: nil).status == 200)
        }
    }

    @Test func otherPagesGetNothing() async throws {
        try await ServiceUnderTest.with(["CORS_ALLOWED_ORIGINS": "*"], registered: false) { service in
            let foreign: [(String, String)] = [
                ("Host", "rebound.example.com"), ("Host", "rebound.example.com:8081"),
                ("Host", "127.0.0.1.example.com"),
                ("Origin", "https://elsewhere.example.com"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site"),
                ("Sec-Fetch-Site", "same-site"),
            ]
            for (name, value) in foreign {
                let answer = try await service.operate("GET", Self.me, headers: [(name, value)])
                #expect(answer.status == 403, "\(name): \(value)")
                #expect(answer.code == "foreign_origin")
                #expect(answer.header("Access-Control-Allow-Origin") == nil)
            }
            #expect(
                try await service.operate("GET", "/operator", headers: [("Host", "rebound.example.com")]).status == 403)
            let preflight = try await service.operate(
                "OPTIONS", "/operator/api/events/replay", token: nil,
                headers: [("Origin", "https://a.example.com"), ("Access-Control-Request-Method", "POST")])
            #expect(preflight.header("Access-Control-Allow-Origin") == nil)
            // A scrape comes by whatever name.
            #expect(
                try await service.operate("GET", "/metrics", token: nil, headers: [("Host", "node-3:8081")]).status
                    == 200)
            let own = "http://127.0.0.1:\(service.instance.operatorPort)"
            #expect(try await service.operate("GET", Self.me, headers: [("Origin", own)]).status == 200)
            #expect(
                try await service.operate("GET", Self.me, headers: [("Sec-Fetch-Site", "same-origin")]).status == 200)
        }
    }

    @Test func namesThatAreConfiguredAreOurs() throws {
        let (tokens, _) = OperatorTokens.parse("ada:act:0123456789abcdef")
        let gate = OperatorGate(tokens: tokens, hosts: ["ops.example.com"], log: .init(level: .error))
        func status(_ host: String?) -> Int {
            var headers = HTTPHeaders([("Authorization", "Bearer 0123456789abcdef")])
            if let host { headers.append(name: "Host", value: host) }
            do throws(APIError) {
                _ = try gate.admit(HTTPRequest(method: "GET", path: "/", headers: headers), .act)
                return 200
            } catch {
                return error.status
            }
        }
        for host in ["ops.example.com", "OPS.example.com:8443", "localhost:8081", "10.1.2.3", "[::1]:8081"] {
            #expect(status(host) == 200, "\(host)")
        }
        for host in [nil, "", "example.com", "1.2.3", "1.2.3.400", "a.ops.example.com"] {
            #expect(status(host) == 403, "\(host ?? "-")")
        }
        gate.use(OperatorTokens())
        #expect(status("localhost") == 403)
    }

    @Test func allAnswersAreLockedDown() async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            for (path, token) in [
                ("/operator", nil), ("/operator/operator.js", nil), (Self.me, ServiceUnderTest.operatorToken),
                (Self.me, "wrong"), ("/nothing", nil),
            ] {
                let answer = try await service.operate("GET", path, token: token)
                #expect(
                    answer.header("Content-Security-Policy")?.hasPrefix("default-src 'none'; script-src 'self';")
                        == true)
                #expect(answer.header("X-Content-Type-Options") == "nosniff")
                #expect(answer.header("Referrer-Policy") == "no-referrer")
                #expect(
                    answer.headers.filter { $0.name.lowercased() == "cache-control" }.map(\.value) == ["no-store"],
                    "\(path)")
                #expect(answer.header("Set-Cookie") == nil)
            }
        }
    }

    @Test func thePublicListenerHasNoneOfIt() async throws {
        try await ServiceUnderTest.with(["PUBLIC_HEALTH": ""], registered: false) { service in
            for path in [Self.me, "/operator", "/health/live", "/health/ready", "/metrics"] {
                let answer = try await service.api("GET", path, token: ServiceUnderTest.operatorToken)
                #expect(answer.status == 404, "\(path)")
            }
            for path in ["/health/live", "/metrics"] {
                #expect(try await service.operate("GET", path, token: nil).status == 200)
            }
            #expect(try await service.operate("POST", "/webhooks/tv-python", token: nil, body: "{}").status == 404)
        }
    }
}
