import Testing

@testable import Datasets

@Suite(.timeLimit(.minutes(10))) struct DeliveryStateTests {
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
