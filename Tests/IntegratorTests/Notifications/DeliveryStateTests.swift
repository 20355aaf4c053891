import Testing

@testable import Datasets
@testable import Delivery
@testable import Integrator

@Suite struct DeliveryStateTests {
    @Test func whoMakesAChangeDeliversIt() {
        var state = DeliveryState(watermark: 3)
        #expect(state.advance(from: 3, to: 5, wanted: true, delivered: 0, by: 7) == true)
        #expect(state == DeliveryState(watermark: 3, dispatcher: 7))
    }

    @Test func theNextChangeTakesTheWatermarkAlong() {
        var state = DeliveryState(watermark: 3, dispatcher: 7)
        #expect(state.advance(from: 5, to: 6, wanted: true, delivered: 4, by: 7) == true)
        #expect(state == DeliveryState(watermark: 4, dispatcher: 7))
        #expect(state.advance(from: 6, to: 7, wanted: false, delivered: 6, by: 7) == true)
        #expect(state == DeliveryState(watermark: 6, dispatcher: 7))
    }

    /// What is known in memory may be more than was so when the row was locked, or less than another has written.
    @Test func theWatermarkGoesNeitherBackNorBeyond() {
        var state = DeliveryState(watermark: 4, dispatcher: 7)
        #expect(state.advance(from: 5, to: 6, wanted: true, delivered: 2, by: 7) == true)
        #expect(state.watermark == 4)
        #expect(state.advance(from: 6, to: 7, wanted: true, delivered: 9, by: 7) == true)
        #expect(state.watermark == 6)
    }

    @Test func anotherLeavesItToWhoDelivers() {
        var state = DeliveryState(watermark: 3, dispatcher: 7)
        #expect(state.advance(from: 3, to: 4, wanted: true, delivered: 3, by: 8) == false)
        #expect(state.advance(from: 4, to: 5, wanted: false, delivered: 3, by: 8) == false)
        #expect(state == DeliveryState(watermark: 3, dispatcher: 7))
    }

    @Test func whatNobodyWantsIsDeliveredIfNothingElseIsOwed() {
        var state = DeliveryState(watermark: 3)
        #expect(state.advance(from: 3, to: 5, wanted: false, delivered: 0, by: 7) == false)
        #expect(state == DeliveryState(watermark: 5))
        // A program from before the leases owes something.
        #expect(state.advance(from: 6, to: 7, wanted: false, delivered: 0, by: 7) == true)
        #expect(state == DeliveryState(watermark: 5, dispatcher: 7))
    }
}

@Suite struct LeaseTests {
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
