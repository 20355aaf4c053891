import TestSupport
import Testing

@testable import Datasets
@testable import Delivery

/// What a queue leaves alone: datasets in flight, those being read, those that another instance delivers.
@Suite(.timeLimit(.minutes(5))) struct NotificationQueueLimitsTests {
    private let start = ContinuousClock.now

    private func entry(_ id: Int64 = 7, from: Int64, to: Int64, watermark: Int64 = 0) -> OutboxEntry {
        OutboxEntry(
            historyID: id, address: WishlistAddress(slug: "s", groupID: 1), from: from, to: to, watermark: watermark,
            notifications: (from..<to).map { notification(.datasetStarted, of: id, revision: $0 + 1) })
    }

    /// Or senders would be woken for nothing, again and again.
    @Test func whatIsInFlightIsNotReady() {
        var queue = NotificationQueue()
        queue.offer(entry(from: 0, to: 1), now: start)
        #expect(queue.take(maximum: 9).count == 1)
        queue.offer(entry(from: 1, to: 2), now: start)
        #expect(!queue.hasReady)
        queue.finish(7, delivered: 1, now: start)
        #expect(queue.hasReady)
    }

    /// The row must not be called delivered: what is read may be owed.
    @Test func whatIsBeingReadIsNotIdle() {
        var queue = NotificationQueue()
        queue.offer(entry(from: 0, to: 1), now: start)
        _ = queue.take(maximum: 9)
        queue.load(7)
        queue.finish(7, delivered: 1, now: start)
        #expect(queue.takeIdle(since: start, limit: 9).isEmpty)
        #expect(queue.takeLoads(limit: 9) == [7: 1])
    }

    @Test func aReleaseOfAnEarlierRevisionReleasesNothing() {
        var queue = NotificationQueue()
        queue.offer(entry(from: 0, to: 2), now: start)
        _ = queue.take(maximum: 9)
        queue.finish(7, delivered: 2, now: start)
        queue.released(7, at: 1)
        #expect(queue.delivered(7) == 2)
        queue.released(7, at: 2)
        #expect(queue.isEmpty)
    }

    /// Its request is on its way: what is read would overtake it.
    @Test func whatIsForgottenIsNotRead() {
        var queue = NotificationQueue()
        queue.offer(entry(from: 0, to: 1), now: start)
        _ = queue.take(maximum: 9)
        queue.forget(7)
        queue.load(7)
        #expect(queue.takeLoads(limit: 9).isEmpty)
    }

    @Test func onlySoManyAreToBeRead() {
        var queue = NotificationQueue(maximumDatasets: 2)
        for id in Int64(1)...5 { queue.load(id) }
        #expect(queue.takeLoads(limit: 9).count == 2)
    }
}

/// An instance's lease goes by its number.
@Suite(.timeLimit(.minutes(5))) struct LeaseNumberTests {
    /// A statement about an earlier lease may be answered late.
    @Test func theLossOfAnotherLeaseIsNone() {
        var lease = InstanceLease()
        lease.renewed(lease.number, from: .now)
        let number = lease.number
        lease.lost(number ^ 1)
        #expect(lease.holder == number)
    }
}
