import TestSupport
import Testing

@testable import Datasets
@testable import Delivery

@Suite(.timeLimit(.minutes(10))) struct NotificationQueueTests {
    private let start = ContinuousClock.now

    private func entry(
        _ id: Int64 = 7, from: Int64, _ types: [DatasetEventType], latest: Int64? = nil, watermark: Int64 = 0,
        isFromLog: Bool = false
    ) -> OutboxEntry {
        OutboxEntry(
            historyID: id, address: WishlistAddress(slug: "s\(id)", groupID: 1), from: from,
            to: from + Int64(types.count), latest: latest, watermark: watermark,
            notifications: types.enumerated().map { index, type in
                notification(type, of: id, revision: from + Int64(index) + 1)
            }, isFromLog: isFromLog)
    }

    private func queue(_ entries: OutboxEntry...) -> NotificationQueue {
        var queue = NotificationQueue()
        for entry in entries { queue.offer(entry, now: start) }
        return queue
    }

    @Test func givesOutInOrder() throws {
        var queue = queue(
            entry(from: 0, [.datasetQueued, .datasetStarted]), entry(from: 2, [.datasetCompleted], watermark: 0))
        #expect(queue.delivered(7) == 0)
        let request = queue.take(maximum: 10)
        #expect(request.map(\.notification.revision) == [1, 2, 3])
        #expect(request.first?.address == WishlistAddress(slug: "s7", groupID: 1))
        #expect(queue.delivered(7) == 0)
        queue.finish(7, delivered: 3, now: start)
        #expect(queue.delivered(7) == 3)
        #expect(queue.count == 0)
        #expect(!queue.isEmpty)
        queue.released(7, at: 3)
        #expect(queue.isEmpty)
        #expect(queue.delivered(7) == 0)
    }

    @Test func atMostOneRequestForADataset() {
        var queue = queue(entry(from: 0, [.datasetQueued, .datasetStarted]), entry(8, from: 0, [.datasetQueued]))
        #expect(queue.revisions(1) == [1])
        #expect(queue.take(maximum: 10).map(\.notification.historyID) == [8])
        #expect(queue.take(maximum: 10).isEmpty)
        #expect(!queue.hasReady)
        queue.finish(7, delivered: 1, now: start)
        #expect(queue.delivered(7) == 1)
        #expect(queue.hasReady)
        #expect(queue.revisions() == [2])
    }

    @Test func overtakenProgressIsDropped() {
        var queue = queue(
            entry(from: 0, [.datasetProgress, .datasetQueued, .datasetProgress]),
            entry(from: 3, [.datasetProgress, .datasetCompleted]))
        #expect(queue.overtaken == 2)
        #expect(queue.count == 3)
        #expect(queue.delivered(7) == 1)
        #expect(queue.revisions() == [2, 4, 5])
        queue.finish(7, delivered: 3, now: start)
        #expect(queue.delivered(7) == 5)
    }

    @Test func whatGoesBackKeepsItsPlaceAndOvertakenProgressIsDropped() throws {
        var queue = queue(entry(from: 0, [.datasetStarted, .datasetProgress]))
        let taken = queue.take(maximum: 10).map(\.notification)
        queue.offer(entry(from: 2, [.datasetProgress]), now: start)
        queue.finish(7, delivered: 0, back: taken, now: start)
        #expect(queue.count == 2)
        #expect(queue.overtaken == 1)
        #expect(queue.delivered(7) == 0)
        #expect(queue.revisions() == [1, 3])
    }

    @Test func whatWasPartlySentGoesOnWhereItStopped() throws {
        var queue = queue(entry(from: 0, [.datasetQueued, .datasetStarted, .datasetCompleted]))
        let taken = queue.take(maximum: 10).map(\.notification)
        queue.finish(7, delivered: 1, back: Array(taken[1...]), now: start)
        #expect(queue.delivered(7) == 1)
        #expect(queue.revisions() == [2, 3])
    }

    @Test func whatIsToGoAloneGoesAlone() {
        var queue = queue(
            entry(from: 0, [.datasetQueued, .datasetStarted, .datasetCompleted]), entry(8, from: 0, [.datasetQueued]))
        var taken = queue.take(maximum: 3).map(\.notification)
        taken[1].isSentAlone = true
        queue.finish(7, delivered: 0, back: taken, now: start)
        #expect(queue.take(maximum: 10).map(\.notification.historyID) == [8, 7])
        queue.finish(7, delivered: 1, now: start)
        #expect(queue.revisions() == [2])
        queue.finish(7, delivered: 1, now: start)
        #expect(queue.revisions() == [3])
    }

    @Test func aGapIsReadFromTheLog() {
        // Another instance made the first change, and is gone.
        var queue = queue(entry(from: 1, [.datasetStarted]))
        #expect(queue.takeLoads(limit: 9) == [7: 0])
        #expect(queue.isEmpty)
        queue.offer(entry(from: 0, [.datasetQueued]), now: start)
        queue.offer(entry(from: 2, [.datasetCompleted]), now: start)
        #expect(queue.takeLoads(limit: 9) == [7: 1])
        // Until it has been read nothing is added.
        queue.offer(entry(from: 3, [.trainingStarted]), now: start)
        #expect(queue.count == 1)
        queue.offer(entry(from: 1, [.datasetStarted, .datasetCompleted], isFromLog: true), now: start)
        #expect(queue.revisions() == [1, 2, 3])
        // What came meanwhile is read when the rest has been delivered.
        #expect(queue.takeLoads(limit: 9).isEmpty)
        queue.finish(7, delivered: 3, now: start)
        #expect(queue.takeLoads(limit: 9) == [7: 3])
    }

    @Test func whatIsThereAlreadyIsNotAddedAgain() {
        var queue = queue(
            entry(from: 0, [.datasetQueued, .datasetStarted]),
            entry(from: 0, [.datasetQueued, .datasetStarted, .datasetCompleted], isFromLog: true))
        #expect(queue.revisions() == [1, 2, 3])
    }

    /// The queue may have forgotten, while the log was read, what it had when it asked for it.
    @Test func whatIsReadFromTheLogMayHaveAGap() {
        var queue = queue(entry(from: 2, [.datasetProgress, .datasetCompleted], isFromLog: true))
        #expect(queue.takeLoads(limit: 9) == [7: 0])
    }

    /// Or the log would be read for ever, always from where the other has delivered on.
    @Test func whatAnotherHasDeliveredIsNoGap() {
        var queue = queue(
            entry(from: 0, [.datasetQueued]), entry(from: 3, [.datasetCompleted], watermark: 3, isFromLog: true))
        #expect(queue.count == 1)
        #expect(queue.delivered(7) == 3)
        #expect(queue.revisions() == [4])
    }

    @Test func unwantedChangesAreDelivered() {
        var unwanted = entry(from: 0, [.datasetQueued, .datasetProgress, .datasetProgress])
        unwanted.notifications.removeLast(2)
        var queue = queue(unwanted)
        #expect(queue.revisions() == [1])
        queue.finish(7, delivered: 1, now: start)
        #expect(queue.delivered(7) == 3)
        unwanted = entry(8, from: 0, [.datasetProgress])
        unwanted.notifications = []
        queue.offer(unwanted, now: start)
        #expect(queue.delivered(8) == 1)
        #expect(queue.takeIdle(since: start, limit: 9).map(\.id) == [7, 8])
    }

    @Test func limits() {
        var queue = NotificationQueue(maximumDatasets: 1, maximumPerDataset: 2)
        queue.offer(entry(from: 0, [.datasetQueued, .datasetStarted, .datasetCompleted]), now: start)
        #expect(!queue.hasRoom)
        queue.offer(entry(8, from: 0, [.datasetQueued]), now: start)
        // It is left to whoever looks for it.
        #expect(queue.unknown([7, 8]) == [8])
        #expect(queue.revisions() == [1, 2])
        queue.finish(7, delivered: 2, now: start)
        #expect(queue.delivered(7) == 2)
        // The third is read from the log.
        #expect(queue.takeLoads(limit: 9) == [7: 2])
    }

    // MARK: - The rows

    @Test func whatIsQuietIsReleased() {
        var queue = queue(entry(from: 0, [.datasetQueued]), entry(8, from: 0, [.datasetQueued]))
        _ = queue.take(maximum: 10)
        queue.finish(7, delivered: 1, now: start)
        #expect(queue.takeIdle(since: start - .milliseconds(1), limit: 9).isEmpty)
        queue.finish(8, delivered: 1, now: start + .seconds(1))
        let idle = queue.takeIdle(since: start, limit: 9)
        #expect(idle.map(\.id) == [7] && idle.map(\.delivered) == [1])
        #expect(queue.takeIdle(since: start, limit: 9).isEmpty)
        queue.released(7, at: 1)
        #expect(queue.unknown([7, 8]) == [7])
    }

    /// The change has taken the watermark along.
    @Test func whatChangesIsNotQuiet() {
        var queue = queue(entry(from: 0, [.datasetQueued]))
        _ = queue.take(maximum: 10)
        queue.finish(7, delivered: 1, now: start)
        queue.offer(entry(from: 1, [.datasetQueued], watermark: 1), now: start + .seconds(1))
        #expect(queue.takeIdle(since: start + .seconds(9), limit: 9).isEmpty)
        _ = queue.take(maximum: 10)
        queue.finish(7, delivered: 1, now: start + .seconds(2))
        #expect(queue.takeIdle(since: start + .seconds(1), limit: 9).isEmpty)
        #expect(queue.takeIdle(since: start + .seconds(2), limit: 9).map(\.delivered) == [2])
    }

    @Test func whatCameWhileTheRowWasReleasedIsKept() {
        var queue = queue(entry(from: 0, [.datasetQueued]))
        _ = queue.take(maximum: 10)
        queue.finish(7, delivered: 1, now: start)
        _ = queue.takeIdle(since: start, limit: 9)
        queue.offer(entry(from: 1, [.datasetStarted], watermark: 1), now: start)
        queue.released(7, at: 1)
        #expect(queue.revisions() == [2])
    }

    @Test func aReleaseShowsWhatOthersAdded() {
        var queue = queue(entry(from: 0, [.datasetQueued]))
        _ = queue.take(maximum: 10)
        queue.finish(7, delivered: 1, now: start)
        _ = queue.takeIdle(since: start, limit: 9)
        queue.notReleased(7, revision: 3, now: start)
        #expect(queue.takeLoads(limit: 9) == [7: 1])
        #expect(queue.takeIdle(since: start, limit: 9).isEmpty)
        // One that could not be looked at is looked at again.
        queue.offer(entry(from: 1, [], latest: 1, watermark: 3, isFromLog: true), now: start)
        _ = queue.takeIdle(since: start, limit: 9)
        queue.notReleased(7, now: start + .seconds(1))
        #expect(queue.takeIdle(since: start + .seconds(1), limit: 9).map(\.delivered) == [3])
    }

    @Test func tooManyQuietOnesAreReleasedAtOnce() {
        var queue = NotificationQueue(maximumDatasets: 1)
        for id in Int64(1)...3 {
            queue.offer(entry(id, from: 0, [.datasetQueued]), now: start)
            _ = queue.take(maximum: 1)
            queue.finish(id, delivered: 1, now: start)
        }
        let before = start - .seconds(1)
        #expect(queue.takeIdle(since: before, limit: 2).map(\.id) == [1, 2])
        queue.released(1, at: 1)
        queue.released(2, at: 1)
        #expect(queue.takeIdle(since: before, limit: 2).isEmpty)
    }

    // MARK: - Leaving it to others

    @Test func forgetting() {
        var queue = queue(entry(from: 0, [.datasetQueued, .datasetStarted]))
        let taken = queue.take(maximum: 1).map(\.notification)
        queue.forget(7)
        #expect(queue.count == 1)
        // The end of this request must not be taken for that of another.
        let again = entry(from: 0, [.datasetQueued, .datasetStarted], isFromLog: true)
        queue.offer(again, now: start)
        #expect(!queue.hasReady)
        queue.finish(7, delivered: 0, back: taken, now: start)
        #expect(queue.isEmpty)
        #expect(queue.count == 0)
        queue.offer(again, now: start)
        #expect(queue.revisions() == [1, 2])
        queue.forgetAll()
        queue.finish(7, delivered: 2, now: start)
        #expect(queue.isEmpty)
        #expect(queue.count == 0)
        queue.finish(9, delivered: 0, now: start)
        #expect(queue.take(maximum: 10).isEmpty)
    }

    @Test func whatIsAskedForIsReadFromWhereTheQueueEnds() {
        var queue = queue(entry(from: 0, [.datasetQueued]))
        queue.load(7)
        queue.load(8)
        #expect(queue.unknown([7, 8, 9]) == [9])
        #expect(queue.takeLoads(limit: 9) == [7: 1, 8: 0])
        queue.load(8)
        queue.load(9)
        let taken = queue.takeLoads(limit: 1)
        #expect(taken.count == 1)
        #expect(queue.takeLoads(limit: 1).count == 1)
        queue.load(7)
        queue.forget(7)
        #expect(queue.isEmpty)
    }
}

extension NotificationQueue {
    /// The revisions in the next request.
    fileprivate mutating func revisions(_ maximum: Int = 10) -> [Int64] {
        take(maximum: maximum).map(\.notification.revision)
    }
}
