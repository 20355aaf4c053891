import TestSupport
import Testing

@testable import Datasets
@testable import Lanes

/// The bounds of a lane. What fails here fails: a lane that gives nothing is closed after a while.
@Suite(.timeLimit(.minutes(5))) struct LaneLimitsTests {
    private func webhook(of dataset: Int64 = 1, bytes: Int = 0) -> Batch.PendingWebhook {
        let body = #"{"type": "dataset.queued", "data": {"dataset_id": \#(dataset), "sequence": 1}}"#
        return Batch.PendingWebhook(
            webhook: IncomingWebhook(
                id: "\(Fresh.number())", body: Array((body + String(repeating: " ", count: bytes)).utf8))
        ) { _ in }
    }

    /// What can be taken now; nil: nothing for two seconds.
    private func take(_ lane: Lane, maximum: Int = 9, maximumBytes: Int = .max) async -> Batch? {
        let closing = Task {
            try await Task.sleep(for: .seconds(2))
            lane.close()
        }
        defer { closing.cancel() }
        return await lane.take(maximum: maximum, maximumBytes: maximumBytes)
    }

    @Test func whatIsSetApartCountsToo() async throws {
        let lane = Lane(capacity: 2)
        #expect(lane.submit(webhook()) && lane.submit(webhook()))
        let batch = try #require(await take(lane))
        #expect(lane.setApart(batch).isEmpty)
        #expect(!lane.submit(webhook(of: 2)))
    }

    @Test func whatWaitsForALockIsNotTriedAtOnce() async throws {
        let lane = Lane()
        #expect(lane.submit(webhook()))
        let batch = try #require(await take(lane))
        #expect(lane.setApart(batch, now: .now + .seconds(1)).isEmpty)
        #expect(lane.submit(webhook(of: 2)))
        #expect(await take(lane)?.webhooks.map(\.webhook.datasetID) == [2])
        #expect(lane.depth == 1)
    }

    @Test func whatIsPutBackIsTakenAgain() async {
        let lane = Lane()
        lane.unpark([4])
        let batch = await take(lane)
        #expect(batch?.unparked == [4])
        lane.putBack(batch ?? Batch())
        #expect(await take(lane)?.unparked == [4])
    }

    @Test func bytesAreBounded() async {
        let lane = Lane()
        for _ in 0..<4 { #expect(lane.submit(webhook(bytes: 1000))) }
        #expect(await take(lane, maximumBytes: 2500)?.webhooks.count == 2)
        // One alone is always taken.
        #expect(await take(lane, maximumBytes: 1)?.webhooks.count == 1)
    }

    @Test func soManyDatasetsAreLookedUpAtOnce() async {
        let lane = Lane()
        lane.unpark(Array(1...450))
        var counts: [Int] = []
        for _ in 0..<3 { counts.append(await take(lane)?.unparked.count ?? 0) }
        #expect(counts == [200, 200, 50])
    }
}
