import JSON
import MySQL
import TestSupport
import Testing
import Time

@testable import Datasets
@testable import Integrator
@testable import Sandbox

/// Datasets of which nothing is heard (spec, sections 3 and 4).
@Suite(.timeLimit(.minutes(10))) struct DeadlineTests {
    /// A queued history whose deadline is `seconds` away.
    private func silent(
        _ service: ServiceUnderTest, deadlineIn seconds: Double, sequence: Int64 = 0
    ) async throws -> TestHistory {
        let scene = try await service.scene()
        let history = try await service.history(of: scene.wishlist, sequence: sequence)
        try await service.execute(
            """
            UPDATE wishlist_dataset_histories \
            SET deadline_at = UTC_TIMESTAMP(6) + INTERVAL \(Int64(seconds * 1e6)) MICROSECOND WHERE id = \(history.id)
            """)
        return history
    }

    @Test func silentDatasetIsAskedForOnceAndThenStalls() async throws {
        try await ServiceUnderTest.with(["DATASET_DEADLINE_SECONDS": "2"]) { service in
            let scene = try await service.scene()
            var scenario = Scenario()
            scenario.stepDelay = 0.01
            scenario.outcome = .silent
            service.sandbox.tv.setNext(scenario)
            let answer = try await service.create(scene.wishlist, token: scene.token)
            let id = try #require(answer.json?["data"]?["id"]?.int)
            let events = try await service.waitForPushed(of: id) { $0.contains { $0.name == "dataset.stalled" } }
            #expect(events.last?.name == "dataset.stalled")
            #expect(events.last?.data["status_label"]?.string == "stalled")
            let asked = service.sandboxLog.all.filter { $0.hasPrefix("redelivering") }
            #expect(asked.count == 1)
            let stored = try #require(try await service.stored(id))
            #expect(stored.status == .stalled)
            #expect(stored.deadlineAt == nil)
            #expect(asked.first?.hasSuffix("after sequence \(stored.sequence)") == true)
        }
    }

    @Test func lostWebhooksComeAgainBeforeTheDeadline() async throws {
        try await ServiceUnderTest.with(["DATASET_DEADLINE_SECONDS": "3"]) { service in
            let scene = try await service.scene()
            var scenario = Scenario()
            scenario.stepDelay = 0.01
            scenario.lose = 1
            service.sandbox.tv.setNext(scenario)
            let answer = try await service.create(scene.wishlist, token: scene.token)
            let id = try #require(answer.json?["data"]?["id"]?.int)
            let events = try await service.waitForPushed(of: id) { $0.last?.name == "dataset.completed" }
            #expect(!events.contains { $0.name == "dataset.stalled" })
        }
    }

    @Test func lateWebhookBringsAStalledDatasetBackAndItMayStallAgain() async throws {
        try await ServiceUnderTest.with(["DATASET_DEADLINE_SECONDS": "1"]) { service in
            let history = try await silent(service, deadlineIn: 0)
            try await service.waitForPushed(of: history.id) { $0.last?.name == "dataset.stalled" }
            let answer = try await service.post(TestWebhook(.datasetProgress, of: history, sequence: 4))
            #expect(answer.outcome == "applied")
            let events = try await service.waitForPushed(of: history.id) { $0.count == 3 }
            #expect(events.map(\.name) == ["dataset.stalled", "dataset.progress", "dataset.stalled"])
            #expect(events.map(\.revision) == [1, 2, 3])
        }
    }

    @Test func webhooksPutTheDeadlineOff() async throws {
        try await ServiceUnderTest.with(["DATASET_DEADLINE_SECONDS": "2"]) { service in
            let history = try await silent(service, deadlineIn: 0.5)
            // `heard_at` moves with it, `deadline_at` only when it is looked at.
            _ = try await service.post(TestWebhook(.datasetProgress, of: history, sequence: 1))
            let looked: SQL = """
                SELECT deadline_at = heard_at + INTERVAL 2 SECOND FROM wishlist_dataset_histories \
                WHERE id = \(history.id)
                """
            try await service.waitForNumber(1, looked)
            #expect(try await service.stored(history.id)?.status == .processing)
            try await service.waitForPushed(of: history.id) { $0.last?.name == "dataset.stalled" }
            let silence: SQL = """
                SELECT TIMESTAMPDIFF(MICROSECOND, heard_at, updated_at) >= 2000000 FROM wishlist_dataset_histories \
                WHERE id = \(history.id)
                """
            #expect(try await service.number(silence) == 1)
        }
    }

    @Test func oneOfTwoInstancesCallsItStalled() async throws {
        try await ServiceUnderTest.with(["DATASET_DEADLINE_SECONDS": "1"]) { service in
            try await service.withAnotherInstance { _ in
                var histories: [TestHistory] = []
                for _ in 0..<20 { histories.append(try await silent(service, deadlineIn: 0.3)) }
                for history in histories {
                    let events = try await service.waitForPushed(of: history.id, revision: 1)
                    // One on each channel, if they went in a batch.
                    #expect(Set(events.map(\.eventID)).count == 1)
                    #expect(events.first?.name == "dataset.stalled")
                }
                let stalls = try await service.logRows().filter { $0.type == "dataset.stalled" }
                #expect(stalls.count == 20)
            }
        }
    }

    @Test func rowsThatAreNoLongerActiveLoseTheirDeadline() async throws {
        try await ServiceUnderTest.with(["DATASET_DEADLINE_SECONDS": "1"]) { service in
            let history = try await silent(service, deadlineIn: 60)
            try await service.execute(
                """
                UPDATE wishlist_dataset_histories SET status = 5, deadline_at = UTC_TIMESTAMP(6) WHERE id = \(history.id)
                """)
            try await service.waitForNumber(
                1, "SELECT deadline_at IS NULL FROM wishlist_dataset_histories WHERE id = \(history.id)")
            #expect(try await service.logRows().isEmpty)
        }
    }
}

/// The decision alone.
@Suite(.timeLimit(.minutes(10))) struct SilenceStepTests {
    private let start = Timestamp(seconds: 1_000_000)

    private func history(
        status: HistoryStatus = .processing, heard: Int64? = nil, asked: Int64? = nil
    ) -> DatasetHistory {
        var history = DatasetHistory.sample(status: status)
        history.deadlineAt = start.adding(seconds: 100)
        history.heardAt = heard.map { start.adding(seconds: $0) }
        history.redeliveryAskedAt = asked.map { start.adding(seconds: $0) }
        return history
    }

    private func step(_ history: DatasetHistory, at seconds: Int64) -> DatasetHistory.SilenceStep {
        history.silenceStep(at: start.adding(seconds: seconds), deadlineSeconds: 100)
    }

    @Test func asksATenthBeforeTheDeadline() {
        #expect(step(history(), at: 89) == .wait(until: start.adding(seconds: 90)))
        #expect(step(history(), at: 90) == .ask)
        #expect(step(history(), at: 5000) == .ask)
    }

    @Test func stallsAtTheDeadlineOnceItHasAsked() {
        #expect(step(history(asked: 90), at: 99) == .wait(until: start.adding(seconds: 100)))
        #expect(step(history(asked: 90), at: 100) == .stall)
        // Asked late: it still waits for an answer.
        #expect(step(history(asked: 500), at: 509) == .wait(until: start.adding(seconds: 510)))
        #expect(step(history(asked: 500), at: 510) == .stall)
    }

    @Test func runsFromTheLastSignOfLife() {
        #expect(step(history(heard: 50), at: 100) == .wait(until: start.adding(seconds: 140)))
        #expect(step(history(heard: 50, asked: 140), at: 149) == .wait(until: start.adding(seconds: 150)))
        #expect(step(history(heard: 50, asked: 140), at: 150) == .stall)
    }

    @Test(arguments: HistoryStatus.allCases) func onlyDatasetsAtWorkStall(_ status: HistoryStatus) {
        let expected: DatasetHistory.SilenceStep =
            status == .queued || status == .processing ? .stall : .nothing
        #expect(step(history(status: status, asked: 90), at: 200) == expected)
    }
}

extension DatasetHistory {
    fileprivate static func sample(status: HistoryStatus) -> DatasetHistory {
        DatasetHistory(
            origin: .init(
                id: 1, wishlistID: 1, reference: nil, slug: "s", name: nil, preference: .all, createdBy: nil,
                createdAt: nil),
            status: status, sequence: 0, revision: 0, delivery: DeliveryState())
    }
}
