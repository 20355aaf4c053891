package import Datasets
package import MySQL
import Store
import Synchronization

/// Has sent what is owed, from the moment it is committed: hands `NotificationQueue`'s notifications to the senders.
///
/// When Pusher fails, all senders pause together, with backoff. Nothing is sent by an instance that cannot be sure of its
/// lease: see `InstanceLease`. Callable from any thread.
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
        var lease = InstanceLease()
        var pause: Pause?
        /// Failures in a row.
        var failures = 0
        /// A sender waits for Pusher to be tried again; all others wait for it.
        var isHeld = false
        var isDraining = false
        var waiters: [CheckedContinuation<Void, Never>] = []
        /// Senders at work.
        var busy = 0

        /// Whether a sender may begin a request, of so many notifications at most: many at once only if each is full, so that
        /// a server that takes its time is sent more at once, and a quick one no smaller requests.
        func mayTake(_ maximum: Int) -> Bool {
            queue.hasReady && !mustWait && (busy < Dispatcher.eagerSenders || queue.readyCount >= maximum)
        }

        /// Pusher fails, and somebody is finding out whether it still does; or another instance may deliver by now.
        var mustWait: Bool { isHeld || (pause != nil && busy > 0) || !lease.allowsSending(at: .now) }
    }

    /// Requests that are begun with whatever there is to send.
    private static let eagerSenders = 8

    private let state: Mutex<State>

    init(queue: NotificationQueue) {
        state = Mutex(State(queue: queue))
    }

    package convenience init() { self.init(queue: NotificationQueue()) }

    /// Changes the state, and wakes whoever has something to do then.
    private func update<R>(_ body: (inout State) -> sending R) -> sending R {
        let (result, waiters) = state.withLock { state in
            let result = body(&state)
            return (result, Self.wake(&state))
        }
        for waiter in waiters { waiter.resume() }
        return result
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

    // MARK: For the lanes and whoever else changes histories

    /// The number that the instance goes by, whether or not it has its lease yet.
    package var number: UInt64 { state.withLock { $0.lease.number } }

    /// The instance that changes are to be noted for; nil: it has no lease yet.
    package var instance: UInt64? { state.withLock { $0.lease.holder } }

    /// The same; takes the lease if that has not been done yet.
    package func lease(on connection: isolated MySQLConnection) throws(MySQLError) -> UInt64 {
        if let instance { return instance }
        let (number, start) = (withLease { $0.number }, ContinuousClock.now)
        try connection.execute(Outbox.takeStatement(lease: number))
        withLease { $0.renewed(number, from: start) }
        return number
    }

    /// Up to where each of these histories has been delivered, as far as is known here; 0: nothing is known.
    package func delivered(_ ids: [Int64]) -> [Int64] {
        state.withLock { state in ids.map { state.queue.delivered($0) } }
    }

    /// Takes what a transaction left to be sent.
    ///
    /// - Parameters:
    ///   - unread: histories for which nobody knows what was left.
    ///   - instance: for which it was noted. Of what was noted for another the lease is lost, and it is found by that.
    package func take(_ entries: [OutboxEntry], unread: [Int64] = [], for instance: UInt64) {
        if entries.isEmpty && unread.isEmpty { return }
        let now = ContinuousClock.now
        update { state in
            guard state.lease.holder == instance else { return }
            for entry in entries { state.queue.offer(entry, now: now) }
            for id in unread { state.queue.load(id) }
        }
    }

    // MARK: For the senders

    /// What a sender is to do next.
    package enum Work: Sendable {
        case send([(notification: Notification, address: WishlistAddress)])
        /// Draining, and nothing is left.
        case stop
    }

    /// Waits for something to send. While Pusher fails only one sender at a time gets something.
    /// - Parameter maximum: notifications at most.
    package func next(maximum: Int) async -> Work {
        while true {
            if Task.isCancelled { return .stop }
            let (work, waiter) = state.withLock { state -> (Work?, CheckedContinuation<Void, Never>?) in
                if state.mustWait { return (state.isDraining ? .stop : nil, nil) }
                if state.queue.hasReady && !state.mayTake(maximum) { return (nil, nil) }
                let notifications = state.queue.take(maximum: maximum)
                if notifications.isEmpty { return (state.isDraining && state.busy == 0 ? .stop : nil, nil) }
                state.busy += 1
                return (
                    .send(notifications), state.mayTake(maximum) && state.pause == nil ? state.waiters.popLast() : nil
                )
            }
            waiter?.resume()
            if let work { return work }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if state.isDraining && (state.mustWait || state.busy == 0) { return true }
                    if state.mayTake(maximum) { return true }
                    state.waiters.append(continuation)
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    /// What became of the notifications of one history in a request.
    package struct Outcome: Sendable {
        package var historyID: Int64
        package var delivered = 0
        package var back: [Notification] = []
        /// Some of the delivered are dead letters.
        package var hasRefused = false

        package init(historyID: Int64) { self.historyID = historyID }
    }

    /// Notes the end of a request.
    ///
    /// - Parameter pause: why Pusher did not take it; nil: it did.
    /// - Returns: how often in a row Pusher has failed now. If it has, the caller waits, and then calls `resume`.
    package func finish(_ outcomes: [Outcome], pause: Pause?) -> Int {
        let now = ContinuousClock.now
        return update { state in
            for outcome in outcomes {
                state.queue.finish(
                    outcome.historyID, delivered: outcome.delivered, back: outcome.back, hasRefused: outcome.hasRefused,
                    now: now)
            }
            state.busy -= 1
            state.pause = pause
            state.isHeld = pause != nil
            state.failures = pause == nil ? 0 : state.failures + 1
            return state.failures
        }
    }

    /// Lets one sender try again.
    package func resume() { update { $0.isHeld = false } }

    /// Why nothing is sent at present; nil if all is well.
    package var pause: Pause? { state.withLock { $0.pause } }

    /// Notifications that wait in memory or are on their way, and those dropped as overtaken since the start.
    package var counts: (waiting: Int, overtaken: Int) { state.withLock { ($0.queue.count, $0.queue.overtaken) } }

    /// Has the senders stop once nothing is left in memory.
    package func drain() { update { $0.isDraining = true } }

    // MARK: For the keeper of the outbox

    /// Looks at, or changes, the queue.
    func withQueue<R>(_ body: (inout NotificationQueue) -> sending R) -> sending R { update { body(&$0.queue) } }

    /// Looks at, or changes, the lease. What was to be delivered under a lease that is lost is no longer.
    func withLease<R>(_ body: (inout InstanceLease) -> sending R) -> sending R {
        update { state in
            let before = state.lease.holder
            defer { if let before, state.lease.holder != before { state.queue.forgetAll() } }
            return body(&state.lease)
        }
    }
}
