import JSON
import MySQL
import TestSupport
import Testing
import Time

@testable import Datasets
@testable import Integrator

/// `GET .../histories/{id}` and `.../events`.
@Suite(.timeLimit(.minutes(10))) struct TimelineTests {
    @Test func eachChangeStandsInIt() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let webhooks = [
                TestWebhook(.datasetStarted, of: history, sequence: 1, more: #""stage": "collecting", "message": "m""#),
                TestWebhook(.datasetProgress, of: history, sequence: 3, more: #""progress": 30"#),
                TestWebhook(.datasetProgress, of: history, sequence: 2),  // stale: not in it
                TestWebhook(
                    .datasetFailed, of: history, sequence: 4,
                    more: #""error": {"code": "oom", "message": "Too big", "retryable": true}"#),
            ]
            for webhook in webhooks { _ = try await service.post(webhook) }
            let path = "\(scene.wishlist.path)/histories/\(history.id)/events"
            let all = try await service.get(path, token: scene.token)
            let events = try #require(all.data?.elements)
            let dataset = history.datasetID ?? 0
            let created = try #require(events.first?["created_at"]?.string)
            #expect(ISO8601.parse(created) != nil && created.utf8.count == 27)
            #expect(
                events.first.map { String(decoding: $0.raw, as: UTF8.self) } == """
                    {"event_id":"\(history.id)-1","revision":1,"type":"dataset.started","dataset_id":\(dataset),\
                    "status":2,"status_label":"processing","progress":null,"stage":"collecting","message":"m",\
                    "error":null,"created_at":"\(created)"}
                    """)
            #expect(events.map { $0["type"]?.string } == ["dataset.started", "dataset.progress", "dataset.failed"])
            #expect(events.map { $0["progress"]?.int } == [nil, 30, 30])
            #expect(events[2]["error"]?["code"]?.string == "oom")
            #expect(events[2]["error"]?["message"]?.string == "Too big")
            #expect(events[2]["error"]?["retryable"]?.bool == true)
            #expect(
                all.text.hasSuffix(
                    """
                    ],"links":{"next":null},"meta":{"history_id":\(history.id),"revision":3,"after":0,\
                    "next_after":null,"before":null,"next_before":null,"per_page":100}}
                    """))

            let first = try await service.get("\(path)?per_page=2", token: scene.token)
            #expect(first.data?.elements.map { $0["revision"]?.int } == [1, 2])
            #expect(first.json?["meta"]?["next_after"]?.int == 2)
            let next = try #require(first.json?["links"]?["next"]?.string)
            #expect(next == "\(service.instance.url)\(path)?per_page=2&after=2")
            let second = try await service.get(
                String(next.dropFirst(service.instance.url.count)), token: scene.token)
            #expect(second.data?.elements.map { $0["revision"]?.int } == [3])
            #expect(second.json?["links"]?["next"]?.kind == .null)
            let none = try await service.get("\(path)?after=3", token: scene.token)
            #expect(none.status == 200 && none.data?.elements.isEmpty == true)
        }
    }

    /// A long timeline, the newest changes first, in pages of up to 500.
    @Test func itIsReadFromItsNewestEnd() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist, status: .processing)
            try await service.execute(
                """
                INSERT INTO wishlist_dataset_events \
                (event_key, history_id, revision, dataset_id, sequence, type, outcome, status, progress, body, recorded_at) \
                SELECT CONCAT('n-', \(history.id), '-', seq), \(history.id), seq, \(history.datasetID), seq, \
                'dataset.progress', 0, 2, 1, '{}', UTC_TIMESTAMP(6) FROM \(SQL.numbers(upTo: 1203))
                """)
            try await service.change(history, "revision = 1203, sequence = 1203")
            let path = "\(scene.wishlist.path)/histories/\(history.id)/events"
            var revisions: [Int64] = []
            var next: String? = "\(path)?before=&per_page=500"
            var pages = 0
            while let path = next, pages < 10 {
                let answer = try await service.get(path, token: scene.token)
                try #require(answer.status == 200, "\(answer.text)")
                revisions += answer.data?.elements.compactMap { $0["revision"]?.int } ?? []
                next = answer.json?["links"]?["next"]?.string.map {
                    String($0.dropFirst(service.instance.url.count))
                }
                #expect(answer.json?["meta"]?["next_after"]?.kind == .null)
                #expect((answer.json?["meta"]?["next_before"]?.int == revisions.last) == (next != nil))
                pages += 1
            }
            #expect(revisions == Array((1...1203).reversed()) && pages == 3)
            for query in ["before=0", "before=x", "before=5&after=1", "per_page=501"] {
                #expect(try await service.get("\(path)?\(query)", token: scene.token).status == 400, "\(query)")
            }
        }
    }

    /// What was pushed and what the timeline tells are the same, by `event_id`.
    @Test func itTellsWhatWasPushed() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let created = try await service.create(scene.wishlist, token: scene.token)
            let id = try #require(created.data?["id"]?.int)
            let pushed = try await service.waitForPushed(of: id) { $0.contains { $0.name == "dataset.completed" } }
            let timeline = try await service.get(
                "\(scene.wishlist.path)/histories/\(id)/events", token: scene.token)
            let told = Dictionary(
                uniqueKeysWithValues: (timeline.data?.elements ?? []).map { ($0["event_id"]?.string ?? "", $0) })
            for event in pushed {
                let same = try #require(told[event.eventID ?? "?"])
                #expect(same["type"]?.string == event.name)
                for member in ["revision", "status", "status_label", "progress", "stage", "message", "dataset_id"] {
                    #expect(same[member].map { Array($0.raw) } == event.data[member].map { Array($0.raw) }, "\(member)")
                }
                #expect(same["created_at"]?.string == event.data["updated_at"]?.string)
            }
            let one = try await service.get("\(scene.wishlist.path)/histories/\(id)", token: scene.token)
            #expect(one.data?["result"]?.kind == .object)
        }
    }

    @Test func othersHistoriesAreNotFound() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let other = try await service.wishlist(of: scene.wishlist.groupID)
            let history = try await service.history(of: other)
            let path = "\(scene.wishlist.path)/histories"
            for id in ["\(history.id)", "0", "x", "+1", "99999999999999999999"] {
                #expect(try await service.get("\(path)/\(id)", token: scene.token).status == 404)
                #expect(try await service.get("\(path)/\(id)/events", token: scene.token).status == 404)
            }
            let stranger = try await service.token(of: try await service.user())
            for path in [other.path + "/histories", "\(other.path)/histories/\(history.id)"] {
                let answer = try await service.get(path, token: stranger)
                #expect(answer.status == 404 && answer.code == "not_found")
            }
        }
    }
}
