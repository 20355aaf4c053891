import JSON
import MySQL
import Signatures
import TestSupport
import Testing
import Time

@testable import Datasets
@testable import Integrator
@testable import Operations
@testable import Sandbox
@testable import Store
@testable import Web

/// The operator's API, and that the command line says the same (spec, section 10).
@Suite(.timeLimit(.minutes(3))) struct OperatorAPITests {
    @Test func webhooksAreSearchedAsByTheCommandLine() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let other = try await service.history(of: try await service.wishlist(of: scene.wishlist.groupID))
            let dataset = history.datasetID ?? 0
            let started = TestWebhook(.datasetStarted, of: history, sequence: 2)
            _ = try await service.post(started)
            _ = try await service.post(TestWebhook(.datasetProgress, of: history, sequence: 1))
            _ = try await service.post(TestWebhook(.datasetStarted, of: other, sequence: 1))
            _ = try await service.post(TestWebhook(.datasetStarted, dataset: Fresh.number(), sequence: 1))
            _ = try await service.post(
                TestWebhook(.datasetProgress, of: history, sequence: 5, more: #""progress": 900"#))
            _ = try await service.post(TestWebhook(body: #"{"type": "new.kind"}"#))
            try await service.execute("UPDATE wishlist_dataset_events SET dataset_id = \(dataset) WHERE outcome = 4")

            func found(_ query: String, _ arguments: String...) async throws -> [String] {
                let rows = try await service.rows("events?" + query)
                let run = await CommandRun(service.variables(), ["events", "list", "--json"] + arguments)
                #expect(run.status == 0)
                #expect(run.json?.elements.map { Array($0.raw) } == rows.map { Array($0.raw) }, "\(query)")
                return rows.map { "\($0["type"]?.string ?? "?") \($0["outcome"]?.string ?? "?")" }
            }
            let all = [
                "new.kind ignored", "dataset.progress rejected", "dataset.started parked", "dataset.started applied",
                "dataset.progress stale", "dataset.started applied",
            ]
            #expect(try await found("") == all)
            #expect(try await found("type=dataset.started", "--type", "dataset.started").count == 3)
            #expect(
                try await found("outcome=parked,rejected", "--outcome", "parked,rejected") == [
                    "dataset.progress rejected", "dataset.started parked",
                ])
            #expect(
                try await found(
                    "outcome=applied&type=dataset.started", "--outcome", "applied", "--type", "dataset.started"
                )
                .count == 2)
            let ofDataset = ["dataset.progress rejected", "dataset.progress stale", "dataset.started applied"]
            #expect(try await found("dataset=\(dataset)", "--dataset", "\(dataset)") == ofDataset)
            #expect(
                try await found("reference=\(history.reference ?? "")", "--reference", history.reference ?? "")
                    == ofDataset)
            #expect(try await found("slug=\(scene.wishlist.slug)", "--slug", scene.wishlist.slug) == ofDataset)
            #expect(
                try await found("history=\(history.id)", "--history", "\(history.id)") == [
                    "dataset.progress stale", "dataset.started applied",
                ])
            #expect(try await found("key=\(started.id)", "--key", started.id) == ["dataset.started applied"])
            #expect(try await found("slug=nobody", "--slug", "nobody") == [])
            #expect(try await found("since=2026-01-01T00:00:00Z", "--since", "2026-01-01T00:00:00Z") == all)
            #expect(try await found("until=2026-01-01T00:00:00Z", "--until", "2026-01-01T00:00:00Z") == [])

            // Page by page.
            var paged: [String] = []
            var next: Int64?
            repeat {
                let page = next.map { "&page=\($0)" } ?? ""
                let answer = try await service.operate("GET", "/operator/api/events?limit=2\(page)").json
                paged += (answer?["data"]?.elements ?? []).map {
                    "\($0["type"]?.string ?? "?") \($0["outcome"]?.string ?? "?")"
                }
                next = answer?["next"]?.int
            } while next != nil && paged.count < 100
            #expect(paged == all)
            for bad in ["outcome=odd", "page=0", "limit=1000", "dataset=x", "since=yesterday", "more=1"] {
                #expect(try await service.operate("GET", "/operator/api/events?\(bad)").status == 400, "\(bad)")
            }
        }
    }

    @Test func oneWebhookIsShownWithItsBodyAndTimes() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let webhook = TestWebhook(.datasetProgress, of: history, sequence: 1)
            let before = Timestamp.now()
            let sentAt = before.seconds - 7
            _ = try await service.post(webhook, at: sentAt)
            try await service.waitUntilSettled(history.id)
            let event = try #require(try await service.operate("GET", "/operator/api/events/\(webhook.id)").json)
            #expect(event["body"]?.string == String(decoding: webhook.body, as: UTF8.self))
            #expect(event["happened_at"]?.string == "2026-11-23T16:00:00.123456Z")
            let times = ["sent_at", "received_at", "recorded_at"].map { event[$0]?.string.flatMap(ISO8601.parse) }
            #expect(times[0] == Timestamp(seconds: sentAt))
            let received = try #require(times[1])
            let committed = try #require(times[2])
            #expect(before...Timestamp.now() ~= received && received <= committed)
            #expect(event["answer"]?.string == "200 applied")
            let notified = try #require(event["notified"]?.string.flatMap(ISO8601.parse))
            #expect(committed...Timestamp.now() ~= notified)
            #expect(event["history_id"]?.int == history.id)
            let run = await service.command("events", "show", webhook.id)
            #expect(run.output.contains("200 applied"))
            #expect(try await service.operate("GET", "/operator/api/events/nothing").status == 404)
        }
    }

    /// Of changes that follow one another quickly only the last one's time is kept; of what Pusher has not got there is none.
    @Test func whenAChangeWasNotifiedIsNotInvented() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let webhooks = (1...3 as ClosedRange<Int64>).map {
                TestWebhook(.datasetProgress, of: history, sequence: $0)
            }
            func notified(_ place: Int) async throws -> String {
                let path = "/operator/api/events/\(webhooks[place].id)"
                return try await service.operate("GET", path).json?["notified"]?.string ?? ""
            }
            service.sandbox.pusher.inject(PusherFault(status: 500), count: 1_000)
            for webhook in webhooks { _ = try await service.post(webhook) }
            #expect(try await notified(2).hasPrefix("owed since"))
            service.sandbox.pusher.clearFaults()
            try await service.waitUntilSettled(history.id)
            let last = try #require(ISO8601.parse(try await notified(2)))
            #expect(try await notified(0) == "yes, unless overtaken or not wanted; by \(last.iso8601) at the latest")
            // What Pusher refuses has none, not even once the dead letter is gone.
            service.sandbox.pusher.inject(PusherFault(status: 400))
            let refused = TestWebhook(.datasetProgress, of: history, sequence: 4)
            _ = try await service.post(refused)
            try await service.waitUntilSettled(history.id)
            #expect(
                try await service.number(
                    """
                    SELECT COUNT(*) FROM wishlist_dataset_events e JOIN wishlist_dataset_dead_letters d ON d.event_id = e.id \
                    WHERE e.event_key = \(refused.id) AND e.notified_at IS NULL
                    """) == 1)
            // What nobody wants is not sent, and has no time.
            let quiet = try await service.history(of: try await service.wishlist(of: try await service.group()))
            try await service.execute("UPDATE wishlist_dataset_histories SET notifications = 1 WHERE id = \(quiet.id)")
            let unwanted = TestWebhook(.datasetProgress, of: quiet, sequence: 1)
            _ = try await service.post(unwanted)
            try await service.waitUntilSettled(quiet.id)
            let event = try await service.operate("GET", "/operator/api/events/\(unwanted.id)").json
            #expect(event?["notified"]?.string == "yes, unless overtaken or not wanted")
        }
    }

    @Test func whatWasRefusedIsReplayedAndDroppedAndRecorded() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let good = TestWebhook(.datasetProgress, of: history, sequence: 1)
            let bad = TestWebhook(.datasetProgress, of: history, sequence: 1, id: good.id, more: #""progress": 400"#)
            #expect(try await service.post(bad).status == 422)
            let unknown = TestWebhook(.datasetStarted, dataset: Fresh.number(), sequence: 1)
            #expect(try await service.post(unknown).status == 202)
            try await service.execute(
                "UPDATE wishlist_dataset_events SET body = \(good.body) WHERE event_key = \(good.id)")

            func act(_ path: String, _ body: String) async throws -> JSONView? {
                let answer = try await service.operate("POST", "/operator/api/\(path)", body: body)
                #expect(answer.status == 200, "\(answer.text)")
                return answer.json
            }
            let filter = #""filter": {"outcome": "rejected"}"#
            let dry = try await act("events/replay", "{\(filter), \"dry_run\": true}")
            #expect(dry?["data"]?.elements.map { $0["now"]?.string } == ["applied"])
            #expect(try await service.stored(history.id)?.revision == 0)
            let done = try await act("events/replay", "{\(filter)}")
            #expect(done?["data"]?.elements.map { $0["now"]?.string } == ["applied"])
            #expect(try await service.stored(history.id)?.revision == 1)
            // Sent by this instance, though no webhook came.
            try await service.waitUntilSettled(history.id)
            #expect(service.pushed(of: history.id).map(\.revision) == [1])

            let parked = #"{"filter": {"outcome": "parked"}, "dry_run": true}"#
            #expect(try await act("events/drop", parked)?["count"]?.int == 1)
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_parked") == 1)
            #expect(try await act("events/drop", #"{"filter": {"outcome": "parked"}}"#)?["count"]?.int == 1)
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_parked") == 0)
            let dropped = try await service.logRow(unknown)
            #expect(dropped?.outcome == .ignored)
            #expect(dropped?.reason == "dropped by ada")
            // The same webhook-id is known still.
            #expect(try await service.post(unknown).outcome == "duplicate")
            #expect(try await service.operate("POST", "/operator/api/events/drop", body: "{}").status == 400)
            #expect(try await service.operate("POST", "/operator/api/events/replay", body: "[]").status == 400)

            let actions = try await service.rows("actions").map {
                "\($0["actor"]?.string ?? "") \($0["action"]?.string ?? "") \($0["changed"]?.int ?? -1) "
                    + "\($0["target"]?.string ?? "")"
            }
            #expect(actions == ["ada events drop 1 outcome=parked", "ada events replay 1 outcome=rejected"])
        }
    }

    @Test func deadLettersAreRetriedAndDropped() async throws {
        try await ServiceUnderTest.with { service in
            let history = try await service.deadLetter()
            let letters = try await service.rows("dead-letters?history=\(history.id)")
            let id = try #require(letters.first?["id"]?.int)
            let show = try await service.operate("GET", "/operator/api/datasets/\(history.id)").json
            #expect(show?["dead_letters"]?.elements.count == 1)
            let refused = try await service.operate("GET", "/operator/api/events/\(id)").json?["notified"]?.string
            #expect(refused?.contains("Pusher refused it") == true)
            let retried = try await service.operate(
                "POST", "/operator/api/dead-letters/retry", body: #"{"ids": [\#(id)]}"#
            ).json
            #expect(retried?["count"]?.int == 1)
            #expect(service.pushed(of: history.id).map(\.name) == ["dataset.started"])
            let dropped = try await service.operate(
                "POST", "/operator/api/dead-letters/drop", body: #"{"all": true}"#)
            #expect(dropped.json?["count"]?.int == 0)
            #expect(try await service.operate("POST", "/operator/api/dead-letters/drop", body: "{}").status == 400)
            #expect(try await service.rows("actions").map { $0["result"]?.string } == [nil, "1 of 1 sent"])
        }
    }

    @Test func datasetsOfAllCustomersAreFoundWithTheirReason() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let other = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let late = try await service.history(of: other.wishlist)
            _ = try await service.post(TestWebhook(.datasetStarted, of: history, sequence: 1))
            _ = try await service.post(TestWebhook(.datasetStarted, of: late, sequence: 1))
            try await service.execute(
                """
                UPDATE wishlist_dataset_histories SET heard_at = UTC_TIMESTAMP(6) - INTERVAL 1700 SECOND, \
                deadline_at = UTC_TIMESTAMP(6) + INTERVAL 100 SECOND, redelivery_asked_at = UTC_TIMESTAMP(6) \
                WHERE id = \(late.id)
                """)
            func ids(_ query: String) async throws -> [Int64?] {
                try await service.rows("datasets?" + query).map { $0["history_id"]?.int }
            }
            #expect(try await ids("") == [late.id, history.id].sorted(by: >))
            #expect(try await ids("dataset=\(history.datasetID ?? 0)") == [history.id])
            #expect(try await ids("reference=\(history.reference ?? "")") == [history.id])
            #expect(try await ids("slug=\(scene.wishlist.slug)") == [history.id])
            #expect(try await ids("wishlist=\(scene.wishlist.id)") == [history.id])
            #expect(try await ids("group=\(scene.wishlist.groupID)") == [history.id])
            #expect(try await ids("group=\(scene.wishlist.groupID)&status=stalled") == [])
            #expect(try await ids("status=queued,processing").count == 2)
            #expect(try await ids("late=true") == [late.id])
            let overview = try await service.operate("GET", "/operator/api/overview").json
            #expect(overview?["datasets"]?["late"]?.int == 1)
            #expect(overview?["datasets"]?["processing"]?.int == 2)
            let show = try await service.operate("GET", "/operator/api/datasets/\(late.id)").json
            #expect(show?["why"]?.string?.contains("were asked for again") == true)
            #expect(try await service.operate("GET", "/operator/api/datasets/987654321").status == 404)
            let run = await service.command("datasets", "list", "--late")
            #expect(run.output.contains("were asked for again"))
            let one = await service.command("datasets", "show", late.reference ?? "", "--json")
            #expect(one.json?["events"]?.elements.count == 1)
            #expect(await service.command("datasets", "show", "987654321").status == 1)
        }
    }

    @Test func callbackIsShownPutRightAndTried() async throws {
        try await ServiceUnderTest.with { service in
            _ = await service.command("callbacks", "remove")
            var callback = try await service.operate("GET", "/operator/api/callback").json
            #expect(callback?["is_right"]?.bool == false)
            #expect(try await service.operate("POST", "/operator/api/callback/sync").status == 200)
            callback = try await service.operate("GET", "/operator/api/callback").json
            #expect(callback?["is_right"]?.bool == true)
            let test = try await service.operate("POST", "/operator/api/callback/test").json
            #expect(test?["answer"]?.string == #"200 {"outcome":"ignored"}"#)
            let step = #"{"step": "prepare"}"#
            let rotation = try await service.operate("POST", "/operator/api/callback/rotate", body: step).json
            // The secrets are in no file here: it says what to do by hand.
            #expect(rotation?["is_done"]?.bool == false)
            #expect(try await service.operate("POST", "/operator/api/callback/rotate", body: "{}").status == 400)
            let actions = try await service.rows("actions").map {
                "\($0["actor"]?.string ?? "") \($0["action"]?.string ?? "")"
            }
            #expect(
                actions == [
                    "ada callbacks rotate-secret", "ada webhooks test", "ada callbacks sync",
                    "\(CommandLineTool.actor) callbacks remove",
                ])
            let findings = try await service.rows("doctor")
            #expect(findings.contains { $0["check"]?.string == "Pusher" && $0["level"]?.string == "ok" })
        }
    }

    @Test func theLastHourIsCountedByOutcome() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            for sequence in [3, 4, 1] {
                _ = try await service.post(TestWebhook(.datasetProgress, of: history, sequence: Int64(sequence)))
            }
            let overview = try await service.operate("GET", "/operator/api/overview").json
            let columns = overview?["recent"]?.elements ?? []
            #expect(columns.count == 12)
            #expect(columns.map { $0["applied"]?.int } == Array(repeating: 0, count: 11) + [2])
            #expect(columns.last?["stale"]?.int == 1)
            #expect(overview?["waiting"]?["stale"]?.int == 1)
            let half = try #require(overview?["answer_seconds_p50"]?.double)
            #expect(half > 0 && half < 10)
            #expect(overview?["callback_registered"]?.bool == true)
        }
    }

    /// A wrong secret at the other side, behind a proxy: seen by page and command line with its reason and the true address.
    @Test func refusedWebhooksAreShownWithTheirReason() async throws {
        try await ServiceUnderTest.with(["TRUSTED_PROXIES": "127.0.0.1"]) { service in
            let webhook = TestWebhook(.datasetStarted, dataset: Fresh.number(), sequence: 1)
            let now = Timestamp.now().seconds
            let signer = WebhookSigner(secret: WebhookSecret.generate())
            let answer = try await service.send(
                webhook.body,
                headers: [
                    ("webhook-id", webhook.id), ("webhook-timestamp", String(now)),
                    ("webhook-signature", signer.sign(id: webhook.id, timestamp: now, body: webhook.body)),
                    ("X-Forwarded-For", "198.51.100.1, 203.0.113.9"),
                ])
            #expect(answer.status == 401)
            #expect(!answer.text.contains("match"))
            var rows: [JSONView] = []
            for _ in 0..<400 where rows.isEmpty {
                try await Task.sleep(for: .milliseconds(25))
                rows = try await service.rows("refused")
            }
            #expect(rows.first?["reason"]?.string == "no_match")
            #expect(rows.first?["webhook_id"]?.string == webhook.id)
            #expect(rows.first?["address"]?.string == "203.0.113.9")
            let run = await service.command("refused", "list", "--json")
            #expect(run.json?.elements.map { Array($0.raw) } == rows.map { Array($0.raw) })
            #expect(await service.command("refused").status == 2)
        }
    }
}
