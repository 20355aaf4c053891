import HTTPClient
import HTTPServer
import JSON
import Signatures
import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(5))) struct TVAPITests {
    /// A sandbox with a registered callback.
    func withTV(
        _ scenario: Scenario = .quick, events: String = #"["*"]"#,
        answer: @escaping @Sendable (Int, HTTPRequest) -> HTTPResponse = { _, _ in Receiver.applied },
        _ body: (SandboxServer, TVClient, Receiver, WebhookSecret) async throws -> Void
    ) async throws {
        try await Receiver.with(answer) { receiver in
            try await withSandbox({ $0.scenario = scenario }) { sandbox in
                try await withClient { http in
                    let client = TVClient(http: http, url: sandbox.url)
                    let secret = try await client.register(receiver.url, events: events)
                    try await body(sandbox, client, receiver, secret)
                }
            }
        }
    }

    @Test func callbacksAreRegisteredShownAndRemoved() async throws {
        try await withSandbox { sandbox in
            try await withClient { http in
                let client = TVClient(http: http, url: sandbox.url)
                let status1 = try await client.send("GET", "/callbacks/gb-console").status
                #expect(status1 == 404)
                let secret = WebhookSecret.generate().text
                let body = #"{"url":"http://a.example/hook","events":["dataset.queued"],"secret":"\#(secret)"}"#
                let status2 = try await client.send("PUT", "/callbacks/gb-console", body).status
                #expect(status2 == 201)
                let status3 = try await client.send("PUT", "/callbacks/gb-console", body).status
                #expect(status3 == 200)
                #expect(sandbox.tv.activeCallbacks == ["gb-console"])
                let shown = String(decoding: try await client.send("GET", "/callbacks/gb-console").body, as: UTF8.self)
                #expect(
                    shown
                        == #"{"name":"gb-console","url":"http://a.example/hook","events":["dataset.queued"],"disabled":false}"#
                )
                let status4 = try await client.send("DELETE", "/callbacks/gb-console").status
                #expect(status4 == 204)
                let status5 = try await client.send("DELETE", "/callbacks/gb-console").status
                #expect(status5 == 404)
            }
        }
    }

    @Test(arguments: [
        #"{"url":"ftp://a","events":["*"],"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}"#,
        #"{"url":"http://a","events":[],"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}"#,
        #"{"url":"http://a","events":[1],"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}"#,
        #"{"url":"http://a","events":["*"],"secret":"whsec_"}"#, "[]", "x",
    ])
    func aWrongRegistrationIsRefused(body: String) async throws {
        try await withSandbox { sandbox in
            try await withClient { http in
                let client = TVClient(http: http, url: sandbox.url)
                let status1 = try await client.send("PUT", "/callbacks/gb-console", body).status
                #expect(status1 == 422)
            }
        }
    }

    @Test func theTokenIsChecked() async throws {
        try await withTV { sandbox, client, _, _ in
            var stranger = client
            stranger.token = "other"
            let status1 = try await stranger.create("k").status
            #expect(status1 == 401)
            let status2 = try await stranger.send("GET", "/callbacks/gb-console").status
            #expect(status2 == 401)
            #expect(sandbox.tv.createCounts.requests == 0)
        }
    }

    @Test func aDatasetLivesAndItsWebhooksVerify() async throws {
        try await withTV { sandbox, client, receiver, secret in
            let answer = try await client.create("key-1")
            #expect(answer.status == 201)
            let id = try #require(try json(answer.body)["dataset_id"]?.int)
            #expect(try json(answer.body)["status"]?.string == "queued")
            try await sandbox.tv.finished.wait(count: 1)
            #expect(
                receiver.webhooks == [
                    "dataset.queued 1", "dataset.started 2", "dataset.progress 3", "dataset.progress 4",
                    "dataset.completed 5",
                ])
            let verifier = WebhookVerifier(secrets: [secret], tolerance: 300)
            for request in receiver.requests.all {
                try verifier.verify(
                    id: request.headers["webhook-id"], timestamp: request.headers["webhook-timestamp"],
                    signature: request.headers["webhook-signature"], body: request.body, now: WallClock.seconds)
                let root = try json(request.body)
                #expect(root["data"]?["dataset_id"]?.int == id)
                #expect(root["data"]?["reference"]?.string == "ref-1")
                #expect(root["timestamp"]?.string?.utf8.count == 27)
            }
            #expect(try json(receiver.requests.all[4].body)["data"]?["result"]?["product_count"]?.int == 2)
            #expect(Set(receiver.requests.all.compactMap { $0.headers["webhook-id"] }).count == 5)
            #expect(sandbox.tv.attempts.all.map(\.outcome) == Array(repeating: "applied", count: 5))
        }
    }

    @Test func theFirstAnswerIsGivenAgain() async throws {
        try await withTV { sandbox, client, _, _ in
            let first = try await client.create("key-1")
            let second = try await client.create("key-1")
            #expect(second.status == 201)
            #expect(first.body == second.body)
            let other = createBody.replacing("ref-1", with: "ref-2")
            let status1 = try await client.create("key-1", body: other).status
            #expect(status1 == 422)
            let body2 = try await client.create("key-2").body
            #expect(body2 != first.body)
            let status3 = try await client.send("POST", "/dataset/create", createBody).status
            #expect(status3 == 400)
            #expect(sandbox.tv.createCounts == (requests: 4, accepted: 2))
            let requests = sandbox.tv.requests.all
            #expect(requests.map(\.method) == ["PUT", "POST", "POST", "POST", "POST", "POST"])
            #expect(requests.map(\.idempotencyKey) == [nil, "key-1", "key-1", "key-1", "key-2", nil])
            #expect(requests[0].path == "/callbacks/gb-console")
            #expect(requests[1].body == Array(createBody.utf8))
        }
    }

    @Test func aSecondRequestWaitsForTheFirstOnesAnswer() async throws {
        var scenario = Scenario.quick
        scenario.createDelay = 0.2
        try await withTV(scenario) { sandbox, client, _, _ in
            async let first = client.create("key-1")
            async let second = client.create("key-1")
            let bodies = try await [first.body, second.body]
            #expect(bodies[0] == bodies[1])
            #expect(sandbox.tv.createCounts == (requests: 2, accepted: 1))
        }
    }

    @Test(arguments: [
        "", "[]", createBody.replacing("ref-1", with: ""),
        createBody.replacing(#""name":"Shoes","callback""#, with: #""callback""#),
        createBody.replacing("gb-console", with: "unknown"), createBody.replacing(#""id":1,"slug""#, with: #""slug""#),
        createBody.replacing(#"["red shoes"]"#, with: "[]"), createBody.replacing(#""group_id":2"#, with: #""a":2"#),
    ])
    func aWrongCreateIsRefused(body: String) async throws {
        try await withTV { sandbox, client, _, _ in
            let answer = try await client.create("key-1", body: body)
            #expect(answer.status == 422)
            #expect(try json(answer.body)["message"]?.string?.isEmpty == false)
            let status1 = try await client.create("key-1").status
            #expect(status1 == 201, "a refused request does not use up its key")
        }
    }

    @Test func createFaultsComeInTheirOrder() async throws {
        var scenario = Scenario.quick
        scenario.createFaults = [.status(503), .status(400), .hang, .acceptThenStatus(504)]
        try await withTV(scenario) { sandbox, client, _, _ in
            let first = try await client.create("key-1")
            #expect(first.status == 503)
            #expect(first.header("Retry-After") == "1")
            let status1 = try await client.create("key-1").status
            #expect(status1 == 400)
            await #expect(throws: HTTPClientError.self) {
                _ = try await client.create("key-1", timeout: .milliseconds(300))
            }
            #expect(sandbox.tv.createCounts.accepted == 0)
            let status2 = try await client.create("key-1").status
            #expect(status2 == 504)
            #expect(sandbox.tv.createCounts.accepted == 1)
            let status3 = try await client.create("key-1").status
            #expect(status3 == 201)
            #expect(sandbox.tv.createCounts.accepted == 1)
        }
    }

    @Test func anAcceptedRequestThatHangsIsAnsweredAtItsRetry() async throws {
        var scenario = Scenario.quick
        scenario.createFaults = [.acceptThenHang]
        try await withTV(scenario) { sandbox, client, _, _ in
            await #expect(throws: HTTPClientError.self) {
                _ = try await client.create("key-1", timeout: .milliseconds(300))
            }
            let status1 = try await client.create("key-1").status
            #expect(status1 == 201)
            #expect(sandbox.tv.createCounts.accepted == 1)
        }
    }

    @Test func theFirstWebhookCanComeBeforeTheAnswer() async throws {
        var scenario = Scenario.quick
        scenario.webhookBeforeCreateReturns = true
        scenario.outcome = .silent
        scenario.stepDelay = 60
        try await withTV(scenario) { _, client, receiver, _ in
            let status1 = try await client.create("key-1").status
            #expect(status1 == 201)
            #expect(receiver.webhooks == ["dataset.queued 1"])
        }
    }

    @Test func theReferenceCanBeMissing() async throws {
        var scenario = Scenario.quick
        scenario.referenceMissing = true
        try await withTV(scenario) { _, client, receiver, _ in
            _ = try await client.create("key-1")
            try await receiver.requests.wait(count: 1)
            #expect(try json(receiver.requests.all[0].body)["data"]?["reference"]?.kind == .null)
        }
    }
}

extension Scenario {
    /// Two progress webhooks, at once, and hardly a wait between attempts.
    static var quick: Scenario {
        var scenario = Scenario()
        scenario.stepDelay = 0
        scenario.steps = 2
        scenario.retryScale = 0
        return scenario
    }
}
