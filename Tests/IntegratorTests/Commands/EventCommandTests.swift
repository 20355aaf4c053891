import JSON
import MySQL
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator
@testable import Store

/// `integrator events` (spec, section 7).
@Suite(.timeLimit(.minutes(10))) struct EventCommandTests {
    /// A webhook that is rejected; `repair` makes it good in the log, as a newer version that understands it would.
    private func rejected(
        _ service: ServiceUnderTest, _ history: TestHistory, sequence: Int64
    ) async throws -> (id: Int64, good: TestWebhook) {
        let good = TestWebhook(.datasetProgress, of: history, sequence: sequence)
        let bad = TestWebhook(.datasetProgress, of: history, sequence: sequence, id: good.id, more: #""progress": 400"#)
        #expect(try await service.post(bad).status == 422)
        let id = try await service.number("SELECT id FROM wishlist_dataset_events WHERE event_key = \(good.id)")
        return (try #require(id), good)
    }

    private func repair(_ service: ServiceUnderTest, _ event: (id: Int64, good: TestWebhook)) async throws {
        try await service.execute(
            "UPDATE wishlist_dataset_events SET body = \(event.good.body) WHERE id = \(event.id)")
    }

    @Test func listFilters() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let other = try await service.history(of: try await service.wishlist(of: scene.wishlist.groupID))
            _ = try await service.post(TestWebhook(.datasetStarted, of: history, sequence: 2))
            _ = try await service.post(TestWebhook(.datasetProgress, of: history, sequence: 1))
            _ = try await service.post(TestWebhook(.datasetStarted, of: other, sequence: 1))
            _ = try await service.post(TestWebhook(.datasetStarted, dataset: Fresh.number(), sequence: 1))
            _ = try await service.post(TestWebhook(body: #"{"type": "new.kind"}"#))

            func keys(_ arguments: String...) async throws -> [String] {
                let run = await CommandRun(service.variables(), ["events", "list", "--json"] + arguments)
                #expect(run.status == 0)
                return try #require(run.json).elements.map {
                    "\($0["type"]?.string ?? "?") \($0["outcome"]?.string ?? "?")"
                }
            }
            #expect(
                try await keys() == [
                    "new.kind ignored", "dataset.started parked", "dataset.started applied", "dataset.progress stale",
                    "dataset.started applied",
                ])
            let dataset = "\(history.datasetID ?? 0)"
            #expect(
                try await keys("--dataset", dataset) == ["dataset.progress stale", "dataset.started applied"])
            #expect(try await keys("--history=\(other.id)") == ["dataset.started applied"])
            #expect(try await keys("--outcome", "parked,ignored") == ["new.kind ignored", "dataset.started parked"])
            #expect(try await keys("--limit", "1") == ["new.kind ignored"])
            #expect(try await keys("--since", "1h").count == 5)
            try await service.execute(
                "UPDATE wishlist_dataset_events SET recorded_at = recorded_at - INTERVAL 1 DAY ORDER BY id LIMIT 3")
            #expect(try await keys("--since", "1h") == ["new.kind ignored", "dataset.started parked"])
            #expect(try await keys("--since", "2026-01-01T00:00:00Z").count == 5)

            let table = await service.command("events", "list")
            #expect(table.lines.first?.hasPrefix("ID  RECORDED AT") == true)
            #expect(table.lines.count == 6)
            #expect(await service.command("events", "list", "--outcome", "odd").status == 2)
            #expect(await service.command("events", "list", "--since", "yesterday").status == 2)
            #expect(await service.command("events", "list", "--limit", "0").status == 2)
            #expect(await service.command("events", "list", "more").status == 2)
        }
    }

    /// The log of years is not read to find the events of one dataset.
    @Test(arguments: ["--dataset", "--history"]) func eventsOfADatasetCostTheSameInALongLog(_ option: String)
        async throws
    {
        try await ServiceSchema.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            try await connection.execute(
                """
                INSERT INTO wishlist_dataset_histories (id, wishlist_to_group_id, dataset_id, slug, status) \
                SELECT seq, seq, 1000 + seq, 's', 3 FROM \(SQL.numbers(upTo: 500))
                """)
            try await connection.execute(
                """
                INSERT INTO wishlist_dataset_events (event_key, history_id, revision, dataset_id, outcome, body, \
                recorded_at) SELECT CONCAT('e', seq), 1 + seq MOD 500, seq, 1001 + seq MOD 500, 0, '{}', \
                UTC_TIMESTAMP(6) FROM \(SQL.numbers(upTo: 5000))
                """)
            try await connection.execute(
                """
                INSERT INTO wishlist_dataset_events (event_key, dataset_id, outcome, body, recorded_at) \
                SELECT CONCAT('p', seq), 1001, 3, '{}', UTC_TIMESTAMP(6) FROM \(SQL.numbers(upTo: 2))
                """)
            try await connection.execute(
                """
                INSERT INTO wishlist_dataset_parked (event_id, dataset_id) \
                SELECT id, dataset_id FROM wishlist_dataset_events WHERE outcome = 3
                """)
            try await connection.execute("ANALYZE TABLE wishlist_dataset_events, wishlist_dataset_histories")
            var arguments = Arguments([option, option == "--dataset" ? "1001" : "1"])
            let filter = try LogFilter(&arguments)
            try await connection.execute("FLUSH STATUS")
            let page = try await connection.run { try EventLog.page(filter, limit: 50, on: $0) }
            #expect(page.entries.count == (option == "--dataset" ? 12 : 10))
            var reads = 0
            for row in try await connection.query("SHOW STATUS LIKE 'Handler_read%'") {
                reads += Int(try row.string(1)) ?? 0
            }
            #expect(reads <= 80, "\(reads) rows read")
            await connection.close()
        }
    }

    @Test func showPrintsAnEventByIDAndByKey() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let webhook = TestWebhook(
                .datasetProgress, of: history, sequence: 1, more: #""progress": 5, "stage": "\u001b[2J\u0007""#)
            _ = try await service.post(webhook)
            let run = await service.command("events", "show", webhook.id, "--json")
            #expect(run.status == 0)
            #expect(run.json?["outcome"]?.string == "applied")
            #expect(run.json?["status"]?.string == "processing")
            #expect(run.json?["body"].map { Array($0.raw) } == webhook.body)
            let id = try #require(run.json?["id"]?.int)
            let table = await service.command("events", "show", "\(id)")
            #expect(table.output.contains(webhook.id))
            #expect(!table.output.unicodeScalars.contains("\u{1b}"))
            #expect(await service.command("events", "show", "nothing").status == 1)
        }
    }

    @Test func replayAppliesWhatWasRejectedAndSendsWhatIsOwed() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let event = try await rejected(service, history, sequence: 1)
            var run = await service.command("events", "replay", "\(event.id)", "--json")
            #expect(run.json?.elements.first?["now"]?.string == "rejected")
            try await repair(service, event)

            run = await service.command("events", "replay", "--outcome", "rejected", "--dry-run", "--json")
            #expect(run.status == 0)
            #expect(run.json?.elements.map { $0["now"]?.string } == ["applied"])
            #expect(try await service.stored(history.id)?.revision == 0)
            #expect(try await service.logRow(event.good)?.outcome == .rejected)

            run = await service.command("events", "replay", "--outcome", "rejected", "--json")
            #expect(run.status == 0)
            #expect(run.json?.elements.map { $0["before"]?.string } == ["rejected"])
            #expect(run.json?.elements.map { $0["now"]?.string } == ["applied"])
            let stored = try await service.stored(history.id)
            #expect(stored?.revision == 1)
            #expect(stored?.status == .processing)
            let row = try await service.logRow(event.good)
            #expect(row?.outcome == .applied)
            #expect(row?.revision == 1)
            #expect(row?.reason == nil)
            // Sent by the command itself, and noted.
            #expect(service.pushed(of: history.id).map(\.revision) == [1])
            try await service.waitUntilSettled(history.id)

            // Again: there is nothing left to do.
            let again = await service.command("events", "replay", "\(event.id)")
            #expect(again.status == 0)
            #expect(again.output.contains("1 left as they are"))
            let unknown = await service.command("events", "replay", "\(event.id)", "987654321")
            #expect(unknown.status == 1)
            #expect(unknown.complaints.contains("there is no event `987654321`"))
            #expect(try await service.stored(history.id)?.revision == 1)
            #expect(await service.command("events", "replay").status == 2)
        }
    }

    /// What was rejected because it names two datasets is not applied to one of them by a replay.
    @Test func replayRejectsAgainWhatNamesTwoDatasets() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let old = try await service.history(of: scene.wishlist, reference: nil)
            let other = try await service.history(of: try await service.wishlist(of: scene.wishlist.groupID))
            let webhook = TestWebhook(.datasetProgress, dataset: old.datasetID, sequence: 1, reference: other.reference)
            #expect(try await service.post(webhook).status == 422)
            let run = await service.command("events", "replay", "--outcome", "rejected", "--json")
            #expect(run.json?.elements.map { $0["now"]?.string } == ["rejected"])
            #expect(try await service.stored(old.id)?.revision == 0)
        }
    }

    @Test func replayParksWhatIsNotKnownAndKeepsOrder() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let second = try await rejected(service, history, sequence: 2)
            let first = try await rejected(service, history, sequence: 1)
            let unknown = TestHistory(id: 0, wishlistID: 0, datasetID: Fresh.number(), reference: nil)
            let third = try await rejected(service, unknown, sequence: 1)
            for event in [first, second, third] { try await repair(service, event) }
            let run = await service.command("events", "replay", "--since", "1h", "--json")
            #expect(run.json?.elements.map { $0["now"]?.string } == ["applied", "applied", "parked"])
            #expect(try await service.logRow(first.good)?.revision == 1)
            #expect(try await service.logRow(second.good)?.revision == 2)
            #expect(
                try await service.number(
                    "SELECT COUNT(*) FROM wishlist_dataset_parked WHERE event_id = \(third.id)") == 1)
        }
    }
}
