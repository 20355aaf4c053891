import HTTPClient
import JSON
import MySQL
import Sandbox
import Signatures
import TestSupport
import Testing
import Time

@testable import Datasets
@testable import Integrator
@testable import Store

/// Each row of the table of spec, section 4, over HTTP.
@Suite(.timeLimit(.minutes(10))) struct WebhookAnswerTests {
    @Test func validAndNew() async throws {
        try await ServiceUnderTest.with { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            let webhook = TestWebhook(
                .datasetProgress, of: history, sequence: 3,
                more: #""progress": 42, "stage": "embedding", "message": "Œuvre \ud83e\udd8a \"x\" \\ \u0000""#)
            let answer = try await service.post(webhook)
            #expect(answer.status == 200)
            #expect(answer.text == #"{"outcome":"applied"}"#)
            #expect(answer.header("content-type") == "application/json")
            let row = try await service.logRow(webhook)
            #expect(
                row
                    == LogRow(
                        key: webhook.id, type: "dataset.progress", outcome: .applied, historyID: history.id,
                        revision: 1, reason: nil, body: webhook.body))
            let stored = try #require(try await service.stored(history.id))
            #expect(stored.status == .processing)
            #expect(stored.progress == 42)
            #expect(stored.stage == "embedding")
            #expect(stored.message == "Œuvre 🦊 \"x\" \\ \u{0}")
            #expect(stored.sequence == 3)
            #expect(stored.revision == 1)
            #expect(stored.startedAt == stored.updatedAt)
            #expect(stored.heardAt == stored.updatedAt)
            try await service.waitUntilSettled(history.id)
        }
    }

    @Test func resultAndErrorAreStored() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let done = try await service.history(of: scene.wishlist)
            let result = #"{"z": [1e400, {"deep": null}], "a": "\u00e9"}"#
            _ = try await service.post(
                TestWebhook(.datasetCompleted, of: done, sequence: 1, more: #""result": \#(result)"#))
            let text = try await service.query(
                "SELECT result, finished_at IS NOT NULL FROM wishlist_dataset_histories WHERE id = \(done.id)")
            #expect(try text.first?.string(0) == result)
            #expect(try text.first?.int64(1) == 1)
            let broken = try await service.history(of: scene.wishlist)
            _ = try await service.post(TestWebhook(.datasetFailed, of: broken, sequence: 1))
            #expect(
                try await service.stored(broken.id)?.error == DatasetError(code: "oom", message: "Out of memory"))
            for (told, kept) in [("true", true), ("false", false), ("null", nil)] as [(String, Bool?)] {
                let one = try await service.history(of: scene.wishlist, status: .stalled)
                let error = #""error": {"code": "x", "message": "y", "retryable": \#(told)}"#
                _ = try await service.post(TestWebhook(.datasetFailed, of: one, sequence: 1, more: error))
                let expected = DatasetError(code: "x", message: "y", retryable: kept)
                #expect(try await service.stored(one.id)?.error == expected)
                let pushed = try await service.waitForPushed(of: one.id) { !$0.isEmpty }
                #expect(pushed.last?.data["error"]?["retryable"]?.bool == kept)
            }
        }
    }

    @Test func sameIDAgain() async throws {
        try await ServiceUnderTest.with { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            let webhook = TestWebhook(.datasetProgress, of: history, sequence: 3)
            #expect(try await service.post(webhook).outcome == "applied")
            let again = try await service.post(webhook)
            #expect(again.status == 200)
            #expect(again.outcome == "duplicate")
            #expect(service.instance.metric("integrator_webhook_conflicts_total") == 0)
            // The same id with another body, even with a higher sequence.
            let other = TestWebhook(.datasetCompleted, of: history, sequence: 4, id: webhook.id)
            #expect(try await service.post(other).outcome == "duplicate")
            #expect(service.instance.metric("integrator_webhook_conflicts_total") == 1)
            #expect(service.log.all.contains { $0.contains("another body") && $0.contains(webhook.id) })
            #expect(try await service.stored(history.id)?.revision == 1)
            #expect(try await service.logRows().map(\.body) == [webhook.body])
        }
    }

    @Test func oldSequenceOrFinalStatus() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist, status: .processing, sequence: 5)
            let final = try await service.history(of: scene.wishlist, status: .completed, sequence: 5)
            for webhook in [
                TestWebhook(.datasetProgress, of: history, sequence: 5),
                TestWebhook(.datasetProgress, of: history, sequence: 4),
                TestWebhook(.datasetFailed, of: final, sequence: 6),
            ] {
                let answer = try await service.post(webhook)
                #expect(answer.status == 200)
                #expect(answer.outcome == "stale")
                #expect(try await service.logRow(webhook)?.outcome == .stale)
                #expect(try await service.logRow(webhook)?.revision == nil)
                #expect(try await service.post(webhook).outcome == "duplicate")
            }
            #expect(try await service.stored(history.id)?.revision == 0)
            #expect(try await service.stored(final.id)?.status == .completed)
        }
    }

    @Test func unknownType() async throws {
        try await ServiceUnderTest.with { service in
            let webhook = TestWebhook(body: #"{"type":"dataset.exploded","data":[]}"#)
            let answer = try await service.post(webhook)
            #expect(answer.status == 200)
            #expect(answer.outcome == "ignored")
            let row = try await service.logRow(webhook)
            #expect(row?.outcome == .ignored)
            #expect(row?.type == "dataset.exploded")
            #expect(row?.body == webhook.body)
            #expect(try await service.post(webhook).outcome == "duplicate")
        }
    }

    @Test func notJSONOrAgainstTheSchema() async throws {
        try await ServiceUnderTest.with { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            for (webhook, reason) in [
                (TestWebhook(body: "nonsense"), "body: nonsense is not JSON"),
                (TestWebhook(body: ""), "body: is empty"),
                (
                    TestWebhook(.datasetProgress, of: history, sequence: 1, more: #""progress": 101"#),
                    "data.progress: must be a number from 0 to 100"
                ),
                (
                    TestWebhook(
                        .datasetProgress, dataset: history.datasetID, sequence: 1,
                        reference: "0190a1b2-0000-7000-8000-000000000000"), "reference and dataset_id name two datasets"
                ),
                (
                    TestWebhook(.datasetProgress, dataset: Fresh.number(), sequence: 1, reference: history.reference),
                    "reference and dataset_id name two datasets"
                ),
            ] {
                for _ in 0..<2 {
                    let answer = try await service.post(webhook)
                    #expect(answer.status == 422)
                    #expect(answer.code == "webhook_rejected")
                    #expect(answer.json?["message"]?.string?.hasPrefix(reason) == true, "\(answer.text)")
                }
                let row = try await service.logRow(webhook)
                #expect(row?.outcome == .rejected)
                #expect(row?.reason?.hasPrefix(reason) == true)
                #expect(row?.body == webhook.body)
            }
            #expect(try await service.stored(history.id)?.revision == 0)
        }
    }

    /// A row from before this service has no reference that could contradict one: the other row does.
    @Test func referenceOfOneHistoryWithTheDatasetOfAnOlderOne() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let old = try await service.history(of: scene.wishlist, reference: nil)
            for dataset in [nil, Fresh.number()] {
                let history = try await service.history(
                    of: try await service.wishlist(of: scene.wishlist.groupID), datasetID: dataset)
                let webhook = TestWebhook(
                    .datasetProgress, dataset: old.datasetID, sequence: 1, reference: history.reference)
                for _ in 0..<2 {
                    let answer = try await service.post(webhook)
                    #expect(answer.status == 422)
                    #expect(answer.json?["message"]?.string?.hasPrefix("reference and dataset_id name two") == true)
                }
                #expect(try await service.logRow(webhook)?.outcome == .rejected)
                #expect(try await service.stored(history.id)?.revision == 0)
            }
            #expect(try await service.stored(old.id)?.revision == 0)
            // A reference that names none of ours contradicts nothing.
            let unknown = TestWebhook(
                .datasetProgress, dataset: old.datasetID, sequence: 1,
                reference: "0190a1b2-0000-7000-8000-000000000000")
            #expect(try await service.post(unknown).outcome == "applied")
        }
    }

    @Test func badMissingOrOldSignature() async throws {
        try await ServiceUnderTest.with { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            let webhook = TestWebhook(.datasetProgress, of: history, sequence: 1)
            let now = Timestamp.now().seconds
            let signature = WebhookSigner(secret: ServiceUnderTest.secret).sign(
                id: webhook.id, timestamp: now, body: webhook.body)
            var answers = [
                try await service.post(webhook, signedBy: .generate()),
                try await service.post(webhook, at: now - 301),
                try await service.post(webhook, at: now + 310),
                try await service.send(
                    webhook.body + [0x20],
                    headers: [
                        ("webhook-id", webhook.id), ("webhook-timestamp", "\(now)"), ("webhook-signature", signature),
                    ]),
            ]
            for missing in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
                let headers = [
                    ("webhook-id", webhook.id), ("webhook-timestamp", "\(now)"), ("webhook-signature", signature),
                ].filter { $0.0 != missing }
                answers.append(try await service.send(webhook.body, headers: headers))
            }
            for answer in answers {
                #expect(answer.status == 401)
                // It is not said which it was.
                #expect(answer.body == answers[0].body)
            }
            #expect(try await service.logRows().isEmpty)
            for (reason, count) in [("no_match", 2.0), ("too_old", 1), ("too_new", 1), ("missing_header", 3)] {
                #expect(
                    service.instance.metric("integrator_webhooks_refused_total{reason=\"\(reason)\"}") == count,
                    "\(reason)")
            }
            // Rate-limited by address; good ones are taken all the same.
            for _ in answers.count..<60 { _ = try await service.post(webhook, signedBy: .generate()) }
            let limited = try await service.post(webhook, signedBy: .generate())
            if limited.status != 401 {  // A new minute may have begun.
                #expect(limited.status == 429)
                #expect(limited.header("retry-after").flatMap { Int($0) }.map { (1...60).contains($0) } == true)
            }
            #expect(try await service.post(webhook).outcome == "applied")
        }
    }

    @Test func tooLargeOrWrongMethod() async throws {
        try await ServiceUnderTest.with(["WEBHOOK_MAX_BYTES": "2000"]) { service in
            #expect(try await service.post(TestWebhook(body: String(repeating: " ", count: 2001))).status == 413)
            #expect(try await service.post(TestWebhook(body: String(repeating: " ", count: 2000))).status == 422)
            for method in ["GET", "PUT", "DELETE"] {
                let answer = try await service.send([], headers: [], method: method)
                #expect(answer.status == 405)
                #expect(answer.header("allow") == "POST")
            }
            #expect(try await service.logRows().count == 1)
        }
    }

    @Test func theQueueIsFull() async throws {
        try await ServiceUnderTest.with { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            // The writer waits for this lock; behind it the lane fills.
            let blocker = try await MySQLConnection.connect(service.database)
            try await blocker.begin()
            _ = try await blocker.execute(
                "UPDATE wishlist_dataset_histories SET name = 'x' WHERE id = \(history.id)")
            let webhooks = (1...2400).map { TestWebhook(.datasetProgress, of: history, sequence: Int64($0)) }
            async let answers = withThrowingTaskGroup(of: HTTPAnswer.self) { group in
                let fast = HTTPClient(maximumConnectionsPerHost: 2400, maximumResponseBytes: 1 << 20)
                let crowd = service.with(client: fast)
                for webhook in webhooks { group.addTask { try await crowd.post(webhook) } }
                let answers = try await group.reduce(into: []) { $0.append($1) }
                await fast.shutdown()
                return answers
            }
            try await service.waitForMetric(#"integrator_webhooks_refused_total{reason="queue_full"}"#)
            try await blocker.commit()
            await blocker.close()
            let refused = try await answers.filter { $0.status == 503 }
            #expect(!refused.isEmpty)
            #expect(refused.allSatisfy { $0.header("retry-after") != nil })
            let taken = try await answers.filter { $0.status == 200 }
            #expect(taken.count + refused.count == webhooks.count)
            #expect(try await service.logRows().count == taken.count)
        }
    }
}
