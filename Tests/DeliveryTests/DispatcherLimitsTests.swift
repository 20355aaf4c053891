import TestSupport
import Testing

@testable import Datasets
@testable import Delivery

/// When a dispatcher gives senders nothing. One that is draining says so at once.
@Suite(.timeLimit(.minutes(5))) struct DispatcherLimitsTests {
    /// With a lease taken so long ago, and notifications of so many datasets.
    private func dispatcher(datasets: Int64, leaseSince age: Duration = .zero) -> Dispatcher {
        let dispatcher = Dispatcher()
        dispatcher.withLease { $0.renewed($0.number, from: .now - age) }
        let entries = (1...datasets).map { id in
            OutboxEntry(
                historyID: id, address: WishlistAddress(slug: "s", groupID: 1), from: 0, to: 1, watermark: 0,
                notifications: [notification(.datasetStarted, of: id, revision: 1)])
        }
        dispatcher.take(entries, for: dispatcher.number)
        return dispatcher
    }

    /// The ids of the next request's histories; nil: there is none.
    private func next(_ dispatcher: Dispatcher, maximum: Int = 1) async -> [Int64]? {
        guard case .send(let notifications) = await dispatcher.next(maximum: maximum) else { return nil }
        return notifications.map(\.notification.historyID)
    }

    @Test func nothingIsSentUnderALeaseThatMayBeOver() async {
        let fresh = dispatcher(datasets: 1)
        fresh.drain()
        #expect(await next(fresh) == [1])
        let old = dispatcher(datasets: 1, leaseSince: InstanceLease.term - .seconds(1))
        old.drain()
        #expect(await next(old) == nil)
    }

    /// While Pusher fails one waits, and then one tries.
    @Test func oneFindsOutWhetherPusherStillFails() async {
        let dispatcher = dispatcher(datasets: 3)
        dispatcher.drain()
        #expect(await next(dispatcher) == [1])
        var failed = Dispatcher.Outcome(historyID: 1)
        failed.back = [notification(.datasetStarted, of: 1, revision: 1)]
        #expect(dispatcher.finish([failed], pause: .failing) == 1)
        #expect(await next(dispatcher) == nil)
        dispatcher.resume()
        #expect(await next(dispatcher) == [2])
        #expect(await next(dispatcher) == nil)
        var sent = Dispatcher.Outcome(historyID: 2)
        sent.delivered = 1
        #expect(dispatcher.finish([sent], pause: nil) == 0)
        #expect(await next(dispatcher) == [3])
    }

    /// What is on its way may come back.
    @Test func aDrainedDispatcherWaitsForWhatIsOnItsWay() async {
        let dispatcher = dispatcher(datasets: 1)
        #expect(await next(dispatcher) == [1])
        dispatcher.drain()
        async let again = next(dispatcher)
        var back = Dispatcher.Outcome(historyID: 1)
        back.back = [notification(.datasetStarted, of: 1, revision: 1)]
        try? await Task.sleep(for: .milliseconds(300))
        _ = dispatcher.finish([back], pause: nil)
        #expect(await again == [1])
    }
}
