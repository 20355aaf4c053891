/// What a pool decides, without connections, locks or clocks, so that it can be tested alone. Connections and waiters
/// are numbers that the pool gives them.
///
/// A slot is free, or leased (to someone who uses its connection or opens one), or idle with an open connection.
/// Someone waits only while no slot is free or idle.
struct PoolState {
    /// What someone who asked may do. Both are a lease of a slot, given back by `giveBack` or `abandon`.
    enum Grant: Equatable {
        /// Use this connection; if it needs a check, ping it first.
        case use(connection: Int, needsCheck: Bool)
        /// Open a connection.
        case open
    }

    enum Answer: Equatable {
        case granted(Grant)
        case wait
        case shutDown
    }

    /// What to do after a lease was given back.
    enum Consequence: Equatable {
        case nothing
        /// Keep the connection open.
        case keepIdle
        /// Pass the slot on to this waiter.
        case grant(waiter: Int, Grant)
        /// The pool is shut down: close the connection, if there is one. The last lease tells those who wait for it.
        case close(isLast: Bool)
    }

    private struct Idle {
        let connection: Int
        let since: ContinuousClock.Instant
        var isSuspect = false
    }

    let maximum: Int
    private let checkAfter: Duration
    private var idle: [Idle] = []
    private var waiters: [Int] = []
    private(set) var leased = 0
    private(set) var isShutDown = false

    var usage: MySQLPool.Usage {
        .init(leased: leased, idle: idle.count, waiting: waiters.count, maximum: maximum)
    }

    init(maximum: Int, checkAfter: Duration) {
        self.maximum = maximum
        self.checkAfter = checkAfter
    }

    /// Someone asks for a connection. The one used last is given first, so that surplus ones stay idle.
    mutating func request(waiter: Int, now: ContinuousClock.Instant) -> Answer {
        if isShutDown { return .shutDown }
        if let last = idle.popLast() {
            leased += 1
            let needsCheck = last.isSuspect || last.since.duration(to: now) >= checkAfter
            return .granted(.use(connection: last.connection, needsCheck: needsCheck))
        }
        if leased < maximum {
            leased += 1
            return .granted(.open)
        }
        waiters.append(waiter)
        return .wait
    }

    /// A waiter gives up. False if it was granted a slot before, or has never waited.
    mutating func cancel(waiter: Int) -> Bool {
        guard let position = waiters.firstIndex(of: waiter) else { return false }
        waiters.remove(at: position)
        return true
    }

    /// A lease ends with an open connection.
    mutating func giveBack(_ connection: Int, now: ContinuousClock.Instant) -> Consequence {
        if isShutDown { return endLease() }
        if !waiters.isEmpty {
            return .grant(waiter: waiters.removeFirst(), .use(connection: connection, needsCheck: false))
        }
        leased -= 1
        idle.append(Idle(connection: connection, since: now))
        return .keepIdle
    }

    /// A lease ends without a connection: it broke, or could not be opened. If one broke, so may have the idle ones.
    mutating func abandon() -> Consequence {
        for position in idle.indices { idle[position].isSuspect = true }
        if isShutDown { return endLease() }
        if !waiters.isEmpty { return .grant(waiter: waiters.removeFirst(), .open) }
        leased -= 1
        return .nothing
    }

    /// No more leases. Returns the idle connections, to be closed, and the waiters, to be refused.
    mutating func shutDown() -> (connections: [Int], waiters: [Int]) {
        isShutDown = true
        defer {
            idle = []
            waiters = []
        }
        return (idle.map(\.connection), waiters)
    }

    private mutating func endLease() -> Consequence {
        leased -= 1
        return .close(isLast: leased == 0)
    }
}
