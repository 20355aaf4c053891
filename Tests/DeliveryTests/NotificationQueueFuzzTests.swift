import Testing

@testable import Datasets
@testable import Delivery

/// Many random histories through the queue, against what a subscriber must see. A seed decides everything.
@Suite(.timeLimit(.minutes(10))) struct NotificationQueueFuzzTests {
    /// In order, nothing twice, nothing missing but overtaken progress.
    @Test(arguments: UInt64(1)...300)
    func subscribersSeeEverythingInOrder(seed: UInt64) {
        let model = finished(seed, isRough: false)
        for history in model.histories {
            #expect(zip(history.delivered, history.delivered.dropFirst()).allSatisfy { $0 < $1 })
        }
    }

    /// Nothing is missing when leases are lost and instances come and go.
    @Test(arguments: UInt64(1)...300)
    func nothingOwedIsLostWithALease(seed: UInt64) {
        _ = finished(seed, isRough: true)
    }

    private func finished(_ seed: UInt64, isRough: Bool) -> NotificationModel {
        var model = NotificationModel(seed: seed, isRough: isRough)
        model.run(steps: 400)
        model.finish()
        #expect(model.complaints == [])
        #expect(model.queue.isEmpty)
        #expect(model.queue.count == 0)
        for history in model.histories {
            #expect(history.delivery == DeliveryState(watermark: history.revision))
            #expect(history.lost == [])
        }
        return model
    }
}
