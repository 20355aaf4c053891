import Datasets
import HTTPClient
import Integrator
import JSON
import MySQL
import Signatures
import Synchronization
import Telemetry
import Testing
import Time

@testable import Sandbox
@testable import TVPython

/// The callback's registration (spec, section 4).
@Suite(.timeLimit(.minutes(5))) struct RegistrationTests {
    private static let events = ["dataset.queued", "dataset.completed"]

    private func with<R>(
        _ standIn: TVStandIn, url: String = "http://localhost:8080/webhooks/tv-python",
        _ body: (CallbackRegistration) async throws -> R
    ) async throws -> R {
        let client = HTTPClient(maximumConnectionsPerHost: 8, maximumResponseBytes: 1 << 20)
        let registration = CallbackRegistration(
            api: TVPythonAPI(baseURL: standIn.url, token: "t", client: client),
            callback: TVPythonAPI.Callback(url: url, events: Self.events), secret: .generate(),
            log: Logger(level: .error, format: .json, sink: LogSink { _ in }))
        let result: Result<R, any Error>
        do { result = .success(try await body(registration)) } catch { result = .failure(error) }
        await client.shutdown()
        return try result.get()
    }

    private static func json(_ url: String, events: [String] = events, more: String = "") -> String {
        #"{"url":"\#(url)","events":[\#(events.map { #""\#($0)""# }.joined(separator: ","))]\#(more)}"#
    }

    /// The other side may give the URL back in its normal form.
    @Test(arguments: ["http://LocalHost:8080/a/../webhooks/tv-python", "HTTP://localhost:08080/webhooks/tv%2Dpython"])
    func theURLInAnotherForm(url: String) async throws {
        let found = Self.json("http://localhost:8080/webhooks/tv-python")
        let standIn = TVStandIn(others: { request, _ in request.method == "GET" ? .answer(200, found) : nil })
        try await with(standIn, url: url) { registration in
            guard case .success = await registration.sync() else { return #expect(Bool(false)) }
            #expect(registration.isRegistered)
            #expect(registration.state.faults.isEmpty)
            #expect(registration.state.reasons.isEmpty)
            #expect(standIn.count("PUT") == 1)
            #expect(standIn.count("DELETE") == 0)
        }
    }

    @Test(arguments: [
        json("http://elsewhere/webhooks/tv-python"), json("http://localhost:8080/webhooks/tv-python", events: []),
        json("http://localhost:8080/webhooks/tv-python", events: ["dataset.queued"]),
        json("http://localhost:8080/webhooks/tv-python", more: #","disabled":true"#),
    ])
    func whatIsRegisteredIsComparedWithWhatShouldBe(found: String) async throws {
        let standIn = TVStandIn(others: { request, _ in request.method == "GET" ? .answer(200, found) : nil })
        try await with(standIn) { registration in
            guard case .unavailable(let failure) = await registration.sync() else { return #expect(Bool(false)) }
            #expect(failure.reason.hasPrefix("the callback is registered otherwise than asked"))
            #expect(!registration.isRegistered)
            #expect(registration.state.faults.count == 1)
            #expect(registration.state.reasons.count == 1)
            // It was tried anew.
            #expect(standIn.count("DELETE") == 1)
            #expect(standIn.count("PUT") == 2)
        }
    }

    /// An API that takes no change of a callback takes a new one.
    @Test func aCallbackThatCannotBeChangedIsReplaced() async throws {
        let standIn = TVStandIn(others: { request, standIn in
            request.method == "PUT" && standIn.callback.withLock { $0 } != nil ? .answer(200) : nil
        })
        standIn.callback.withLock { $0 = Array(Self.json("http://elsewhere/").utf8) }
        try await with(standIn) { registration in
            guard case .success = await registration.sync() else { return #expect(Bool(false)) }
            #expect(registration.isRegistered)
        }
    }

    @Test(arguments: [401, 422]) func aRefusalIsToldAsOne(status: Int) async throws {
        let standIn = TVStandIn(others: { _, _ in .answer(status, #"{"message":"No."}"#) })
        try await with(standIn) { registration in
            #expect(registration.state.isRegistered == nil)
            guard case .rejected = await registration.sync() else { return #expect(Bool(false)) }
            #expect(registration.state.isRegistered == false)
            #expect(registration.state.reasons.first?.contains("refused with \(status): No.") == true)
        }
    }

    @Test func whatIsGoneIsPutRightWhenItIsSuspected() async throws {
        let standIn = TVStandIn()
        try await with(standIn) { registration in
            let keeper = Task { await registration.run() }
            // Not before the first look has been answered: it would find none either.
            while !registration.isRegistered { await Task.yield() }
            standIn.callback.withLock { $0 = nil }
            registration.suspect("a test")
            // A GET that finds none, a PUT, a GET.
            try await standIn.requests.wait { $0.map(\.method) == ["PUT", "GET", "GET", "PUT", "GET"] }
            while registration.state.repairs == 0 { await Task.yield() }
            #expect(registration.isRegistered)
            keeper.cancel()
            await keeper.value
        }
    }

    @Test func manyThatFindItGoneShareOneRepair() async throws {
        let standIn = TVStandIn()
        try await with(standIn) { registration in
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<50 { group.addTask { await registration.restore("a test") } }
                for await isRight in group { #expect(isRight) }
            }
            #expect(standIn.count("PUT") < 10)
            #expect(registration.state.repairs == standIn.count("PUT"))
        }
    }

    /// GET does not show the secret: only the signatures tell that it is another.
    @Test func wrongSignaturesHaveTheSecretRegisteredAgain() async throws {
        let standIn = TVStandIn()
        try await with(standIn) { registration in
            let keeper = Task { await registration.run() }
            while !registration.isRegistered { await Task.yield() }
            for _ in 0..<10 { registration.signatureFailed() }
            #expect(registration.state.failingSignatures == 10)
            #expect(registration.state.reasons.first?.hasPrefix("10 webhooks with a wrong signature since ") == true)
            try await standIn.requests.wait { $0.map(\.method) == ["PUT", "GET", "GET", "PUT", "GET"] }
            registration.signatureHeld()
            #expect(registration.state.failingSignatures == 0)
            #expect(registration.state.reasons.isEmpty)
            keeper.cancel()
            await keeper.value
        }
    }

    // MARK: In the service

    /// Removed by somebody while the service runs: a create finds out and succeeds all the same.
    @Test func aCreateRegistersARemovedCallbackAgain() async throws {
        try await ServiceUnderTest.with { service in
            try await service.log.wait { $0.contains { $0.contains("callback registered") } }
            service.sandbox.tv.state.withLock { $0.callbacks = [:] }
            let scene = try await service.scene()
            let answer = try await service.create(scene.wishlist, token: scene.token)
            #expect(answer.status == 201)
            #expect(service.sandbox.tv.activeCallbacks == ["gb-console"])
            #expect(service.instance.metric("integrator_callback_repairs_total") == 1)
            let id = try #require(answer.json?["data"]?["id"]?.int)
            try await service.waitForPushed(of: id) { $0.last?.name == "dataset.completed" }
        }
    }

    /// The refusal of a create that names the callback is asked about once: then it is one like any other.
    @Test func aCreateIsAskedAgainOnceForTheCallback() async throws {
        let standIn = TVStandIn { _, _ in .answer(422, #"{"message":"The callback is ugly."}"#) }
        try await ServiceUnderTest.with(standIn) { service in
            let scene = try await service.scene()
            let answer = try await service.create(scene.wishlist, token: scene.token)
            #expect(answer.status == 502)
            #expect(answer.code == "tv_api_rejected")
            #expect(standIn.creates.count == 2)
            #expect(standIn.count("PUT") == 2)
        }
    }

    @Test func anotherSecretIsFoundOutByTheWebhooks() async throws {
        let standIn = TVStandIn()
        try await ServiceUnderTest.with(standIn) { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            for sequence in Int64(1)...10 {
                let webhook = TestWebhook(.datasetProgress, of: history, sequence: sequence)
                #expect(try await service.post(webhook, signedBy: .generate()).status == 401)
            }
            #expect(service.instance.metric("integrator_webhook_signatures_failing") == 10)
            #expect(service.log.all.contains { $0.contains("signatures of webhooks are wrong") })
            try await standIn.requests.wait(timeout: .seconds(30)) { $0.filter { $0.method == "PUT" }.count == 2 }
            #expect(try await service.post(TestWebhook(.datasetStarted, of: history, sequence: 11)).status == 200)
            #expect(service.instance.metric("integrator_webhook_signatures_failing") == 0)
        }
    }

    /// A webhook that is malformed or old says nothing of the secret.
    @Test func otherRefusalsSayNothingOfTheSecret() async throws {
        try await ServiceUnderTest.with(TVStandIn()) { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            for _ in 0..<5 {
                #expect(
                    try await service.post(TestWebhook(.datasetStarted, of: history, sequence: 1), at: 1).status == 401)
                #expect(try await service.send([], headers: []).status == 401)
            }
            #expect(service.instance.metric("integrator_webhook_signatures_failing") == 0)
        }
    }

    /// The API has forgotten the callback: its 404 to a redelivery tells.
    @Test func aRedeliveryRegistersAForgottenCallbackAgain() async throws {
        let standIn = TVStandIn(others: { request, standIn in
            if request.path.hasSuffix("/redeliver") && standIn.redeliveries.count == 1 {
                standIn.callback.withLock { $0 = nil }
            }
            return nil
        })
        try await ServiceUnderTest.with(standIn, ["DATASET_DEADLINE_SECONDS": "2"]) { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            try await service.execute(
                "UPDATE wishlist_dataset_histories SET deadline_at = UTC_TIMESTAMP(6) WHERE id = \(history.id)")
            try await standIn.requests.wait(timeout: .seconds(30)) {
                $0.filter { $0.path.hasSuffix("/redeliver") }.count == 2
            }
            #expect(standIn.callback.withLock { $0 } != nil)
            #expect(service.instance.metric(#"integrator_contradictions_total{kind="redelivery_refused"}"#) == 0)
        }
    }

    /// The callback is there, and the API does not know the dataset that it has accepted.
    @Test func aRefusedRedeliveryIsCountedAndLogged() async throws {
        let standIn = TVStandIn(others: { request, _ in
            request.path.hasSuffix("/redeliver") ? .answer(404, #"{"detail":"There is no such dataset."}"#) : nil
        })
        try await ServiceUnderTest.with(standIn, ["DATASET_DEADLINE_SECONDS": "2"]) { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            try await service.execute(
                "UPDATE wishlist_dataset_histories SET deadline_at = UTC_TIMESTAMP(6) WHERE id = \(history.id)")
            try await service.waitForPushed(of: history.id) { $0.last?.name == "dataset.stalled" }
            #expect(service.instance.metric(#"integrator_contradictions_total{kind="redelivery_refused"}"#) == 1)
            #expect(service.log.all.contains { $0.contains("not given again") && $0.contains("no such dataset") })
            // The callback was looked at, and is as it should be.
            #expect(standIn.count("GET") >= 2)
            #expect(standIn.count("PUT") == 1)
            #expect(standIn.redeliveries.count == 1)
        }
    }
}
