import Testing

@testable import MySQL

@Suite(.timeLimit(.minutes(10))) struct PoolStateTests {
    private let start = ContinuousClock.now

    private func full() -> PoolState {
        var state = PoolState(maximum: 1, idleLimit: .seconds(30))
        #expect(state.request(waiter: 1, now: start) == .granted(.open))
        return state
    }

    @Test func opensUpToTheMaximumThenQueues() {
        var state = PoolState(maximum: 2, idleLimit: .seconds(30))
        #expect(state.request(waiter: 1, now: start) == .granted(.open))
        #expect(state.request(waiter: 2, now: start) == .granted(.open))
        #expect(state.request(waiter: 3, now: start) == .wait)
        #expect(state.request(waiter: 4, now: start) == .wait)
        #expect(state.giveBack(10, now: start) == .grant(waiter: 3, .use(connection: 10, wasIdle: false)))
        #expect(state.giveBack(11, now: start) == .grant(waiter: 4, .use(connection: 11, wasIdle: false)))
        #expect(state.leased == 2)
        #expect(state.giveBack(10, now: start) == .keepIdle)
        #expect(state.giveBack(11, now: start) == .keepIdle)
        #expect(state.leased == 0)
        // The last one used comes first.
        #expect(state.request(waiter: 5, now: start) == .granted(.use(connection: 11, wasIdle: true)))
        #expect(state.request(waiter: 6, now: start) == .granted(.use(connection: 10, wasIdle: true)))
        #expect(state.request(waiter: 7, now: start) == .wait)
    }

    @Test func closesWhatWasIdleForLong() {
        var state = PoolState(maximum: 2, idleLimit: .seconds(30))
        #expect(state.nextExpiry == nil)
        _ = state.request(waiter: 1, now: start)
        _ = state.request(waiter: 2, now: start)
        #expect(state.giveBack(10, now: start) == .keepIdle)
        #expect(state.giveBack(11, now: start.advanced(by: .seconds(1))) == .keepIdle)
        #expect(state.nextExpiry == start.advanced(by: .seconds(30)))
        #expect(state.expire(now: start.advanced(by: .milliseconds(29_999))) == [])
        #expect(state.expire(now: start.advanced(by: .seconds(30))) == [10])
        #expect(state.usage.idle == 1)
        #expect(state.nextExpiry == start.advanced(by: .seconds(31)))
    }

    @Test func livesWithFewer() {
        var state = PoolState(maximum: 8, idleLimit: .seconds(30))
        #expect(state.request(waiter: 1, now: start) == .granted(.open))
        #expect(state.request(waiter: 2, now: start) == .granted(.open))
        #expect(state.request(waiter: 3, now: start) == .granted(.open))
        // The third is refused: it waits for one of the other two, before those who come later.
        #expect(state.refused(now: start) == true)
        #expect(state.request(waiter: 4, now: start) == .wait)
        #expect(state.request(waiter: 3, isFirst: true, now: start) == .wait)
        #expect(state.giveBack(10, now: start) == .grant(waiter: 3, .use(connection: 10, wasIdle: false)))
        #expect(state.giveBack(11, now: start) == .grant(waiter: 4, .use(connection: 11, wasIdle: false)))
        // After a while more are tried.
        let later = start.advanced(by: PoolState.ceilingTime)
        #expect(state.request(waiter: 5, now: start) == .wait)
        #expect(state.cancel(waiter: 5) == true)
        #expect(state.request(waiter: 5, now: later) == .granted(.open))
        // With none of its own there is nothing to wait for.
        var empty = PoolState(maximum: 8, idleLimit: .seconds(30))
        #expect(empty.request(waiter: 1, now: start) == .granted(.open))
        #expect(empty.refused(now: start) == false)
        #expect(empty.request(waiter: 2, now: start) == .granted(.open))
        #expect(empty.request(waiter: 3, now: start) == .wait)
    }

    @Test func makesRoom() {
        var state = PoolState(maximum: 2, idleLimit: .seconds(30))
        _ = state.request(waiter: 1, now: start)
        _ = state.request(waiter: 2, now: start)
        #expect(state.giveBack(10, now: start) == .keepIdle)
        // An idle one at once, and it is not opened again.
        #expect(state.makeRoom(now: start) == 10)
        #expect(state.request(waiter: 3, now: start) == .wait)
        #expect(state.giveBack(11, now: start) == .grant(waiter: 3, .use(connection: 11, wasIdle: false)))
        _ = state.request(waiter: 4, now: start.advanced(by: PoolState.ceilingTime))
        // None is idle: the next that is given back, though others wait.
        #expect(state.makeRoom(now: start) == nil)
        #expect(state.request(waiter: 5, now: start) == .wait)
        #expect(state.giveBack(11, now: start) == .discard(waiter: nil))
        #expect(state.giveBack(12, now: start) == .grant(waiter: 5, .use(connection: 12, wasIdle: false)))
    }

    @Test func renewsAll() {
        var state = PoolState(maximum: 2, idleLimit: .seconds(30))
        _ = state.request(waiter: 1, now: start)
        _ = state.request(waiter: 2, now: start)
        #expect(state.giveBack(10, now: start) == .keepIdle)
        #expect(state.renew(upTo: 11) == [10])
        #expect(state.request(waiter: 3, now: start) == .granted(.open))
        #expect(state.request(waiter: 4, now: start) == .wait)
        #expect(state.giveBack(11, now: start) == .discard(waiter: 4))
        #expect(state.giveBack(12, now: start) == .keepIdle)
        #expect(state.leased == 1)
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
        #expect(state.giveBack(10, now: start) == .grant(waiter: 3, .use(connection: 10, wasIdle: false)))
        #expect(state.cancel(waiter: 3) == false)
    }

    @Test func shuttingDownRefusesAndDrains() {
        var state = PoolState(maximum: 3, idleLimit: .seconds(30))
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
