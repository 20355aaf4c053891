import Datasets
import JSON
import MySQL
import Store
import TestSupport
import Testing

/// Rejected webhooks are found by what they are about (spec, section 4).
@Suite(.timeLimit(.minutes(5))) struct RejectedWebhookTests {
    @Test func whatIsRejectedIsListedWithItsDataset() async throws {
        try await ServiceUnderTest.with { service in
            let reference = "0190a1b2-0000-7000-8000-00000000000f"
            let sound = #""dataset_id":424242,"reference":"\#(reference)","sequence":7"#
            let five = TestWebhook(body: #"{"type":"dataset.progress","data":{\#(sound),"progress":"five"}}"#)
            let nan = TestWebhook(body: #"{"type":"dataset.completed","data":{\#(sound),"result":{"loss":NaN}}}"#)
            let other = TestWebhook(body: #"{"type":"dataset.progress","data":{"dataset_id":424243}}"#)
            for webhook in [five, nan, other, TestWebhook(body: "nothing")] {
                #expect(try await service.post(webhook).status == 422)
                #expect(try await service.post(webhook).status == 422)
            }
            let run = await service.command("events", "list", "--dataset", "424242", "--json")
            let listed = try #require(run.json?.elements)
            #expect(listed.map { $0["key"]?.string } == [nan.id, five.id])
            #expect(
                listed.map { $0["reason"]?.string } == [
                    "data.result.loss: NaN is not JSON", #"data.progress: must be a number from 0 to 100, not "five""#,
                ])
            #expect(listed.allSatisfy { $0["outcome"]?.string == "rejected" && $0["sequence"]?.int == 7 })
            let found = try await service.number(
                "SELECT COUNT(*) FROM wishlist_dataset_rejected WHERE reference = \(reference)")
            #expect(found == 2)
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_rejected") == 3)
        }
    }

    /// Also where the event is sound and contradicts what is known.
    @Test func contradictionsAreListedUnderWhatTheyName() async throws {
        try await ServiceUnderTest.with { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            let named = Fresh.number()
            let webhook = TestWebhook(.datasetProgress, dataset: named, sequence: 3, reference: history.reference)
            #expect(try await service.post(webhook).status == 422)
            let run = await service.command("events", "list", "--dataset", "\(named)", "--json")
            #expect(run.json?.elements.map { $0["key"]?.string } == [webhook.id])
        }
    }

    /// A replay finds what a later version understands, and forgets it here.
    @Test func whatIsReplayedIsRejectedNoLonger() async throws {
        try await ServiceUnderTest.with { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            let bad = TestWebhook(.datasetProgress, of: history, sequence: 2, more: #""progress": "x""#)
            #expect(try await service.post(bad).status == 422)
            let id = try #require(
                try await service.number("SELECT id FROM wishlist_dataset_events WHERE event_key = \(bad.id)"))
            _ = await service.command("events", "replay", "\(id)")
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_rejected") == 1)
            let good = TestWebhook(.datasetProgress, of: history, sequence: 2)
            try await service.execute("UPDATE wishlist_dataset_events SET body = \(good.body) WHERE id = \(id)")
            _ = await service.command("events", "replay", "\(id)")
            #expect(try await service.stored(history.id)?.sequence == 2)
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_rejected") == 0)
        }
    }
}
