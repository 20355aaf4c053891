import Synchronization

/// A fixed number of connections, opened when needed and shared by whoever asks.
///
/// Asking is first come, first served. A connection that broke is replaced, also one that was closed while it was idle: whoever
/// is lent it does not notice (see `MySQLConnection.lend`). Where the server takes no more connections the pool lives with
/// those that it has. Idle ones are closed after a while. All methods may be called from anywhere.
public final class MySQLPool: Sendable {
    private struct Shared {
        var state: PoolState
        var connections: [Int: MySQLConnection] = [:]
        var waiting: [Int: CheckedContinuation<PoolState.Grant, any Error>] = [:]
        var shutDownWaiting: [CheckedContinuation<Void, Never>] = []
        var nextNumber = 0
        var isReaping = false

        mutating func newNumber() -> Int {
            nextNumber += 1
            return nextNumber
        }
    }

    /// How a pool is used at a moment.
    public struct Usage: Sendable, Equatable {
        /// Connections lent, or being opened for somebody.
        public var leased: Int
        /// Open connections that nobody uses.
        public var idle: Int
        /// Who waits for a connection.
        public var waiting: Int
        /// Connections at most.
        public var maximum: Int
    }

    private struct Lease {
        let number: Int
        let connection: MySQLConnection
    }

    private let configuration: MySQLConfiguration
    private let waitLimit: Duration
    private let shared: Mutex<Shared>

    /// A pool of at most `maximumConnections`; none is opened yet.
    ///
    /// `waitLimit` bounds the wait for a connection to become free. Connections idle for `idleLimit` are closed.
    public init(
        _ configuration: MySQLConfiguration, maximumConnections: Int, waitLimit: Duration = .seconds(5),
        idleLimit: Duration = .seconds(60)
    ) {
        precondition(maximumConnections > 0, "a pool needs a connection")
        self.configuration = configuration
        self.waitLimit = waitLimit
        shared = Mutex(Shared(state: PoolState(maximum: maximumConnections, idleLimit: idleLimit)))
    }

    /// Lends a connection to `body`, which runs on the connection's thread. A transaction that `body` leaves open is
    /// rolled back.
    ///
    /// Throws what `body` throws, `MySQLError` if there is no connection (`.timeout` after `waitLimit`), or
    /// `CancellationError` if the task is cancelled while it waits.
    @discardableResult
    public func withConnection<R: Sendable>(
        _ body: @Sendable (isolated MySQLConnection) async throws -> R
    ) async throws -> R {
        let lease = try await acquire()
        defer { release(lease) }
        return try await lease.connection.run { connection in
            defer { if connection.isInTransaction { connection.rollback() } }
            return try await body(connection)
        }
    }

    /// Runs `body` in a transaction on a connection's thread: commits when it returns, rolls back when it throws, also
    /// when the task is cancelled.
    ///
    /// The whole transaction, `body` included, is tried again after a `MySQLError` that is retryable, from BEGIN to
    /// COMMIT, at most `attempts` times in all, with full jitter. If the connection is lost during COMMIT nobody knows
    /// whether it took place: `body` then runs again and must notice what it has done before, best by a unique key.
    @discardableResult
    public func withTransaction<R: Sendable>(
        attempts: Int = 5, _ body: @Sendable (isolated MySQLConnection) async throws -> R
    ) async throws -> R {
        var attempt = 1
        while true {
            do {
                return try await withConnection { try await Self.transaction(on: $0, body) }
            } catch let error as MySQLError where error.isRetryable && attempt < attempts {
                // 20, 40, 80 ... 1280 ms at most.
                let longest = 10 << min(attempt, 7)
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...longest)))
                attempt += 1
            }
        }
    }

    private static func transaction<R: Sendable>(
        on connection: isolated MySQLConnection, _ body: @Sendable (isolated MySQLConnection) async throws -> R
    ) async throws -> R {
        try connection.begin()
        do {
            let result = try await body(connection)
            try connection.commit()
            return result
        } catch {
            connection.rollback()
            throw error
        }
    }

    /// Refuses whoever asks from now on, closes idle connections, and waits until the others are given back;
    /// those close then. May be called again.
    public func shutdown() async {
        let (connections, refused) = shared.withLock { shared in
            let (connections, waiters) = shared.state.shutDown()
            return (
                connections.compactMap { shared.connections.removeValue(forKey: $0) },
                waiters.compactMap { shared.waiting.removeValue(forKey: $0) }
            )
        }
        for continuation in refused { continuation.resume(throwing: Self.closed) }
        for connection in connections { await connection.close() }
        await withCheckedContinuation { continuation in
            let isOver = shared.withLock {
                if $0.state.leased > 0 { $0.shutDownWaiting.append(continuation) }
                return $0.state.leased == 0
            }
            if isOver { continuation.resume() }
        }
    }

    /// How it is used now.
    public var usage: Usage { shared.withLock { $0.state.usage } }

    /// Connects beside the pool, with precedence: as long as the server takes no more connections the pool gives up one of its
    /// own after the other. The connection is the caller's.
    ///
    /// Throws what `MySQLConnection.connect` throws; that there are too many connections only after `waitLimit`.
    public func connectAhead(_ configuration: MySQLConfiguration) async throws(MySQLError) -> MySQLConnection {
        let deadline = ContinuousClock.now + waitLimit
        while true {
            do throws(MySQLError) {
                return try await MySQLConnection.connect(configuration)
            } catch {
                guard error.isForNumberOfConnections, .now < deadline, !Task.isCancelled else { throw error }
            }
            let room = shared.withLock { shared in
                shared.state.makeRoom(now: .now).flatMap { shared.connections.removeValue(forKey: $0) }
            }
            await room?.close()
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Uses no connection again that is open now: the server that writes may be another one. The pool does so by itself when one
    /// of its own connections finds a server read-only (`.readOnly`).
    public func renew() {
        let connections = shared.withLock { shared in
            shared.state.renew(upTo: shared.nextNumber).compactMap { shared.connections.removeValue(forKey: $0) }
        }
        Task { for connection in connections { await connection.close() } }
    }

    private func acquire() async throws -> Lease {
        let deadline = ContinuousClock.now + waitLimit
        var hasWaited = false
        while true {
            let grant = try await grant(until: deadline, isFirst: hasWaited)
            if case .use(let number, let wasIdle) = grant,
                let connection = shared.withLock({ $0.connections[number] })
            {
                if wasIdle { await connection.lend() }
                return Lease(number: number, connection: connection)
            }
            do throws(MySQLError) {
                return try await open()
            } catch {
                guard error.isForNumberOfConnections else {
                    follow { $0.state.abandon() }
                    throw error
                }
                guard shared.withLock({ $0.state.refused(now: .now) }), .now < deadline else { throw error }
                hasWaited = true
            }
        }
    }

    /// Opens a connection for a slot that has been granted.
    private func open() async throws(MySQLError) -> Lease {
        // Taken before: what is renewed while it connects includes it.
        let number = shared.withLock { $0.newNumber() }
        let connection = try await MySQLConnection.connect(configuration)
        shared.withLock { $0.connections[number] = connection }
        return Lease(number: number, connection: connection)
    }

    private func release(_ lease: Lease) {
        if lease.connection.hasFoundReadOnly { renew() }
        follow { shared in
            guard lease.connection.isUsable else {
                shared.connections[lease.number] = nil
                return shared.state.abandon()
            }
            let consequence = shared.state.giveBack(lease.number, now: .now)
            switch consequence {
            // The connection closes itself when the lease is gone.
            case .close, .discard: shared.connections[lease.number] = nil
            default: break
            }
            return consequence
        }
        reap()
    }

    /// Sees to it that idle connections are closed in time: one task, as long as there are any.
    private func reap() {
        let isNeeded = shared.withLock { shared in
            defer { shared.isReaping = shared.isReaping || shared.state.nextExpiry != nil }
            return !shared.isReaping && shared.state.nextExpiry != nil
        }
        guard isNeeded else { return }
        Task { [weak self] in
            while let next = self?.nextExpiry() {
                try? await Task.sleep(until: next, clock: .continuous)
                for connection in self?.expired() ?? [] { await connection.close() }
            }
        }
    }

    private func nextExpiry() -> ContinuousClock.Instant? {
        shared.withLock { shared in
            let next = shared.state.nextExpiry
            if next == nil { shared.isReaping = false }
            return next
        }
    }

    private func expired() -> [MySQLConnection] {
        shared.withLock { shared in
            shared.state.expire(now: .now).compactMap { shared.connections.removeValue(forKey: $0) }
        }
    }

    /// Decides under the lock, acts outside of it.
    private func follow(_ decision: (inout Shared) -> PoolState.Consequence) {
        let act: (() -> Void)? = shared.withLock { shared in
            switch decision(&shared) {
            case .nothing, .keepIdle, .close(isLast: false), .discard(waiter: nil):
                return nil
            case .discard(.some(let waiter)):
                let continuation = shared.waiting.removeValue(forKey: waiter)
                return { continuation?.resume(returning: .open) }
            case .grant(let waiter, let grant):
                let continuation = shared.waiting.removeValue(forKey: waiter)
                return { continuation?.resume(returning: grant) }
            case .close(isLast: true):
                let continuations = shared.shutDownWaiting
                shared.shutDownWaiting = []
                return { for continuation in continuations { continuation.resume() } }
            }
        }
        act?()
    }

    private func grant(until deadline: ContinuousClock.Instant, isFirst: Bool) async throws -> PoolState.Grant {
        let waiter = shared.withLock { $0.newNumber() }
        return try await withTaskCancellationHandler {
            var timer: Task<Void, Never>?
            defer { timer?.cancel() }
            return try await withCheckedThrowingContinuation { continuation in
                let answer: Result<PoolState.Answer, CancellationError> = shared.withLock { shared in
                    // A task is marked as cancelled before its handler runs: if it is not marked here, the handler
                    // will find the waiter.
                    if Task.isCancelled { return .failure(CancellationError()) }
                    let answer = shared.state.request(waiter: waiter, isFirst: isFirst, now: .now)
                    if answer == .wait { shared.waiting[waiter] = continuation }
                    return .success(answer)
                }
                switch answer {
                case .failure(let error): continuation.resume(throwing: error)
                case .success(.granted(let grant)): continuation.resume(returning: grant)
                case .success(.shutDown): continuation.resume(throwing: Self.closed)
                case .success(.wait):
                    timer = Task { [self] in
                        guard (try? await Task.sleep(until: deadline, clock: .continuous)) != nil else { return }
                        let message = "no connection became free within \(waitLimit)"
                        giveUp(waiter, MySQLError(kind: .timeout, phase: .connect, message: message))
                    }
                }
            }
        } onCancel: {
            giveUp(waiter, CancellationError())
        }
    }

    private func giveUp(_ waiter: Int, _ error: any Error) {
        let continuation = shared.withLock { shared in
            shared.state.cancel(waiter: waiter) ? shared.waiting.removeValue(forKey: waiter) : nil
        }
        continuation?.resume(throwing: error)
    }

    private static let closed = MySQLError(kind: .closed, phase: .connect, message: "the pool is shut down")
}
