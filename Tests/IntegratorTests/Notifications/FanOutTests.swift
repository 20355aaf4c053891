import JSON
import MySQL
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox

/// What subscribers get (spec, section 5).
@Suite(.timeLimit(.minutes(10))) struct FanOutTests {
    @Test func everythingInOrderWithItsRevision() async throws {
        try await ServiceUnderTest.with { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            var sequence: Int64 = 0
            for type in [DatasetEventType.datasetStarted] + Array(repeating: .datasetProgress, count: 20) + [
                .datasetCompleted
            ] {
                sequence += 1
                _ = try await service.post(TestWebhook(type, of: history, sequence: sequence))
            }
            let events = try await service.waitForPushed(of: history.id, revision: 22)
            #expect(events.map(\.revision) == Array(Set(events.map(\.revision))).sorted())
            #expect(events.first?.name == "dataset.started")
            #expect(events.last?.name == "dataset.completed")
            #expect(events.last?.eventID == "\(history.id)-22")
            #expect(events.last?.data["result"]?.kind == .null)
            try await service.waitUntilSettled(history.id)
        }
    }

    /// Pusher is away: nothing but overtaken progress is left out, and the order is kept.
    @Test(arguments: [500, 429, 401])
    func pusherFailsForAWhile(status: Int) async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let first = try await service.history(of: scene.wishlist)
            let second = try await service.history(of: try await service.wishlist(of: scene.wishlist.groupID))
            service.sandbox.pusher.inject(PusherFault(status: status), count: 3)
            let types: [DatasetEventType] = [
                .datasetQueued, .datasetStarted, .datasetProgress, .datasetProgress, .datasetCompleted,
            ]
            for (index, type) in types.enumerated() {
                for history in [first, second] {
                    _ = try await service.post(TestWebhook(type, of: history, sequence: Int64(index + 1)))
                }
            }
            for history in [first, second] {
                let events = try await service.waitForPushed(of: history.id, revision: 5)
                #expect(events.map(\.revision) == Array(Set(events.map(\.revision))).sorted())
                let names = events.map(\.name).filter { $0 != "dataset.progress" }
                #expect(names == ["dataset.queued", "dataset.started", "dataset.completed"])
                try await service.waitUntilSettled(history.id)
            }
            let sent = service.sandbox.pusher.requests.all.filter { $0.method == "POST" }
            #expect(sent.prefix(3).map(\.status) == [status, status, status])
        }
    }

    /// The backoff alone would ask again within 200 milliseconds.
    @Test(.timeLimit(.minutes(5)), arguments: [429, 503]) func pusherSaysWhenToAskAgain(status: Int) async throws {
        try await ServiceUnderTest.with { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            service.sandbox.pusher.inject(PusherFault(status: status, retryAfter: 2))
            let start = ContinuousClock.now
            _ = try await service.post(TestWebhook(.datasetStarted, of: history, sequence: 1))
            _ = try await service.waitForPushed(of: history.id, revision: 1)
            #expect(ContinuousClock.now - start >= .seconds(2))
            let sent = service.sandbox.pusher.requests.all.filter { $0.method == "POST" }
            #expect(sent.first?.status == status && sent.count <= 2)
        }
    }

    @Test func whatIsRefusedAloneIsADeadLetter() async throws {
        try await ServiceUnderTest.with { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            service.sandbox.pusher.inject(PusherFault(status: 400))
            _ = try await service.post(TestWebhook(.datasetStarted, of: history, sequence: 1))
            try await service.waitForNumber(1, "SELECT COUNT(*) FROM wishlist_dataset_dead_letters")
            _ = try await service.post(TestWebhook(.datasetCompleted, of: history, sequence: 2))
            let events = try await service.waitForPushed(of: history.id, revision: 2)
            #expect(events.map(\.name) == ["dataset.completed"])
            let row = try #require(
                try await service.query("SELECT history_id, revision, reason FROM wishlist_dataset_dead_letters").first)
            #expect(try row.int64(0) == history.id)
            #expect(try row.int64(1) == 1)
            #expect(try !row.string(2).isEmpty)
            try await service.waitUntilSettled(history.id)
        }
    }

    /// One bad event does not take those beside it along, and what comes after it does not overtake them: the backlog goes
    /// in several requests, the first of which is refused.
    @Test func aRefusedBatchIsSplit() async throws {
        try await ServiceUnderTest.with(
            ["PUSHER_REQUEST_BYTES": "6000"], sandbox: { $0.pusherLimits.dataBytes = 1300 }
        ) { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            // The backlog gathers behind this one.
            service.sandbox.pusher.inject(PusherFault(delay: .milliseconds(700)))
            _ = try await service.post(TestWebhook(.datasetQueued, of: history, sequence: 1))
            let long = String(repeating: "x", count: 950)
            let backlog: [TestWebhook] = [
                TestWebhook(.datasetStarted, of: history, sequence: 2, more: #""message": "short""#),
                TestWebhook(.datasetStarted, of: history, sequence: 3, more: #""message": "\#(long)""#),
                TestWebhook(.datasetStarted, of: history, sequence: 4, more: #""message": "short""#),
                TestWebhook(.datasetStarted, of: history, sequence: 5, more: #""message": "short""#),
                TestWebhook(.datasetCompleted, of: history, sequence: 6),
            ]
            for webhook in backlog { #expect(try await service.post(webhook).outcome == "applied") }
            let events = try await service.waitForPushed(of: history.id, revision: 6)
            #expect(events.map(\.revision) == [1, 2, 4, 5, 6])
            try await service.waitForNumber(3, "SELECT revision FROM wishlist_dataset_dead_letters")
            try await service.waitUntilSettled(history.id)
        }
    }

    @Test func aServerWithoutBatches() async throws {
        try await ServiceUnderTest.with(sandbox: { $0.pusherLimits.batchEvents = 0 }) { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            service.sandbox.pusher.inject(PusherFault(delay: .milliseconds(300)))
            for sequence in Int64(1)...4 {
                _ = try await service.post(TestWebhook(.datasetQueued, of: history, sequence: sequence))
            }
            let events = try await service.waitForPushed(of: history.id, revision: 4)
            #expect(events.map(\.revision) == [1, 2, 3, 4])
        }
    }

    /// What a stopped instance could not send, the next one does.
    @Test func anotherInstanceSendsWhatWasLeft() async throws {
        try await ServiceUnderTest.with { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            try await service.withAnotherInstance { other in
                service.sandbox.pusher.inject(PusherFault(status: 500), count: 10_000)
                for (index, type) in [DatasetEventType.datasetStarted, .datasetProgress, .datasetCompleted].enumerated()
                {
                    _ = try await other.post(TestWebhook(type, of: history, sequence: Int64(index + 1)))
                }
                try await service.sandbox.pusher.requests.wait { $0.contains { $0.method == "POST" } }
            }
            #expect(service.pushed(of: history.id).isEmpty)
            service.sandbox.pusher.clearFaults()
            // It has given its lease up.
            #expect(
                try await service.number(
                    "SELECT dispatcher > 0 FROM wishlist_dataset_histories WHERE id = \(history.id)") == 1)
            try await service.withAnotherInstance { _ in
                let events = try await service.waitForPushed(of: history.id, revision: 3)
                #expect(events.map(\.name) == ["dataset.started", "dataset.progress", "dataset.completed"])
                #expect(events.map { $0.data["status_label"]?.string } == ["processing", "processing", "completed"])
                try await service.waitUntilSettled(history.id)
            }
        }
    }

    @Test func twoInstancesSendEachNotificationOnce() async throws {
        try await ServiceUnderTest.with { service in
            try await service.withAnotherInstance { other in
                let scene = try await service.scene()
                for _ in 0..<5 {
                    let history = try await service.history(of: scene.wishlist)
                    for sequence in Int64(1)...10 {
                        let type: DatasetEventType = sequence == 10 ? .datasetCompleted : .datasetQueued
                        let receiver = sequence % 2 == 0 ? service : other
                        _ = try await receiver.post(TestWebhook(type, of: history, sequence: sequence))
                    }
                    let events = try await service.waitForPushed(of: history.id, revision: 10)
                    #expect(events.map(\.revision) == Array(1...10))
                    try await service.waitUntilSettled(history.id)
                }
            }
        }
    }

    @Test(arguments: DatasetHistory.NotificationPreference.allCases)
    func preferences(preference: DatasetHistory.NotificationPreference) async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist, notifications: preference)
            let types: [DatasetEventType] = [.datasetStarted, .datasetProgress, .datasetCompleted]
            for (index, type) in types.enumerated() {
                _ = try await service.post(TestWebhook(type, of: history, sequence: Int64(index + 1)))
                try await service.waitUntilSettled(history.id)
            }
            let expected = types.filter(preference.wants).map(\.rawValue)
            #expect(service.pushed(of: history.id).map(\.name) == expected)
        }
    }

    @Test func theCausingSocketIsLeftOut() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let answer = try await service.create(
                scene.wishlist, token: scene.token, headers: [("X-Socket-ID", "123.456")])
            let id = try #require(answer.json?["data"]?["id"]?.int)
            let events = try await service.waitForPushed(of: id) { $0.last?.name == "dataset.completed" }
            let sockets = Dictionary(grouping: events, by: \.name).mapValues { $0.first?.socketID }
            #expect(sockets["dataset.created"] == "123.456")
            #expect(sockets["dataset.completed"] == .some(nil))
        }
    }

    @Test func aLongMessageIsCut() async throws {
        try await ServiceUnderTest.with { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            let long = String(repeating: #"\u0001"#, count: 1000)
            _ = try await service.post(
                TestWebhook(
                    .datasetFailed, of: history, sequence: 1,
                    more: #""message": "\#(long)", "error": {"code": "c", "message": "\#(long)"}"#))
            let events = try await service.waitForPushed(of: history.id, revision: 1)
            #expect(events.first?.bytes ?? 0 <= 10_240)
            #expect(events.first?.data["message"]?.string?.count == 500)
            #expect(try await service.stored(history.id)?.message?.count == 1000)
        }
    }
}
