import HTTPClient
import HTTPServer
import JSON
import Pusher
import Synchronization
import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(5))) struct TryTests {
    /// Runs `try` against an integrator that only sends the events; what was printed.
    func run(
        events: [(name: String, revision: Int)], applied: Int = 3, sent: Int, dropsOne: Bool = false,
        datasetID: (SandboxServer, HTTPClient) async throws -> Int64? = { _, _ in nil }
    ) async throws -> (lines: [String], error: SandboxError?) {
        try await withSandbox { sandbox in
            try await withClient { http in
                let dataset = try await datasetID(sandbox, http)
                let integrator = try FakeIntegrator(
                    sandbox, http, events: events, applied: applied, sent: sent, datasetID: dataset)
                let lines = Mutex<[String]>([])
                var options = TryRun.Options(
                    url: integrator.url, token: "1|token", wishlist: "shoes", pusherHost: "127.0.0.1",
                    pusherPort: sandbox.port, pusherKey: credentials.key, timeLimit: .seconds(3),
                    settlingTime: .milliseconds(300), dropsOne: dropsOne)
                if dataset != nil { options.sandboxURL = sandbox.url }
                var failure: SandboxError?
                do throws(SandboxError) {
                    try await TryRun(options: options, print: { line in lines.withLock { $0.append(line) } }).run()
                } catch {
                    failure = error
                }
                await integrator.stop()
                return (lines.withLock { $0 }, failure)
            }
        }
    }

    let events = [("dataset.created", 1), ("dataset.progress", 2), ("dataset.completed", 4)]

    @Test func allAgree() async throws {
        let (lines, error) = try await run(events: events, sent: 3)
        #expect(error == nil)
        #expect(lines.contains("created history 5"))
        #expect(lines.contains { $0.contains("dataset.progress  revision 2  processing  50%  Half way") })
        #expect(lines.contains(#"{"data":{"id":5,"dataset_id":null}}"#))
        #expect(
            lines.suffix(3) == ["webhooks applied: 3", "notifications sent: 3", "events received: 3"])
    }

    @Test func aDroppedEventIsNoticed() async throws {
        let (_, error) = try await run(events: events, sent: 3, dropsOne: true)
        #expect(error?.description == "3 notifications were sent, but 2 events were received")
    }

    @Test func aFailedDatasetIsAFailure() async throws {
        let (_, error) = try await run(events: [("dataset.created", 1), ("dataset.failed", 2)], sent: 2)
        #expect(error?.description == "the dataset ended with dataset.failed")
    }

    @Test func anEndThatNeverComesIsAFailure() async throws {
        let (_, error) = try await run(events: [("dataset.created", 1)], sent: 1)
        #expect(error?.description == "the connection to Pusher is over")
    }

    /// A dataset whose five webhooks the integrator is said to have applied.
    func realDataset(_ sandbox: SandboxServer, _ http: HTTPClient) async throws -> Int64? {
        try await Receiver.with { receiver in
            let client = TVClient(http: http, url: sandbox.url)
            sandbox.tv.setNext(.quick)
            _ = try await client.register(receiver.url)
            let created = try await client.create("k")
            try await sandbox.tv.finished.wait(count: 1)
            return try json(created.body)["dataset_id"]?.int
        }
    }

    @Test func theSandboxAgrees() async throws {
        let (_, error) = try await run(events: events, applied: 5, sent: 3, datasetID: realDataset)
        #expect(error == nil)
    }

    @Test func theSandboxDisagrees() async throws {
        let (_, error) = try await run(events: events, applied: 4, sent: 3, datasetID: realDataset)
        #expect(error?.description == "the sandbox delivered 5 webhooks, but 4 were applied")
    }

    @Test func theSandboxHasToKnowTheDataset() async throws {
        let (_, error) = try await run(events: events, sent: 3) { _, _ in 12 }
        #expect(error?.description == "the sandbox does not know dataset 12")
    }

    @Test func webhooksAreComparedIfTheSandboxIsAsked() {
        let tally = Tally(applied: 2, sent: 1, received: [1], endsFinal: true, delivered: 3)
        #expect(tally.disagreements == ["the sandbox delivered 3 webhooks, but 2 were applied"])
    }

    @Test func orderAndEndAreChecked() {
        let tally = Tally(applied: 2, sent: 3, received: [1, 3, 3], endsFinal: false, delivered: 2)
        #expect(
            tally.disagreements == ["revision 3 came after revision 3", "the last event received is not a final one"])
        #expect(tally.lines == ["webhooks applied: 2", "notifications sent: 3", "events received: 3"])
    }
}

/// As much of an integrator as `try` talks to.
private struct FakeIntegrator {
    let server: HTTPServer
    var url: String { "http://127.0.0.1:\(server.port)" }

    init(
        _ sandbox: SandboxServer, _ http: HTTPClient, events: [(name: String, revision: Int)], applied: Int, sent: Int,
        datasetID: Int64?
    ) throws {
        let isCreated = Atomic(false)
        server = try HTTPServer.start(HTTPServer.Configuration()) { request, responder in
            let isAuthorized = request.headers["Authorization"] == "Bearer 1|token"
            switch (request.method, request.path) {
            case ("GET", "/metrics"):
                let factor = isCreated.load(ordering: .sequentiallyConsistent) ? 1 : 0
                let text = """
                    # TYPE integrator_webhooks_total counter
                    integrator_webhooks_total{outcome="applied",type="a"} \(7 + (applied - 1) * factor)
                    integrator_webhooks_total{outcome="applied",type="b"} \(factor)
                    integrator_webhooks_total{outcome="stale"} 9
                    integrator_notifications_total{outcome="sent"} \(2 + sent * factor)
                    """
                responder.respond(HTTPResponse(status: 200, body: Array(text.utf8)))
            case ("POST", "/broadcasting/auth") where isAuthorized:
                let body = try? json(request.body)
                let auth = try? ChannelAuthorizer(credentials: credentials).authorize(
                    socketID: body?["socket_id"]?.string ?? "", channel: body?["channel_name"]?.string ?? "",
                    channelData: nil)
                responder.respond(.json { $0.field("auth", auth) })
            case ("POST", "/api/v1/wishlist-to-group/shoes/createAnalysis") where isAuthorized:
                isCreated.store(true, ordering: .sequentiallyConsistent)
                responder.respond(.json(201) { $0.field("data") { $0.field("id", 5) } })
                Task { try await Self.publish(events, sandbox, http) }
            case ("GET", "/api/v1/wishlist-to-group/shoes/histories/5") where isAuthorized:
                responder.respond(
                    .json { writer in
                        writer.field("data") {
                            $0.field("id", 5)
                            $0.field("dataset_id", datasetID)
                        }
                    })
            default: responder.respond(HTTPResponse(status: 404))
            }
        }
    }

    func stop() async { await server.stop(within: .seconds(1)) }

    private static func publish(
        _ events: [(name: String, revision: Int)], _ sandbox: SandboxServer, _ http: HTTPClient
    ) async throws {
        for event in events {
            let data =
                #"{"id":5,"revision":\#(event.revision),"status_label":"processing","progress":50,"message":"Half way"}"#
            let request = try PusherAPI(credentials: credentials, endpoint: endpoint(sandbox)).trigger(
                PusherEvent(
                    name: event.name, channels: ["private-wishlist-to-group.shoes"], data: data, socketID: nil),
                now: WallClock.seconds)
            _ = try await http.send(
                HTTPClientRequest(
                    method: "POST", url: sandbox.url + request.path, headers: [], body: request.body,
                    timeout: .seconds(10)))
        }
    }
}
