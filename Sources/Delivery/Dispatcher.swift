package import Datasets
import Synchronization

/// Sends what is owed, from the moment it is committed: hands `NotificationQueue`'s parcels to senders, and what became of
/// them to the lanes.
///
/// Nothing is polled. When Pusher fails, all senders pause together, with backoff; what waits longer than its claim leaves
/// memory, and is claimed and read from the log again. Callable from any thread; `run` once.
package final class Dispatcher: Sendable {
    /// Why nothing is sent at present.
    package enum Pause: Sendable, Equatable {
        /// Timeouts, 408, 429, 5xx: tried again by itself.
        case failing
        /// 401 or 403: key, secret, clock or quota have to be put right.
        case unauthorised
    }

    private struct State: Sendable {
        var queue: NotificationQueue
        var pause: Pause?
        /// Failures in a row.
        var failures = 0
        /// A sender waits for Pusher to be tried again; all others wait for it.
        var isHeld = false
        var isDraining = false
        var waiters: [CheckedContinuation<Void, Never>] = []
        /// Senders at work.
        var busy = 0

        /// Pusher fails, and somebody is finding out whether it still does.
        var mustWait: Bool { isHeld || (pause != nil && busy > 0) }
    }

    private let state: Mutex<State>
    /// A claim is given up so early that a parcel that begins with it has ended, by its timeout at the latest, before the
    /// claim runs out in the database: another instance may send newer notifications then.
    package static let claim: Duration = .seconds(NotificationDebt.claimSeconds - 2) - PusherPublisher.timeout

    package init(queue: NotificationQueue = NotificationQueue()) {
        state = Mutex(State(queue: queue))
    }

    /// Takes what a transaction left to be sent and to be noted.
    ///
    /// - Parameter lost: histories whose claim another instance has.
    /// - Returns: histories to be read back from the log, and what is settled at once.
    package func take(
        _ handoffs: [Handoff], settled: [Settled], lost: [Int64]
    ) -> (loads: [(historyID: Int64, after: Int64)], settlements: [Settlement]) {
        guard !handoffs.isEmpty || !settled.isEmpty || !lost.isEmpty else { return ([], []) }
        let claimedUntil = ContinuousClock.now + Self.claim
        var loads: [(historyID: Int64, after: Int64)] = []
        var settlements: [Settlement] = []
        let waiters = state.withLock { state in
            for handoff in handoffs {
                switch state.queue.offer(handoff, claimedUntil: claimedUntil) {
                case .load(let after): loads.append((handoff.historyID, after))
                case .settle(let settlement): settlements.append(settlement)
                case .accepted, .left: break
                }
            }
            for one in settled {
                let after = state.queue.settled(
                    one.historyID, owed: one.isOwed, revision: one.revision, claimedUntil: claimedUntil)
                if let after { loads.append((one.historyID, after)) }
            }
            for historyID in lost { state.queue.forget(historyID) }
            return Self.wake(&state)
        }
        for waiter in waiters { waiter.resume() }
        return (loads, settlements)
    }

    /// Whom to wake: all when draining, one otherwise (it wakes the next if it leaves something).
    private static func wake(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
        if state.isDraining {
            defer { state.waiters = [] }
            return state.waiters
        }
        guard state.queue.hasReady, !state.mustWait, let waiter = state.waiters.popLast() else { return [] }
        return [waiter]
    }

    /// What a sender is to do next.
    package enum Work: Sendable {
        case send(NotificationQueue.Parcel)
        /// Draining, and nothing is left.
        case stop
    }

    /// Waits for something to send. While Pusher fails only one sender at a time gets something.
    /// - Parameter maximum: notifications in the parcel at most.
    package func next(maximum: Int) async -> Work {
        while true {
            if Task.isCancelled { return .stop }
            let (work, waiter) = state.withLock { state -> (Work?, CheckedContinuation<Void, Never>?) in
                if state.mustWait { return (state.isDraining ? .stop : nil, nil) }
                let parcel = state.queue.take(maximum: maximum, now: .now)
                if parcel.notifications.isEmpty && parcel.expired.isEmpty {
                    return (state.isDraining && state.busy == 0 ? .stop : nil, nil)
                }
                state.busy += 1
                return (.send(parcel), state.queue.hasReady && state.pause == nil ? state.waiters.popLast() : nil)
            }
            waiter?.resume()
            if let work { return work }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if state.isDraining && (state.mustWait || state.busy == 0) { return true }
                    if state.queue.hasReady && !state.mustWait { return true }
                    state.waiters.append(continuation)
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    /// Notes the end of a parcel.
    ///
    /// - Parameters:
    ///   - done: for each history, how many of its notifications have been dealt with, and which are dead letters.
    ///   - back: for each history, what could not be sent.
    ///   - pause: why Pusher did not take it; nil: it did.
    /// - Returns: what is to be noted in the histories' rows; and how often in a row Pusher has failed now. If it has, the
    ///   caller waits, and then calls `resume`.
    package func finish(
        done: [(historyID: Int64, count: Int, deadLetters: [Settlement.DeadLetter])],
        back: [(historyID: Int64, notifications: [Notification])], pause: Pause?
    ) -> (settlements: [Settlement], failures: Int) {
        let (settlements, failures, waiters) = state.withLock { state in
            // Back first: a history that is in both is released by the second call, with all in its place.
            for (historyID, notifications) in back { state.queue.putBack(historyID, notifications) }
            let settlements = done.compactMap {
                state.queue.finish($0.historyID, taken: $0.count, deadLetters: $0.deadLetters)
            }
            state.busy -= 1
            state.pause = pause
            state.isHeld = pause != nil
            state.failures = pause == nil ? 0 : state.failures + 1
            return (settlements, state.failures, Self.wake(&state))
        }
        for waiter in waiters { waiter.resume() }
        return (settlements, failures)
    }

    /// Lets one sender try again.
    package func resume() {
        let waiters = state.withLock { state in
            state.isHeld = false
            return Self.wake(&state)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Why nothing is sent at present; nil if all is well.
    package var pause: Pause? { state.withLock { $0.pause } }

    /// Notifications that wait in memory or are on their way, and those dropped as overtaken since the start.
    package var counts: (waiting: Int, overtaken: Int) { state.withLock { ($0.queue.count, $0.queue.overtaken) } }

    /// Has the senders stop once nothing is left in memory.
    package func drain() {
        let waiters = state.withLock { state in
            state.isDraining = true
            return Self.wake(&state)
        }
        for waiter in waiters { waiter.resume() }
    }
}
