/// What a pool decides, without connections, locks or clocks, so that it can be tested alone. Connections and waiters
/// are numbers that the pool gives them, ascending.
///
/// A slot is free, or leased (to someone who uses its connection or opens one), or idle with an open connection.
/// Someone waits only while no slot is free or idle, or while the server takes no more connections.
struct PoolState {
    /// What someone who asked may do. Both are a lease of a slot, given back by `giveBack` or `abandon`.
    enum Grant: Equatable {
        /// Use this connection, which was idle or has just been given back.
        case use(connection: Int, wasIdle: Bool)
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
        /// Close the connection; the waiter, if there is one, may open another.
        case discard(waiter: Int?)
        /// The pool is shut down: close the connection, if there is one. The last lease tells those who wait for it.
        case close(isLast: Bool)
    }

    private struct Idle {
        let connection: Int
        let since: ContinuousClock.Instant
    }

    let maximum: Int
    /// How long a connection may be idle.
    let idleLimit: Duration
    /// How long it is believed that the server takes no more connections.
    static let ceilingTime: Duration = .seconds(10)

    private var idle: [Idle] = []
    private var waiters: [Int] = []
    private(set) var leased = 0
    private(set) var isShutDown = false
    /// How many connections the server lets us have, and until when that is believed.
    private var ceiling: (count: Int, until: ContinuousClock.Instant)?
    /// Connections up to this number are not used again.
    private var lastStale = -1

    var usage: MySQLPool.Usage {
        .init(leased: leased, idle: idle.count, waiting: waiters.count, maximum: maximum)
    }

    init(maximum: Int, idleLimit: Duration) {
        self.maximum = maximum
        self.idleLimit = idleLimit
    }

    /// Someone asks for a connection. The one used last is given first, so that surplus ones stay idle.
    /// - Parameter isFirst: it has waited before, and comes before others.
    mutating func request(waiter: Int, isFirst: Bool = false, now: ContinuousClock.Instant) -> Answer {
        if isShutDown { return .shutDown }
        if let last = idle.popLast() {
            leased += 1
            return .granted(.use(connection: last.connection, wasIdle: true))
        }
        if leased < limit(now) {
            leased += 1
            return .granted(.open)
        }
        waiters.insert(waiter, at: isFirst ? 0 : waiters.count)
        return .wait
    }

    private func limit(_ now: ContinuousClock.Instant) -> Int {
        guard let ceiling, now < ceiling.until else { return maximum }
        // With none of our own there is nothing to wait for.
        return min(maximum, max(ceiling.count, 1))
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
        if leased + idle.count > limit(now) {
            leased -= 1
            return .discard(waiter: nil)
        }
        if connection <= lastStale {
            if !waiters.isEmpty { return .discard(waiter: waiters.removeFirst()) }
            leased -= 1
            return .discard(waiter: nil)
        }
        if !waiters.isEmpty {
            return .grant(waiter: waiters.removeFirst(), .use(connection: connection, wasIdle: false))
        }
        leased -= 1
        idle.append(Idle(connection: connection, since: now))
        return .keepIdle
    }

    /// A lease ends without a connection: it broke, or could not be opened.
    mutating func abandon() -> Consequence {
        if isShutDown { return endLease() }
        if !waiters.isEmpty { return .grant(waiter: waiters.removeFirst(), .open) }
        leased -= 1
        return .nothing
    }

    /// A lease ends because the server takes no more connections. True if there are others of ours to wait for.
    mutating func refused(now: ContinuousClock.Instant) -> Bool {
        leased -= 1
        ceiling = (leased + idle.count, now + Self.ceilingTime)
        return leased + idle.count > 0
    }

    /// Somebody with precedence needs a connection: the pool has one less for a while.
    /// - Returns: a connection to be closed at once; nil: the next that is given back will be.
    mutating func makeRoom(now: ContinuousClock.Instant) -> Int? {
        ceiling = (max(leased + idle.count - 1, 0), now + Self.ceilingTime)
        return idle.isEmpty ? nil : idle.removeFirst().connection
    }

    /// The server may have been replaced: no connection up to this number is used again.
    /// - Returns: those to be closed at once.
    mutating func renew(upTo number: Int) -> [Int] {
        lastStale = number
        defer { idle = [] }
        return idle.map(\.connection)
    }

    /// What has been idle for too long, to be closed.
    mutating func expire(now: ContinuousClock.Instant) -> [Int] {
        let expired = idle.filter { $0.since.duration(to: now) >= idleLimit }.map(\.connection)
        idle.removeAll { expired.contains($0.connection) }
        return expired
    }

    /// When the next idle connection will have been idle for too long; nil: none is idle.
    var nextExpiry: ContinuousClock.Instant? { idle.map { $0.since + idleLimit }.min() }

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
