@testable import Datasets
@testable import Lanes
import Time
import MySQL
import Testing

@testable import Integrator

@Suite struct LaneTests {
    private func webhook(_ bytes: Int = 2) -> Batch.PendingWebhook {
        let body = [UInt8](repeating: UInt8(ascii: " "), count: bytes)
        return Batch.PendingWebhook(webhook: IncomingWebhook(id: "\(Fresh.number())", body: body)) { _ in }
    }

    private func settlement(
        _ id: Int64, upTo: Int64, oldest: Int64? = nil, dead: [Int64] = []
    ) -> Settlement {
        Settlement(
            historyID: id, laneKey: id, upTo: upTo, covered: upTo + 1, oldest: oldest.map { Timestamp(seconds: $0) },
            deadLetters: dead.map { .init(revision: $0, reason: "no") })
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
        lane.submit(settlement(1, upTo: 1))
        lane.recover(2, after: 3)
        lane.unpark([4])
        let batch = await lane.take(maximum: 1)
        #expect(batch?.settlements.count == 1)
        #expect(batch?.recoveries == [2: 3])
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
    }

    @Test func settlementsOfOneHistoryAreMerged() async throws {
        let lane = Lane()
        lane.submit(settlement(1, upTo: 2, oldest: 5, dead: [1]))
        lane.submit(settlement(2, upTo: 7))
        lane.submit(settlement(1, upTo: 4, dead: [4]))
        let batch = try #require(await lane.take(maximum: 1))
        #expect(batch.settlements.map(\.historyID) == [1, 2])
        #expect(batch.settlements[0].upTo == 4)
        #expect(batch.settlements[0].covered == 5)
        #expect(batch.settlements[0].oldest == nil)
        #expect(batch.settlements[0].deadLetters.map(\.revision) == [1, 4])
        // The places begin anew with each batch.
        lane.submit(settlement(2, upTo: 9))
        #expect(await lane.take(maximum: 1)?.settlements.map(\.upTo) == [9])
    }

    /// A transaction, and a flush of the disk, is spared if something urgent comes meanwhile.
    @Test func settlementsWaitAMomentForCompany() async throws {
        let lane = Lane()
        let start = ContinuousClock.now
        lane.submit(settlement(1, upTo: 2))
        let alone = try #require(await lane.take(maximum: 1))
        #expect(alone.settlements.count == 1)
        #expect(ContinuousClock.now - start >= Lane.settlementDelay)
        async let next = lane.take(maximum: 1)
        lane.submit(settlement(1, upTo: 3))
        #expect(lane.submit(webhook()))
        let together = try #require(await next)
        #expect(together.settlements.count == 1 && together.webhooks.count == 1)
    }

    /// A settlement may come at the moment at which the writer begins to wait: it must hear of it.
    @Test(.timeLimit(.minutes(1))) func noSettlementIsOverheard() async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<400 {
                group.addTask {
                    let lane = Lane()
                    for round in 1...10 {
                        async let batch = lane.take(maximum: 1)
                        for _ in 0..<Int.random(in: 0..<4) { await Task.yield() }
                        lane.submit(settlement(1, upTo: Int64(round)))
                        #expect(await batch?.settlements.map(\.upTo) == [Int64(round)])
                    }
                }
            }
        }
    }

    /// After an outage very many histories may wait: no transaction takes them all, and none is forgotten.
    @Test func whatNobodyWaitsForIsTakenInBoundedPortions() async throws {
        let lane = Lane()
        let ids = Set(Int64(1)...2500)
        for id in ids.sorted() {
            lane.submit(settlement(id, upTo: 1))
            lane.recover(id, after: id)
        }
        lane.unpark(ids)
        var settled: [Int64] = []
        var recovered: [Int64: Int64?] = [:]
        var unparked: [Int64] = []
        for turn in 0..<13 {
            let batch = try #require(await lane.take(maximum: 1))
            #expect(batch.settlements.count <= 1000)
            #expect(batch.recoveries.count <= 200)
            #expect(batch.unparked.count <= 200)
            settled += batch.settlements.map(\.historyID)
            recovered.merge(batch.recoveries) { _, _ in
                Issue.record("twice")
                return nil
            }
            unparked += batch.unparked
            // One that was left meets a later settlement of its history.
            if turn == 0 { lane.submit(settlement(2500, upTo: 7)) }
            if turn == 2 { #expect(batch.settlements.last?.upTo == 7) }
        }
        #expect(settled == ids.sorted())
        #expect(Set(recovered.keys) == ids)
        #expect(recovered.allSatisfy { $0.key == $0.value })
        #expect(unparked.count == ids.count)
        #expect(Set(unparked) == ids)
        lane.close()
        #expect(await lane.take(maximum: 1) == nil)
    }

    @Test func putBackLosesNothing() async throws {
        let lane = Lane()
        lane.submit(settlement(1, upTo: 4, oldest: 5, dead: [3]))
        lane.submit(settlement(2, upTo: 1))
        lane.recover(7, after: 1)
        lane.unpark([9])
        #expect(lane.submit(webhook()))
        let batch = try #require(await lane.take(maximum: 1))
        lane.submit(settlement(1, upTo: 6, dead: [6]))
        lane.recover(7, after: 5)
        lane.putBack(batch)
        let again = try #require(await lane.take(maximum: 1))
        // Whoever sent the webhook has been told that it was not stored.
        #expect(again.webhooks.isEmpty)
        let merged = try #require(again.settlements.first { $0.historyID == 1 })
        #expect(merged.upTo == 6)
        #expect(merged.oldest == nil)
        #expect(merged.deadLetters.map(\.revision) == [3, 6])
        #expect(again.settlements.contains { $0.historyID == 2 && $0.upTo == 1 })
        #expect(again.recoveries == [7: 5])
        #expect(again.unparked == [9])
    }

    @Test func closedLaneGivesOutWhatItHas() async {
        let lane = Lane()
        #expect(lane.submit(webhook()))
        lane.close()
        #expect(lane.isClosed)
        #expect(!lane.submit(webhook()))
        lane.submit(settlement(1, upTo: 1))
        let batch = await lane.take(maximum: 5)
        #expect(batch?.webhooks.count == 1)
        #expect(batch?.settlements.isEmpty == true)
        #expect(await lane.take(maximum: 5) == nil)
    }

    @Test(.timeLimit(.minutes(1))) func theWriterIsWoken() async {
        for ending in [true, false] {
            let lane = Lane()
            async let batch = lane.take(maximum: 5)
            if ending { lane.close() } else { lane.unpark([1]) }
            #expect(await batch?.unparked == (ending ? nil : [1]))
        }
    }

    /// Many threads hand in, one writer takes: each webhook is in exactly one batch.
    @Test(.timeLimit(.minutes(1))) func nothingIsLostUnderLoad() async {
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

@Suite struct BatchTests {
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
            batch.settlements.append(Settlement(historyID: id, laneKey: id, upTo: 1, covered: 1))
            batch.recoveries[id] = .some(nil)
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
        #expect(parts.flatMap { $0.settlements.map(\.historyID) } == [1, 2, 3])
        #expect(Set(parts.flatMap(\.recoveries.keys)) == [1, 2, 3])
        #expect(parts.flatMap(\.unparked).sorted() == [1, 2, 3])
    }
}

@Suite struct BackoffTests {
    /// Always the highest number, so that the ceiling shows.
    private struct Highest: RandomNumberGenerator {
        mutating func next() -> UInt64 { .max }
    }

    @Test func ceilingDoublesUpToTheCap() {
        let backoff = Backoff(base: .milliseconds(100), cap: .seconds(1))
        var highest = Highest()
        let ceilings = [-1, 0, 1, 2, 3, 4, 5, 40, Int.max].map { attempt in
            Int((backoff.delay(afterAttempt: attempt, using: &highest) / .milliseconds(1)).rounded())
        }
        #expect(ceilings == [100, 100, 100, 200, 400, 800, 1000, 1000, 1000])
    }

    @Test func jitterIsFull() {
        let backoff = Backoff(base: .milliseconds(100), cap: .seconds(1))
        let delays = (0..<200).map { _ in backoff.delay(afterAttempt: 1) }
        #expect(delays.allSatisfy { (.zero ... .milliseconds(100)).contains($0) })
        #expect(delays.contains { $0 < .milliseconds(50) })
        #expect(delays.contains { $0 > .milliseconds(50) })
    }
}
