import JSON
import MySQL
import TestSupport
import Testing
import Time

@testable import Datasets
@testable import Lanes

@Suite(.timeLimit(.minutes(10))) struct LaneTests {
    private func webhook(_ bytes: Int = 2) -> Batch.PendingWebhook {
        let body = [UInt8](repeating: UInt8(ascii: " "), count: bytes)
        return Batch.PendingWebhook(webhook: IncomingWebhook(id: "\(Fresh.number())", body: body)) { _ in }
    }

    private func webhook(of dataset: Int64, since: ContinuousClock.Instant = .now) -> Batch.PendingWebhook {
        let body = #"{"type": "dataset.queued", "data": {"dataset_id": \#(dataset), "sequence": 1}}"#
        return Batch.PendingWebhook(
            webhook: IncomingWebhook(id: "\(Fresh.number())", body: Array(body.utf8)), since: since
        ) { _ in }
    }

    private func change(_ id: Int64, since: ContinuousClock.Instant = .now) -> Batch.OwnChange {
        Batch.OwnChange(
            historyID: id, since: since, event: DatasetEvent(type: .datasetStalled, datasetID: nil), key: ".\(id)",
            body: []
        ) { _ in }
    }

    @Test func webhooksBeyondTheCapacityAreNotTaken() async {
        let lane = Lane(capacity: 2)
        #expect(lane.submit(webhook()))
        #expect(lane.submit(webhook()))
        #expect(!lane.submit(webhook()))
        #expect(lane.depth == 2)
        _ = await lane.take(maximum: 1)
        #expect(lane.depth == 1)
        #expect(lane.submit(webhook()))
    }

    @Test func whatNobodyIsToWaitForIsTakenBeyondTheCapacity() async {
        let lane = Lane(capacity: 0)
        lane.unpark([4])
        let batch = await lane.take(maximum: 1)
        #expect(batch?.unparked == [4])
        #expect(lane.depth == 0)
    }

    @Test func aBatchHasAtMostSoManyWebhooksInTheirOrder() async {
        let lane = Lane()
        let ids = (0..<5).map { _ in
            let pending = webhook()
            #expect(lane.submit(pending))
            return pending.webhook.id
        }
        var taken: [[String]] = []
        for _ in 0..<3 { taken.append(await lane.take(maximum: 2)?.webhooks.map(\.webhook.id) ?? []) }
        #expect(taken == [Array(ids[0..<2]), Array(ids[2..<4]), Array(ids[4...])])
    }

    @Test func aBatchHasAtMostSoManyBytesButAlwaysOneWebhook() async {
        let lane = Lane()
        let megabyte = 1 << 20
        for size in [5 * megabyte, 3 * megabyte, megabyte, 1] { #expect(lane.submit(webhook(size))) }
        var counts: [Int] = []
        for _ in 0..<3 { counts.append(await lane.take(maximum: 256)?.webhooks.count ?? 0) }
        #expect(counts == [1, 2, 1])
        for _ in 0..<3 { #expect(lane.submit(webhook(1000))) }
        #expect(await lane.take(maximum: 256, maximumBytes: 2500)?.webhooks.count == 2)
        #expect(await lane.take(maximum: 256, maximumBytes: 1)?.webhooks.count == 1)
    }

    /// After an outage very many datasets may wait: no transaction takes them all, and none is forgotten.
    @Test func whatNobodyWaitsForIsTakenInBoundedPortions() async throws {
        let lane = Lane()
        let ids = Set(Int64(1)...2500)
        lane.unpark(ids)
        var unparked: [Int64] = []
        for _ in 0..<13 {
            let batch = try #require(await lane.take(maximum: 1))
            #expect(batch.unparked.count <= 200)
            unparked += batch.unparked
        }
        #expect(unparked.count == ids.count)
        #expect(Set(unparked) == ids)
        lane.close()
        #expect(await lane.take(maximum: 1) == nil)
    }

    @Test func putBackLosesNothing() async throws {
        let lane = Lane()
        lane.unpark([9])
        #expect(lane.submit(webhook()))
        let batch = try #require(await lane.take(maximum: 1))
        lane.putBack(batch)
        let again = try #require(await lane.take(maximum: 1))
        // Whoever sent the webhook has been told that it was not stored.
        #expect(again.webhooks.isEmpty)
        #expect(again.unparked == [9])
    }

    // MARK: - Histories that others have locked

    @Test(.timeLimit(.minutes(5))) func whatIsSetApartIsTriedAgainInItsOrder() async throws {
        let lane = Lane()
        let (first, second, third) = (webhook(of: 1), webhook(of: 1), webhook(of: 1))
        #expect(lane.submit(first) && lane.submit(second))
        let batch = try #require(await lane.take(maximum: 9))
        let start = ContinuousClock.now
        #expect(lane.setApart(batch).isEmpty)
        #expect(lane.depth == 2)
        // What comes meanwhile for the same dataset waits behind it; another's does not.
        let other = webhook(of: 2)
        #expect(lane.submit(third) && lane.submit(other))
        #expect(await lane.take(maximum: 9)?.webhooks.map(\.webhook.id) == [other.webhook.id])
        #expect(lane.depth == 3)
        let again = try #require(await lane.take(maximum: 9))
        #expect(again.webhooks.map(\.webhook.id) == [first, second, third].map(\.webhook.id))
        #expect(ContinuousClock.now - start >= Lane.retryDelay)
        #expect(lane.depth == 0)
    }

    @Test func whatHasWaitedLongEnoughIsGivenBack() {
        let lane = Lane()
        let now = ContinuousClock.now
        var batch = Batch()
        batch.webhooks = [webhook(of: 1, since: now - Lane.patience), webhook(of: 1, since: now)]
        batch.changes = [change(3, since: now - Lane.patience), change(3, since: now)]
        let late = lane.setApart(batch, now: now)
        #expect(late.webhooks.map(\.webhook.id) == [batch.webhooks[0].webhook.id])
        #expect(late.changes.count == 1)
        #expect(lane.depth == 1)
    }

    @Test(.timeLimit(.minutes(5))) func aClosedLaneStillTriesWhatIsSetApart() async throws {
        let lane = Lane()
        var batch = Batch()
        batch.changes = [change(3)]
        _ = lane.setApart(batch)
        lane.close()
        #expect(await lane.take(maximum: 1)?.changes.map(\.historyID) == [3])
        #expect(await lane.take(maximum: 1) == nil)
    }

    @Test func closedLaneGivesOutWhatItHas() async {
        let lane = Lane()
        #expect(lane.submit(webhook()))
        lane.close()
        #expect(lane.isClosed)
        #expect(!lane.submit(webhook()))
        lane.unpark([1])
        let batch = await lane.take(maximum: 5)
        #expect(batch?.webhooks.count == 1)
        #expect(batch?.unparked.isEmpty == true)
        #expect(await lane.take(maximum: 5) == nil)
    }

    @Test(.timeLimit(.minutes(5))) func theWriterIsWoken() async {
        for ending in [true, false] {
            let lane = Lane()
            async let batch = lane.take(maximum: 5)
            if ending { lane.close() } else { lane.unpark([1]) }
            #expect(await batch?.unparked == (ending ? nil : [1]))
        }
    }

    /// Many threads hand in, one writer takes: each webhook is in exactly one batch.
    @Test(.timeLimit(.minutes(5))) func nothingIsLostUnderLoad() async {
        let lane = Lane(capacity: 10_000)
        async let taken = {
            var taken: [String] = []
            while let batch = await lane.take(maximum: 7) { taken += batch.webhooks.map(\.webhook.id) }
            return taken
        }()
        let accepted = await withTaskGroup(of: [String].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<200).map { _ in self.webhook() }.filter { lane.submit($0) }.map(\.webhook.id)
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        lane.close()
        let ids = await taken
        #expect(ids.count == 1600)
        #expect(Set(ids) == Set(accepted))
    }
}

@Suite(.timeLimit(.minutes(10))) struct BatchTests {
    private func sample() -> Batch {
        var batch = Batch()
        for _ in 0..<5 {
            batch.webhooks.append(.init(webhook: IncomingWebhook(id: "\(Fresh.number())", body: [])) { _ in })
        }
        for id in Int64(1)...3 {
            batch.changes.append(
                .init(
                    historyID: id, event: DatasetEvent(type: .datasetStalled, datasetID: nil), key: ".\(id)", body: []
                ) {
                    _ in
                })
            batch.unparked.insert(id)
        }
        return batch
    }

    /// All parts of a batch, down to those that cannot be divided.
    private func parts(_ batch: Batch) -> [Batch] {
        let (first, second) = batch.halves()
        return second.isEmpty ? [batch] : parts(first) + parts(second)
    }

    @Test func halvingEndsWithEachPieceOfWorkAlone() {
        let batch = sample()
        let parts = parts(batch)
        #expect(parts.allSatisfy { $0.count == 1 })
        #expect(parts.flatMap { $0.webhooks.map(\.webhook.id) } == batch.webhooks.map(\.webhook.id))
        #expect(parts.flatMap { $0.changes.map(\.historyID) } == [1, 2, 3])
        #expect(parts.flatMap(\.unparked).sorted() == [1, 2, 3])
    }
}
