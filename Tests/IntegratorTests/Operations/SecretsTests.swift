import JSON
import Signatures
import Testing

@testable import Integrator
@testable import Sandbox

@Suite(.timeLimit(.minutes(5))) struct SecretsTests {
    private static let wishlist = "/api/v1/wishlist-to-group/autumn-living-room"
    private static let trace = "0af7651916cd43dd8448eb211c80319c"

    /// The whole service through its paces; then everything it said is searched.
    @Test func nothingSaidHasASecretInIt() async throws {
        try await ServiceOnTrial.with { trial in
            try await trial.waitUntilReady()
            let created = try await trial.ask(
                "POST", "\(Self.wishlist)/createAnalysis",
                headers: [("traceparent", "00-\(Self.trace)-b7ad6b7169203331-01")])
            #expect(created.status == 201)
            try await trial.sandbox.tv.finished.wait { !$0.isEmpty }
            try await trial.sandbox.pusher.events.wait { $0.contains { $0.name == "dataset.completed" } }
            try await askWrongly(trial)
            trial.sandbox.pusher.inject(PusherFault(status: 401), count: 1)
            trial.sandbox.pusher.inject(PusherFault(status: 500), count: 1)
            #expect(try await trial.ask("POST", "\(Self.wishlist)/createAnalysis").status == 201)
            try await trial.sandbox.tv.finished.wait { $0.count == 2 }
            for path in ["/metrics", "/health/live", "/health/ready", "\(Self.wishlist)/histories", "/openapi.json"] {
                try await trial.ask("GET", path)
            }
            let output = trial.output.all
            #expect(output.contains { $0.contains(#""msg":"dataset changed""#) })
            #expect(output.contains { $0.contains(#""msg":"webhook received""#) && $0.contains("trace_id") })
            expectNothingSecret(in: output, trial)
            expectOneTrace(output)
        }
    }

    /// With faults all around, where messages are made of what failed.
    @Test func nothingSaidOfFaultsHasASecretInIt() async throws {
        let faults = ["TV_API_TOKEN": "wrongtoken-9f8s7d6f", "PUSHER_APP_SECRET": "wrongsecret-1a2s3d4f"]
        try await ServiceOnTrial.with(faults) { trial in
            #expect(try await trial.ask("POST", "\(Self.wishlist)/createAnalysis").status == 502)
            let reasons = try await trial.ask("/health/ready", until: 200)
            #expect(reasons.contains("callback"))
            try await trial.output.wait { $0.contains { $0.contains("all notifications are held back") } }
            #expect(try await trial.ask("GET", "/health/ready").body.contains(#""pusher""#))
            let output = trial.output.all
            expectNothingSecret(in: output, trial)
            for secret in faults.values { #expect(!output.contains { $0.contains(secret) }) }
        }
    }

    @Test func faultsOfTheConfigurationNameNoValues() throws {
        let values = [
            "TV_WEBHOOK_SECRETS": "whsec_tooshort-secret", "DB_PASSWORD": "dbpassword-5g6h", "HTTP_PORT": "secretport",
            "PUSHER_SCHEME": "secretscheme", "PUBLIC_URL": "secret url",
        ]
        let faults = #expect(throws: ConfigurationFaults.self) { try Configuration(Environment(values)) }
        for value in values.values { #expect(faults?.description.contains(value) == false) }
    }

    private func askWrongly(_ trial: ServiceOnTrial) async throws {
        let id = trial.token.prefix { $0 != "|" }
        for wrong in ["\(id)|wrongtoken", "99999|x", "\(trial.token)x", String(trial.token.dropLast())] {
            let answer = try await trial.ask(
                "GET", "\(Self.wishlist)/histories/1", headers: [("Authorization", "Bearer \(wrong)")],
                isAuthorized: false)
            #expect(answer.status == 401)
        }
        let forged = try await trial.ask(
            "POST", "/webhooks/tv-python", body: "{}",
            headers: [
                ("webhook-id", "msg_1"), ("webhook-timestamp", "1"), ("webhook-signature", "v1,AAAA"),
                ("traceparent", "00-\(Self.trace)-b7ad6b7169203331-01"),
            ], isAuthorized: false)
        #expect(forged.status == 401)
        let authorized = try await trial.ask(
            "POST", "/broadcasting/auth",
            body: #"{"socket_id":"1.2","channel_name":"private-wishlist-to-group.autumn-living-room"}"#)
        #expect(authorized.status == 200)
        #expect(try await trial.ask("GET", "/nowhere?token=\(trial.token)").status == 404)
        #expect(try await trial.ask("POST", "\(Self.wishlist)/createAnalysis", body: "{").status == 422)
    }

    private func expectNothingSecret(in output: [String], _ trial: ServiceOnTrial) {
        let plaintext = String(trial.token.drop { $0 != "|" }.dropFirst())
        #expect(plaintext.utf8.count >= 40)
        var secrets = [
            ServiceUnderTest.tvToken, ServiceUnderTest.pusherSecret, ServiceUnderTest.operatorToken, plaintext,
        ]
        secrets.append(Digest.hex(Digest.sha256(Array(plaintext.utf8))))
        secrets += ServiceOnTrial.secrets.map { String($0.text.dropFirst("whsec_".count).prefix(40)) }
        for secret in secrets {
            #expect(!output.contains { $0.contains(secret) }, "a secret was said")
        }
    }

    /// Each line of the log is one JSON object, and the caller's trace is in that of its request.
    private func expectOneTrace(_ output: [String]) {
        let lines = output.filter { $0.hasPrefix(#"{"ts":"#) }
        for line in lines {
            #expect(line.hasSuffix("}\n") && line.dropLast().allSatisfy { $0 != "\n" })
            #expect((try? JSONDocument(parsing: Array(line.utf8)))?.root["msg"]?.string != nil, "\(line)")
        }
        let requests = lines.filter { $0.contains(#""msg":"request""#) }
        #expect(requests.contains { $0.contains(#""trace_id":"\#(Self.trace)""#) && $0.contains("createAnalysis") })
        #expect(requests.allSatisfy { $0.contains("request_id") && $0.contains("milliseconds") })
    }
}
