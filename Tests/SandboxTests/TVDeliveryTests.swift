import HTTPClient
import HTTPServer
import JSON
import Signatures
import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(5))) struct TVDeliveryTests {
    /// Creates one dataset and waits until it is over.
    func run(
        _ scenario: Scenario = .quick, events: String = #"["*"]"#,
        answer: @escaping @Sendable (Int, HTTPRequest) -> HTTPResponse = { _, _ in Receiver.applied },
        _ body: (SandboxServer, TVClient, Receiver, Int64) async throws -> Void
    ) async throws {
        try await Receiver.with(answer) { receiver in
            try await withSandbox({ $0.scenario = scenario }) { sandbox in
                try await withClient { http in
                    let client = TVClient(http: http, url: sandbox.url)
                    _ = try await client.register(receiver.url, events: events)
                    let id = try #require(try json(try await client.create("k").body)["dataset_id"]?.int)
                    try await sandbox.tv.finished.wait(count: 1)
                    try await body(sandbox, client, receiver, id)
                }
            }
        }
    }

    @Test func aFailureIsTriedAgainUnderTheSameIDWithoutOvertaking() async throws {
        try await run(
            answer: { number, _ in
                switch number {
                case 0: HTTPResponse(status: 500)
                case 1: HTTPResponse(status: 404)
                default: Receiver.applied
                }
            }
        ) { sandbox, _, receiver, _ in
            #expect(
                Array(receiver.webhooks.prefix(4)) == Array(repeating: "dataset.queued 1", count: 3) + [
                    "dataset.started 2"
                ])
            #expect(Set(receiver.requests.all.prefix(3).map { $0.headers["webhook-id"] }).count == 1)
            #expect(sandbox.tv.attempts.all.prefix(4).map(\.number) == [1, 2, 3, 1])
            #expect(sandbox.tv.attempts.all.prefix(3).map(\.isDelivered) == [false, false, true])
        }
    }

    @Test func retryAfterIsWaitedFor() async throws {
        try await run(
            answer: { number, _ in
                number == 0 ? HTTPResponse(status: 503, headers: [("Retry-After", "1")]) : Receiver.applied
            }
        ) { sandbox, _, _, _ in
            let attempts = sandbox.tv.attempts.all
            #expect(attempts[1].sentAt - attempts[0].sentAt >= .seconds(1))
        }
    }

    @Test func acceptedIsASuccessToo() async throws {
        try await run(answer: { _, _ in HTTPResponse(status: 202, body: Array(#"{"outcome":"parked"}"#.utf8)) }) {
            sandbox, _, _, _ in
            #expect(sandbox.tv.attempts.all.map(\.outcome) == Array(repeating: "parked", count: 5))
        }
    }

    @Test func goneDisablesTheCallback() async throws {
        try await run(answer: { _, _ in HTTPResponse(status: 410) }) { sandbox, _, receiver, _ in
            #expect(receiver.webhooks == ["dataset.queued 1"])
            #expect(sandbox.tv.activeCallbacks.isEmpty)
        }
    }

    @Test func onlyWantedTypesAreSent() async throws {
        try await run(events: #"["dataset.completed"]"#) { _, _, receiver, _ in
            #expect(receiver.webhooks == ["dataset.completed 5"])
        }
    }

    @Test func duplicatesHaveTheSameID() async throws {
        var scenario = Scenario.quick
        scenario.duplicate = 1
        try await run(scenario) { _, _, receiver, _ in
            #expect(receiver.requests.all.count == 10)
            #expect(receiver.requests.all[0].headers["webhook-id"] == receiver.requests.all[1].headers["webhook-id"])
            #expect(receiver.requests.all[0].body == receiver.requests.all[1].body)
        }
    }

    @Test func theLostComeByRedelivery() async throws {
        var scenario = Scenario.quick
        scenario.lose = 1
        try await run(scenario) { sandbox, client, receiver, id in
            #expect(receiver.requests.all.isEmpty)
            #expect(sandbox.tv.webhooks(of: id).map(\.sequence) == [1, 2, 3, 4, 5])
            let path = "/callbacks/gb-console/redeliver"
            let answer = try await client.send("POST", path, #"{"dataset_id":\#(id),"after_sequence":2}"#)
            #expect(answer.status == 202)
            #expect(try json(answer.body)["redelivering"]?.int == 3)
            try await sandbox.tv.attempts.wait(count: 3)
            #expect(receiver.webhooks == ["dataset.progress 3", "dataset.progress 4", "dataset.completed 5"])
            let status1 = try await client.send("POST", path, #"{"dataset_id":1,"after_sequence":0}"#).status
            #expect(status1 == 404)
            let status2 = try await client.send("POST", path, #"{"dataset_id":1}"#).status
            #expect(status2 == 422)
            let other = try await client.send("POST", "/callbacks/x/redeliver", #"{"dataset_id":1,"after_sequence":0}"#)
            #expect(other.status == 404)
        }
    }

    @Test func noAnswerIsAFailureThatSaysWhy() async throws {
        var scenario = Scenario.quick
        scenario.steps = 0
        scenario.outcome = .canceled
        try await withSandbox({ $0.scenario = scenario }) { sandbox in
            try await withClient { http in
                let client = TVClient(http: http, url: sandbox.url)
                _ = try await client.register("http://127.0.0.1:1/hook")
                _ = try await client.create("k")
                try await sandbox.tv.finished.wait(count: 1)
                #expect(sandbox.tv.attempts.all.count == 30, "three webhooks, ten attempts each")
                #expect(sandbox.tv.attempts.all.allSatisfy { $0.status == nil && $0.error != nil })
            }
        }
    }

    @Test func concurrentWebhooksDoNotWait() async throws {
        var scenario = Scenario.quick
        scenario.concurrent = true
        scenario.retryScale = 1
        try await run(scenario, answer: { number, _ in number == 0 ? HTTPResponse(status: 500) : Receiver.applied }) {
            sandbox, _, _, _ in
            try await sandbox.tv.attempts.wait(count: 5)
            #expect(sandbox.tv.attempts.all.count { $0.isDelivered } == 4)
        }
    }

    @Test func aScenarioForTheNextCreateOnly() async throws {
        try await run { sandbox, client, receiver, _ in
            let answer = try await client.send("POST", "/sandbox/tv/scenario", #"{"outcome":"failed","steps":0}"#)
            #expect(answer.status == 200)
            _ = try await client.create("k2")
            try await sandbox.tv.finished.wait(count: 2)
            #expect(receiver.webhooks.suffix(3) == ["dataset.queued 1", "dataset.started 2", "dataset.failed 3"])
            let failed = try #require(receiver.requests.all.last)
            #expect(try json(failed.body)["data"]?["error"]?["code"]?.string == "embedding_failed")
            _ = try await client.create("k3")
            try await sandbox.tv.finished.wait(count: 3)
            #expect(receiver.webhooks.last == "dataset.completed 5")
            let status1 = try await client.send("POST", "/sandbox/tv/scenario", #"{"x":1}"#).status
            #expect(status1 == 400)
        }
    }

    @Test func theStateTellsWhatWasDelivered() async throws {
        try await run { _, client, _, id in
            let state = try json(try await client.send("GET", "/sandbox/state").body)
            let dataset = try #require(state["tv"]?["datasets"]?.elements.first)
            #expect(dataset["dataset_id"]?.int == id)
            #expect(dataset["over"]?.bool == true)
            #expect(dataset["webhooks"]?.int == 5)
            #expect(dataset["delivered"]?.int == 5)
            #expect(dataset["attempts"]?.int == 5)
            #expect(dataset["outcomes"]?["applied"]?.int == 5)
            #expect(state["tv"]?["create_requests"]?.int == 1)
            #expect(state["tv"]?["callbacks"]?.elements.first?["name"]?.string == "gb-console")
            #expect(state["pusher"]?["connections"]?.int == 0)
        }
    }
}
