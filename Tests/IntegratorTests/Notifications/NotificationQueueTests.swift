@testable import Datasets
@testable import Delivery
import Time
import MySQL
import Testing

@testable import Integrator

@Suite struct NotificationQueueTests {
    private let start = ContinuousClock.now
    private var until: ContinuousClock.Instant { start + .seconds(25) }

    private func handoff(
        _ id: Int64 = 7, from: Int64, _ types: [DatasetEventType], notified: Int64 = 0, isRecovered: Bool = false
    ) -> Handoff {
        Handoff(
            historyID: id, laneKey: id * 10, address: WishlistAddress(slug: "s\(id)", groupID: 1), from: from,
            to: from + Int64(types.count), notified: notified,
            notifications: types.enumerated().map { index, type in
                notification(type, of: id, revision: from + Int64(index) + 1)
            }, isRecovered: isRecovered)
    }

    private func revisions(_ parcel: NotificationQueue.Parcel) -> [Int64] {
        parcel.notifications.map(\.notification.revision)
    }

    @Test func givesOutInOrder() throws {
        var queue = NotificationQueue()
        #expect(queue.told(handoff(from: 0, [.datasetQueued, .datasetStarted]), claimedUntil: until) == "accepted")
        #expect(queue.told(handoff(from: 2, [.datasetCompleted]), claimedUntil: until) == "accepted")
        let parcel = queue.take(maximum: 10, now: start)
        #expect(revisions(parcel) == [1, 2, 3])
        #expect(parcel.notifications.first?.address == WishlistAddress(slug: "s7", groupID: 1))
        let finished = queue.finish(7, taken: 3)
        let settlement = try #require(finished)
        #expect(settlement.upTo == 3)
        #expect(settlement.covered == 3)
        #expect(settlement.laneKey == 70)
        #expect(settlement.oldest == nil)
        #expect(queue.settled(7, owed: false, revision: 3, claimedUntil: until) == nil)
        #expect(queue.isEmpty)
        #expect(queue.count == 0)
    }

    @Test func atMostOneRequestForADataset() {
        var queue = NotificationQueue()
        _ = queue.offer(handoff(from: 0, [.datasetQueued, .datasetStarted]), claimedUntil: until)
        _ = queue.offer(handoff(8, from: 0, [.datasetQueued]), claimedUntil: until)
        #expect(revisions(queue.take(maximum: 1, now: start)) == [1])
        #expect(queue.take(maximum: 10, now: start).notifications.map(\.notification.historyID) == [8])
        #expect(queue.take(maximum: 10, now: start).notifications.isEmpty)
        #expect(!queue.hasReady)
        let settlement = queue.finish(7, taken: 1)
        #expect(settlement?.upTo == 1)
        #expect(settlement?.oldest == Timestamp(seconds: 2))
        #expect(queue.hasReady)
        #expect(revisions(queue.take(maximum: 10, now: start)) == [2])
    }

    @Test func overtakenProgressIsDropped() {
        var queue = NotificationQueue()
        let types: [DatasetEventType] = [.datasetProgress, .datasetQueued, .datasetProgress]
        _ = queue.offer(handoff(from: 0, types), claimedUntil: until)
        _ = queue.offer(handoff(from: 3, [.datasetProgress, .datasetCompleted]), claimedUntil: until)
        #expect(queue.overtaken == 2)
        #expect(queue.count == 3)
        #expect(revisions(queue.take(maximum: 10, now: start)) == [2, 4, 5])
        let settlement = queue.finish(7, taken: 3)
        #expect(settlement?.upTo == 5)
    }

    @Test func putBackKeepsTheOrderAndDropsOvertakenProgress() throws {
        var queue = NotificationQueue()
        _ = queue.offer(handoff(from: 0, [.datasetStarted, .datasetProgress]), claimedUntil: until)
        let taken = queue.take(maximum: 10, now: start).notifications.map(\.notification)
        _ = queue.offer(handoff(from: 2, [.datasetProgress]), claimedUntil: until)
        queue.putBack(7, taken)
        #expect(queue.count == 2)
        #expect(queue.overtaken == 1)
        #expect(revisions(queue.take(maximum: 10, now: start)) == [1, 3])
    }

    @Test func whatWasPartlySentGoesOnWhereItStopped() throws {
        var queue = NotificationQueue()
        _ = queue.offer(handoff(from: 0, [.datasetQueued, .datasetStarted, .datasetCompleted]), claimedUntil: until)
        let taken = queue.take(maximum: 10, now: start).notifications.map(\.notification)
        queue.putBack(7, Array(taken[1...]))
        let finished = queue.finish(7, taken: 1)
        let settlement = try #require(finished)
        #expect(settlement.upTo == 1)
        #expect(settlement.covered == 3)
        #expect(revisions(queue.take(maximum: 10, now: start)) == [2, 3])
    }

    @Test func whatIsToGoAloneGoesAlone() {
        var queue = NotificationQueue()
        _ = queue.offer(handoff(from: 0, [.datasetQueued, .datasetStarted, .datasetCompleted]), claimedUntil: until)
        _ = queue.offer(handoff(8, from: 0, [.datasetQueued]), claimedUntil: until)
        var taken = queue.take(maximum: 3, now: start).notifications.map(\.notification)
        taken[1].alone = true
        queue.putBack(7, taken)
        #expect(queue.take(maximum: 10, now: start).notifications.map(\.notification.historyID) == [8, 7])
        _ = queue.finish(7, taken: 1)
        #expect(revisions(queue.take(maximum: 10, now: start)) == [2])
        _ = queue.finish(7, taken: 1)
        #expect(revisions(queue.take(maximum: 10, now: start)) == [3])
    }

    @Test func aClaimThatRanOutLeavesMemory() {
        var queue = NotificationQueue()
        _ = queue.offer(handoff(from: 0, [.datasetQueued]), claimedUntil: until)
        let parcel = queue.take(maximum: 10, now: until)
        #expect(parcel.notifications.isEmpty)
        #expect(parcel.expired.map(\.historyID) == [7])
        #expect(parcel.expired.map(\.laneKey) == [70])
        #expect(queue.isEmpty)
        #expect(queue.count == 0)
    }

    @Test func aGapIsReadFromTheLog() {
        var queue = NotificationQueue()
        // Another instance made the first change, and its claim has run out.
        #expect(queue.told(handoff(from: 1, [.datasetStarted]), claimedUntil: until) == "load after 0")
        #expect(queue.isEmpty)
        _ = queue.offer(handoff(from: 0, [.datasetQueued]), claimedUntil: until)
        #expect(queue.told(handoff(from: 2, [.datasetCompleted]), claimedUntil: until) == "load after 1")
        // Until it has been read nothing is added.
        #expect(queue.told(handoff(from: 3, [.trainingStarted]), claimedUntil: until) == "left")
        let recovered = handoff(
            from: 1, [.datasetStarted, .datasetCompleted, .trainingStarted], isRecovered: true)
        #expect(queue.told(recovered, claimedUntil: until) == "accepted")
        #expect(revisions(queue.take(maximum: 10, now: start)) == [1, 2, 3, 4])
    }

    @Test func whatIsThereAlreadyIsNotAddedAgain() {
        var queue = NotificationQueue()
        _ = queue.offer(handoff(from: 0, [.datasetQueued, .datasetStarted]), claimedUntil: until)
        let again = handoff(from: 0, [.datasetQueued, .datasetStarted, .datasetCompleted], isRecovered: true)
        #expect(queue.told(again, claimedUntil: until) == "accepted")
        #expect(revisions(queue.take(maximum: 10, now: start)) == [1, 2, 3])
    }

    @Test func aSettlementShowsWhatOthersAdded() {
        var queue = NotificationQueue()
        _ = queue.offer(handoff(from: 0, [.datasetQueued]), claimedUntil: until)
        _ = queue.take(maximum: 10, now: start)
        _ = queue.finish(7, taken: 1)
        #expect(queue.settled(7, owed: true, revision: 3, claimedUntil: until) == 1)
        // It is being read; once is enough.
        #expect(queue.settled(7, owed: true, revision: 4, claimedUntil: until) == nil)
        #expect(!queue.isEmpty)
    }

    /// The claim ran out while the log was read, and what waited left memory.
    @Test func whatIsReadFromTheLogMayHaveAGapMeanwhile() {
        var queue = NotificationQueue()
        _ = queue.offer(handoff(from: 0, [.datasetQueued, .datasetStarted]), claimedUntil: until)
        #expect(queue.told(handoff(from: 3, [.datasetCompleted]), claimedUntil: until) == "load after 2")
        #expect(queue.take(maximum: 10, now: until).expired.count == 1)
        let recovered = handoff(from: 2, [.datasetProgress, .datasetCompleted], isRecovered: true)
        #expect(queue.told(recovered, claimedUntil: until) == "load after 0")
    }

    /// Or the log would be read for ever, always from where the other has settled on.
    @Test func whatAnotherHasSettledIsNoGap() {
        var queue = NotificationQueue()
        _ = queue.offer(handoff(from: 0, [.datasetQueued]), claimedUntil: until)
        let later = handoff(from: 3, [.datasetCompleted], notified: 3, isRecovered: true)
        #expect(queue.told(later, claimedUntil: until) == "accepted")
        #expect(queue.count == 1)
        #expect(revisions(queue.take(maximum: 10, now: start)) == [4])
    }

    /// Nobody would ever take it out of the queue.
    @Test func whatIsSettledAlreadyIsNotKept() {
        var queue = NotificationQueue()
        #expect(queue.told(handoff(from: 3, [], notified: 3, isRecovered: true), claimedUntil: until) == "accepted")
        #expect(queue.isEmpty)
    }

    @Test func unwantedChangesAreCovered() throws {
        var queue = NotificationQueue()
        var handoff = handoff(from: 0, [.datasetQueued, .datasetProgress, .datasetProgress])
        handoff.notifications.removeLast(2)
        _ = queue.offer(handoff, claimedUntil: until)
        _ = queue.take(maximum: 10, now: start)
        let settlement = queue.finish(7, taken: 1)
        #expect(settlement?.upTo == 3)
    }

    /// Nobody would ever report that it has been sent.
    @Test func whatNobodyWantsIsSettledAtOnce() {
        var queue = NotificationQueue()
        var unwanted = handoff(from: 0, [.datasetProgress, .datasetProgress])
        unwanted.notifications = []
        #expect(queue.told(unwanted, claimedUntil: until) == "settle up to 2")
        // Not while something is on its way: that will report.
        _ = queue.offer(handoff(8, from: 0, [.datasetQueued]), claimedUntil: until)
        _ = queue.take(maximum: 10, now: start)
        unwanted = handoff(8, from: 1, [.datasetProgress])
        unwanted.notifications = []
        #expect(queue.told(unwanted, claimedUntil: until) == "accepted")
    }

    @Test func limits() throws {
        var queue = NotificationQueue(maximumDatasets: 1, maximumPerDataset: 2)
        let types: [DatasetEventType] = [.datasetQueued, .datasetStarted, .datasetCompleted]
        #expect(queue.told(handoff(from: 0, types), claimedUntil: until) == "accepted")
        #expect(queue.told(handoff(8, from: 0, [.datasetQueued]), claimedUntil: until) == "left")
        #expect(revisions(queue.take(maximum: 10, now: start)) == [1, 2])
        let finished = queue.finish(7, taken: 2)
        let settlement = try #require(finished)
        #expect(settlement.upTo == 2)
        // The third is found again by the settlement.
        #expect(queue.settled(7, owed: true, revision: 3, claimedUntil: until) == 2)
    }

    @Test func forgetting() {
        var queue = NotificationQueue()
        _ = queue.offer(handoff(from: 0, [.datasetQueued, .datasetStarted]), claimedUntil: until)
        let taken = queue.take(maximum: 1, now: start).notifications.map(\.notification)
        queue.forget(7)
        #expect(queue.count == 1)
        // The end of this request must not be taken for that of another.
        let again = handoff(from: 0, [.datasetQueued, .datasetStarted], isRecovered: true)
        #expect(queue.told(again, claimedUntil: until) == "left")
        queue.putBack(7, taken)
        #expect(queue.isEmpty)
        #expect(queue.count == 0)
        #expect(queue.told(again, claimedUntil: until) == "accepted")
        #expect(revisions(queue.take(maximum: 10, now: start)) == [1, 2])
        queue.forget(7)
        let ended = queue.finish(7, taken: 2)
        #expect(ended == nil)
        #expect(queue.isEmpty)
        let nothing = queue.finish(9, taken: 0)
        #expect(nothing == nil)
        #expect(queue.take(maximum: 10, now: start).notifications.isEmpty)
    }
}

extension NotificationQueue {
    /// `offer`, in words.
    fileprivate mutating func told(_ handoff: Handoff, claimedUntil: ContinuousClock.Instant) -> String {
        switch offer(handoff, claimedUntil: claimedUntil) {
        case .accepted: "accepted"
        case .load(let after): "load after \(after)"
        case .settle(let settlement): "settle up to \(settlement.upTo)"
        case .left: "left"
        }
    }
}
