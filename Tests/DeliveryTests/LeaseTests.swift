import Testing

@testable import Delivery

@Suite(.timeLimit(.minutes(10))) struct LeaseTests {
    private let start = ContinuousClock.now

    @Test func aLeaseIsHeldOnceItWasTaken() {
        var lease = InstanceLease()
        #expect(lease.holder == nil)
        #expect(!lease.allowsSending(at: start))
        lease.renewed(lease.number, from: start)
        #expect(lease.holder == lease.number)
        #expect(lease.allowsSending(at: start))
    }

    /// Or a request could be on its way while another instance sends what came after.
    @Test func nothingIsSentWhenOthersMayHaveRemovedIt() {
        var lease = InstanceLease()
        lease.renewed(lease.number, from: start)
        let last = start + InstanceLease.term - PusherPublisher.timeout
        #expect(!lease.allowsSending(at: last))
        #expect(lease.allowsSending(at: start + InstanceLease.renewal * 2))
        // It is still the holder: nobody may have noticed.
        #expect(lease.holder != nil)
    }

    @Test func aLostLeaseIsFollowedByAnother() {
        var lease = InstanceLease()
        let first = lease.number
        lease.renewed(first, from: start)
        lease.lost(first)
        #expect(lease.number != first)
        #expect(lease.holder == nil)
        #expect(!lease.allowsSending(at: start))
        // An answer that came late is about the first.
        lease.renewed(first, from: start)
        #expect(lease.holder == nil)
    }

    @Test func leasesAreWatchedByTheMonotonicClock() {
        var watch = LeaseWatch()
        let term = InstanceLease.term
        #expect(watch.stale([1: "a", 2: "a", 9: "a"], but: 9, at: start).isEmpty)
        #expect(watch.hasOthers)
        // The database's clock may go back, or stand still: only whether it is another time matters.
        #expect(watch.stale([1: "0", 2: "a", 9: "a"], but: 9, at: start + term / 2).isEmpty)
        let stale = watch.stale([1: "0", 2: "a", 9: "a"], but: 9, at: start + term)
        #expect(stale.map(\.instance) == [2] && stale.map(\.renewedAt) == ["a"])
        #expect(watch.stale([9: "a"], but: 9, at: start + term * 2).isEmpty)
        #expect(!watch.hasOthers)
        // One that comes back under the same time is new.
        #expect(watch.stale([2: "a"], but: 9, at: start + term * 3).isEmpty)
    }
}
