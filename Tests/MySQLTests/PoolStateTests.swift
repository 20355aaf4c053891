import Testing

@testable import MySQL

@Suite struct PoolStateTests {
    private let start = ContinuousClock.now

    private func full() -> PoolState {
        var state = PoolState(maximum: 1, checkAfter: .seconds(30))
        #expect(state.request(waiter: 1, now: start) == .granted(.open))
        return state
    }

    @Test func opensUpToTheMaximumThenQueues() {
        var state = PoolState(maximum: 2, checkAfter: .seconds(30))
        #expect(state.request(waiter: 1, now: start) == .granted(.open))
        #expect(state.request(waiter: 2, now: start) == .granted(.open))
        #expect(state.request(waiter: 3, now: start) == .wait)
        #expect(state.request(waiter: 4, now: start) == .wait)
        #expect(state.giveBack(10, now: start) == .grant(waiter: 3, .use(connection: 10, needsCheck: false)))
        #expect(state.giveBack(11, now: start) == .grant(waiter: 4, .use(connection: 11, needsCheck: false)))
        #expect(state.leased == 2)
        #expect(state.giveBack(10, now: start) == .keepIdle)
        #expect(state.giveBack(11, now: start) == .keepIdle)
        #expect(state.leased == 0)
        // The last one used comes first.
        #expect(state.request(waiter: 5, now: start) == .granted(.use(connection: 11, needsCheck: false)))
        #expect(state.request(waiter: 6, now: start) == .granted(.use(connection: 10, needsCheck: false)))
        #expect(state.request(waiter: 7, now: start) == .wait)
    }

    @Test func checksWhatWasIdleForLong() {
        var state = full()
        #expect(state.giveBack(10, now: start) == .keepIdle)
        let early = start.advanced(by: .milliseconds(29_999))
        #expect(state.request(waiter: 2, now: early) == .granted(.use(connection: 10, needsCheck: false)))
        #expect(state.giveBack(10, now: start) == .keepIdle)
        let late = start.advanced(by: .seconds(30))
        #expect(state.request(waiter: 2, now: late) == .granted(.use(connection: 10, needsCheck: true)))
    }

    @Test func aBrokenConnectionMakesTheIdleOnesSuspect() {
        var state = PoolState(maximum: 2, checkAfter: .seconds(30))
        _ = state.request(waiter: 1, now: start)
        _ = state.request(waiter: 2, now: start)
        #expect(state.giveBack(10, now: start) == .keepIdle)
        #expect(state.abandon() == .nothing)
        #expect(state.leased == 0)
        #expect(state.request(waiter: 3, now: start) == .granted(.use(connection: 10, needsCheck: true)))
        #expect(state.request(waiter: 4, now: start) == .granted(.open))
    }

    @Test func aBrokenConnectionsSlotGoesToTheNext() {
        var state = full()
        #expect(state.request(waiter: 2, now: start) == .wait)
        #expect(state.abandon() == .grant(waiter: 2, .open))
        #expect(state.leased == 1)
    }

    @Test func whoGivesUpIsSkipped() {
        var state = full()
        #expect(state.request(waiter: 2, now: start) == .wait)
        #expect(state.request(waiter: 3, now: start) == .wait)
        #expect(state.cancel(waiter: 2) == true)
        #expect(state.cancel(waiter: 2) == false)
        #expect(state.cancel(waiter: 1) == false)
        #expect(state.giveBack(10, now: start) == .grant(waiter: 3, .use(connection: 10, needsCheck: false)))
        #expect(state.cancel(waiter: 3) == false)
    }

    @Test func shuttingDownRefusesAndDrains() {
        var state = PoolState(maximum: 3, checkAfter: .seconds(30))
        for waiter in 1...3 { _ = state.request(waiter: waiter, now: start) }
        #expect(state.request(waiter: 4, now: start) == .wait)
        #expect(state.cancel(waiter: 4) == true)
        #expect(state.giveBack(10, now: start) == .keepIdle)
        let idle = state.shutDown()
        #expect(idle.connections == [10])
        #expect(idle.waiters == [])
        #expect(state.request(waiter: 5, now: start) == .shutDown)
        #expect(state.giveBack(11, now: start) == .close(isLast: false))
        #expect(state.abandon() == .close(isLast: true))
        #expect(state.shutDown().connections == [])

        var busy = full()
        #expect(busy.request(waiter: 2, now: start) == .wait)
        #expect(busy.shutDown().waiters == [2])
    }
}
