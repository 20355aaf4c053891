import Datasets
import Integrator
import JSON
import MySQL
import Synchronization
import TestSupport
import Testing
import Time

@testable import Sandbox

/// What is not known is not final (spec, section 2): creates whose attempts fail in all ways.
@Suite(.timeLimit(.minutes(5))) struct UnknownOutcomeTests {
    /// What became of a create, and of the webhook that comes after it.
    private struct Course {
        var answer: HTTPAnswer
        var took: Duration
        var created: DatasetHistory
        var webhook: String?
        var after: DatasetHistory
    }

    /// Creates a dataset, and then sends `dataset.completed` with its reference.
    private func course(
        _ standIn: TVStandIn, deadline: Int = 10, check: (ServiceUnderTest) async throws -> Void = { _ in }
    ) async throws -> Course {
        try await ServiceUnderTest.with(standIn, ["TV_API_DEADLINE_SECONDS": "\(deadline)"]) { service in
            let scene = try await service.scene()
            let start = ContinuousClock.now
            let answer = try await service.create(scene.wishlist, token: scene.token)
            let took = start.duration(to: .now)
            let id = try #require(try await service.number("SELECT id FROM wishlist_dataset_histories"))
            let created = try #require(try await service.stored(id))
            let webhook = TestWebhook(
                .datasetCompleted, dataset: created.datasetID ?? Fresh.number(), sequence: 5,
                reference: created.reference)
            let outcome = try await service.post(webhook).outcome
            try await check(service)
            return Course(
                answer: answer, took: took, created: created, webhook: outcome,
                after: try #require(try await service.stored(id)))
        }
    }

    /// The first attempt got through and its answer was lost: the second hears that it is at work.
    @Test func aCutAttemptThatIsStillAtWork() async throws {
        let dataset = Fresh.number()
        let standIn = TVStandIn { number, _ in
            switch number {
            case 1: .close
            case 2: .answer(409, #"{"message": "still in progress"}"#, ["Retry-After: 1"])
            default: .accepted(dataset)
            }
        }
        let course = try await course(standIn)
        #expect(course.answer.status == 201)
        #expect(course.answer.json?["data"]?["dataset_id"]?.int == dataset)
        #expect(course.webhook == "applied")
        #expect(course.after.status == .completed)
        // Each attempt was ours: libcurl has resent none.
        let creates = standIn.creates
        #expect(creates.count == 3)
        #expect(Set(creates.map(\.body)).count == 1)
        #expect(Set(creates.map { $0.header("Idempotency-Key") }) == [course.created.reference])
        if creates.count == 3 { #expect(creates[1].at.duration(to: creates[2].at) >= .seconds(1)) }
    }

    /// After an attempt whose fate is not known no refusal is final.
    @Test(arguments: [409, 400, 401, 404, 422])
    func aRefusalAfterACutAttempt(status: Int) async throws {
        let standIn = TVStandIn { number, _ in number == 1 ? .close : .answer(status, #"{"message": "The reason."}"#) }
        let course = try await course(standIn, deadline: 2)
        #expect(course.answer.status == 503)
        #expect(course.answer.code == "tv_api_unavailable")
        #expect(course.answer.header("Retry-After") == "30")
        #expect(course.created.status == .failed)
        #expect(course.created.error == DatasetError(code: "tv_api_unavailable", message: "The reason."))
        #expect(course.webhook == "applied")
        #expect(course.after.status == .completed)
        #expect(course.after.error == nil)
        #expect(status == 409 ? standIn.creates.count > 2 : standIn.creates.count == 2)
    }

    /// Answers that leave open what the attempt has done.
    @Test(arguments: [
        (101, ""), (301, ""), (303, ""), (408, ""), (425, ""), (429, ""), (500, ""), (503, ""), (200, ""), (201, "{}"),
        (201, "<html>"), (202, #"{"dataset_id":"7"}"#), (201, #"{"dataset_id":0}"#),
        (201, #"{"dataset_id":7,"reference":"another"}"#),
    ])
    func anAnswerThatSaysNothing(status: Int, body: String) async throws {
        let standIn = TVStandIn { number, _ in number == 1 ? .answer(status, body) : .answer(422) }
        let course = try await course(standIn, deadline: 3)
        #expect(course.created.error?.code == "tv_api_unavailable")
        #expect(course.webhook == "applied")
        #expect(standIn.creates.count == 2)
    }

    @Test(arguments: [400, 401, 403, 404, 409, 410, 422])
    func aFirstRefusalIsFinal(status: Int) async throws {
        let standIn = TVStandIn { _, _ in .answer(status, #"{"detail":"No."}"#, ["Retry-After: 1"]) }
        let course = try await course(standIn)
        #expect(course.answer.status == 502)
        #expect(course.answer.json?["message"]?.string == "The TV Python API has rejected the dataset: No.")
        #expect(course.created.error == DatasetError(code: "tv_api_rejected", message: "No."))
        #expect(course.webhook == "stale")
        #expect(course.after.status == .failed)
        #expect(standIn.creates.count == 1)
    }

    @Test func aSilentServerIsAskedAgain() async throws {
        let dataset = Fresh.number()
        let standIn = TVStandIn { number, _ in number == 1 ? .silence : .accepted(dataset) }
        let course = try await course(standIn, deadline: 4)
        #expect(course.answer.status == 201)
        #expect(standIn.creates.count == 2)
    }

    @Test func retryAfterAsADate() async throws {
        let dataset = Fresh.number()
        let standIn = TVStandIn { number, _ in
            number == 1 ? .answer(503, "", ["Retry-After: \(httpDate(secondsAhead: 3))"]) : .accepted(dataset)
        }
        let course = try await course(standIn)
        #expect(course.answer.status == 201)
        let creates = standIn.creates
        #expect(creates.count == 2)
        // The date has no fractions of a second.
        if creates.count == 2 { #expect(creates[0].at.duration(to: creates[1].at) > .seconds(2)) }
    }

    @Test(arguments: ["60", "date"])
    func retryAfterBeyondTheDeadlineIsPassedOn(value: String) async throws {
        let standIn = TVStandIn { _, _ in
            .answer(429, "", ["Retry-After: \(value == "date" ? httpDate(secondsAhead: 60) : value)"])
        }
        let course = try await course(standIn)
        #expect(course.answer.status == 503)
        #expect([60, 59].contains(course.answer.header("Retry-After").flatMap { Int($0) }))
        #expect(course.webhook == "applied")
        #expect(standIn.creates.count == 1)
        #expect(course.took < .seconds(8))
    }

    @Test func theReasonIsReadFromFastAPI() async throws {
        let standIn = TVStandIn { _, _ in
            .answer(422, #"{"detail":[{"loc":["body","queries",2],"msg":"String is too long"}]}"#)
        }
        let course = try await course(standIn)
        #expect(course.answer.status == 502)
        #expect(course.answer.json?["message"]?.string?.hasSuffix("body.queries.2: String is too long") == true)
        #expect(course.created.error?.message == "body.queries.2: String is too long")
    }

    @Test func theHTTPClientsWordsAreForTheLog() async throws {
        let standIn = TVStandIn { _, _ in .close }
        let course = try await course(standIn, deadline: 1) { service in
            #expect(service.log.all.contains { $0.contains("may have been sent") })
        }
        #expect(course.created.error?.message == "the connection was cut")
    }

    /// A webhook has told more than the create that failed.
    @Test func aFailedCreateOverridesNoWebhook() async throws {
        let standIn = TVStandIn { _, _ in .answer(500) }
        try await ServiceUnderTest.with(standIn, ["TV_API_DEADLINE_SECONDS": "3"]) { service in
            let scene = try await service.scene()
            async let creating = service.create(scene.wishlist, token: scene.token)
            try await standIn.requests.wait { $0.contains { $0.path == "/dataset/create" } }
            let reference = try #require(standIn.creates.first?.reference)
            let webhook = TestWebhook(.datasetStarted, dataset: Fresh.number(), sequence: 2, reference: reference)
            #expect(try await service.post(webhook).outcome == "applied")
            let answer = try await creating
            #expect(answer.status == 201)
            #expect(answer.json?["data"]?["status_label"]?.string == "processing")
            let id = try #require(answer.json?["data"]?["id"]?.int)
            let stored = try await service.stored(id)
            #expect(stored?.status == .processing)
            #expect(stored?.error == nil)
            #expect(try await service.logRows().map(\.type) == ["dataset.created", "dataset.started"])
        }
    }

    @Test func anotherDatasetThanAWebhookHasNamed() async throws {
        let answered = Fresh.number()
        let named = Fresh.number()
        let standIn = TVStandIn { number, _ in number == 1 ? .answer(503, "", ["Retry-After: 1"]) : .accepted(answered)
        }
        try await ServiceUnderTest.with(standIn) { service in
            let scene = try await service.scene()
            async let creating = service.create(scene.wishlist, token: scene.token)
            try await standIn.requests.wait { $0.contains { $0.path == "/dataset/create" } }
            let reference = try #require(standIn.creates.first?.reference)
            let webhook = TestWebhook(.datasetStarted, dataset: named, sequence: 2, reference: reference)
            #expect(try await service.post(webhook).outcome == "applied")
            let answer = try await creating
            #expect(answer.status == 201)
            #expect(answer.json?["data"]?["dataset_id"]?.int == named)
            #expect(service.instance.metric(#"integrator_contradictions_total{kind="create_answer"}"#) == 1)
            #expect(service.log.all.contains { $0.contains("another dataset") && $0.contains("\(answered)") })
        }
    }

    // MARK: Left behind by a process that died

    /// A pending row with its saved request, whose claim has run out.
    private func leftBehind(_ service: ServiceUnderTest, body: String?) async throws -> TestHistory {
        let scene = try await service.scene()
        let history = try await service.history(of: scene.wishlist, status: .pending, datasetID: nil)
        if let body {
            try await service.execute(
                "INSERT INTO wishlist_dataset_requests (history_id, body) VALUES (\(history.id), \(body))")
        }
        try await service.execute(
            """
            UPDATE wishlist_dataset_histories SET create_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND \
            WHERE id = \(history.id)
            """)
        return history
    }

    /// Nobody knows what the process that died has sent.
    @Test func aRefusalOfAResumedCreateIsNotFinal() async throws {
        let standIn = TVStandIn { _, _ in .answer(422, #"{"message":"No."}"#) }
        try await ServiceUnderTest.with(standIn) { service in
            let history = try await leftBehind(service, body: "{}")
            try await service.withAnotherInstance { service in
                try await service.waitForPushed(of: history.id) {
                    $0.map(\.name) == ["dataset.created", "dataset.failed"]
                }
                #expect(try await service.stored(history.id)?.error?.code == "tv_api_unavailable")
                let webhook = TestWebhook(
                    .datasetCompleted, dataset: Fresh.number(), sequence: 5, reference: history.reference)
                #expect(try await service.post(webhook).outcome == "applied")
            }
        }
    }

    @Test func aLostRequestIsNotSent() async throws {
        let standIn = TVStandIn { _, _ in .accepted(Fresh.number()) }
        try await ServiceUnderTest.with(standIn) { service in
            let history = try await leftBehind(service, body: nil)
            _ = try await service.withAnotherInstance { service in
                try await service.waitForPushed(of: history.id) { $0.last?.name == "dataset.failed" }
            }
            #expect(try await service.stored(history.id)?.error?.message == "the saved request is lost")
            #expect(standIn.creates.isEmpty)
        }
    }

    /// An instance that stops leaves the row to others.
    @Test func aResumedCreateOutlivesTheStopOfItsInstance() async throws {
        let standIn = TVStandIn { _, _ in .silence }
        try await ServiceUnderTest.with(standIn) { service in
            let history = try await leftBehind(service, body: "{}")
            _ = try await service.withAnotherInstance { _ in
                try await standIn.requests.wait { $0.contains { $0.path == "/dataset/create" } }
            }
            let stored = try await service.stored(history.id)
            #expect(stored?.status == .pending)
            #expect(stored?.revision == 1)
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_requests") == 1)
        }
    }

    /// The process died after it had noted the outcome.
    @Test func requestsOfFinishedHistoriesAreRemoved() async throws {
        let standIn = TVStandIn()
        try await ServiceUnderTest.with(standIn) { service in
            let scene = try await service.scene()
            let pending = try await service.history(of: scene.wishlist, status: .pending, datasetID: nil)
            let done = try await service.history(of: try await service.scene().wishlist, status: .queued)
            for id in [pending.id, done.id, 4_000_000_000] {
                try await service.execute(
                    "INSERT INTO wishlist_dataset_requests (history_id, body) VALUES (\(id), '{}')")
            }
            try await service.withAnotherInstance { service in
                try await service.waitForNumber(1, "SELECT COUNT(*) FROM wishlist_dataset_requests")
            }
            #expect(try await service.number("SELECT history_id FROM wishlist_dataset_requests") == pending.id)
        }
    }
}

/// A date as HTTP writes it.
private func httpDate(secondsAhead: Int64) -> String {
    let text = Timestamp.now().adding(seconds: secondsAhead).iso8601
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let date = text.prefix(10).split(separator: "-")
    let time = text.dropFirst(11).prefix(8)
    // Nobody looks at the day of the week.
    return "Sun, \(date[2]) \(months[(Int(date[1]) ?? 1) - 1]) \(date[0]) \(time) GMT"
}
