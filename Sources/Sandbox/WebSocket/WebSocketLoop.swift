import Glibc
import Synchronization

/// Serves any number of WebSocket connections on one thread of its own (poll).
///
/// `send`, `close` and `add` may be called from any thread and return at once; messages of one caller to one connection
/// keep their order. Handlers are called on the loop's thread and must not block.
final class WebSocketLoop: Sendable {
    typealias ID = UInt64

    struct Handlers: Sendable {
        var received: @Sendable (ID, [UInt8]) -> Void
        /// The connection is over; the code is the peer's, 1006 if there was no close frame.
        var closed: @Sendable (ID, UInt16) -> Void
        /// Called about every `tickInterval`.
        var tick: @Sendable () -> Void = {}
    }

    struct Limits: Sendable {
        /// A peer that lets more than this wait to be sent is cut off.
        var queuedBytes = 1 << 20
        var messageBytes = 100_000
        /// How long a peer may take to answer our close frame.
        var closeTimeout: Duration = .seconds(2)
        var tickInterval: Duration = .milliseconds(100)
    }

    /// A socket handed over to the loop. `finish` is called once when the loop is done with it.
    struct Socket: Sendable {
        var descriptor: Int32
        var early: [UInt8] = []
        var finish: @Sendable () -> Void
    }

    private enum Command: Sendable {
        case add(ID, Socket)
        case send(ID, [UInt8])
        case close(ID, UInt16, String)
        case stop
    }

    private struct Shared {
        var commands: [Command] = []
        var nextID: ID = 1
        var ended = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let role: WebSocketSession.Role
    private let handlers: Handlers
    private let limits: Limits
    private let shared = Mutex(Shared())
    /// A pipe: a byte in it ends the poll.
    private let wakeup: (read: Int32, write: Int32)

    init(role: WebSocketSession.Role, limits: Limits = Limits(), handlers: Handlers) {
        self.role = role
        self.limits = limits
        self.handlers = handlers
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "no pipe could be made")
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        wakeup = (ends[0], ends[1])
        startThread { self.run() }
    }

    deinit {
        Glibc.close(wakeup.read)
        Glibc.close(wakeup.write)
    }

    /// Takes a connected socket whose handshake is done.
    func add(_ socket: Socket) -> ID {
        let id = shared.withLock { shared in
            defer { shared.nextID += 1 }
            return shared.nextID
        }
        post(.add(id, socket))
        return id
    }

    func send(_ text: [UInt8], to id: ID) { post(.send(id, text)) }

    func close(_ id: ID, code: UInt16, reason: String) { post(.close(id, code, reason)) }

    /// Says goodbye (1001) to everyone and ends the thread. Idempotent.
    func stop() async {
        post(.stop)
        await withCheckedContinuation { continuation in
            let ended = shared.withLock { shared in
                if !shared.ended { shared.waiters.append(continuation) }
                return shared.ended
            }
            if ended { continuation.resume() }
        }
    }

    private func post(_ command: Command) {
        let refused = shared.withLock { shared in
            if !shared.ended { shared.commands.append(command) }
            return shared.ended
        }
        if refused {
            if case .add(_, let socket) = command { socket.finish() }
            return
        }
        var byte: UInt8 = 0
        _ = write(wakeup.write, &byte, 1)  // a full pipe wakes as well
    }

    // MARK: The loop's thread

    private struct Connection {
        let session: WebSocketSession
        let finish: @Sendable () -> Void
        var code: UInt16 = 1006
        var closeBy: ContinuousClock.Instant?
    }

    private func run() {
        var connections: [ID: Connection] = [:]
        var nextTick = ContinuousClock.now
        var running = true
        while running {
            running = perform(&connections)
            for (id, connection) in connections where !alive(connection) { end(id, &connections) }
            wait(for: &connections)
            if ContinuousClock.now >= nextTick {
                handlers.tick()
                nextTick = .now + limits.tickInterval
            }
        }
        for id in connections.keys.sorted() {
            connections[id]?.session.queueClose(code: 1001, reason: "Server stopping")
            _ = connections[id]?.session.flush()
            end(id, &connections)
        }
        let (waiters, left) = shared.withLock { shared in
            shared.ended = true
            defer { shared.waiters = []; shared.commands = [] }
            return (shared.waiters, shared.commands)
        }
        for case .add(_, let socket) in left { socket.finish() }
        for waiter in waiters { waiter.resume() }
    }

    /// False once it is to stop.
    private func perform(_ connections: inout [ID: Connection]) -> Bool {
        let commands = shared.withLock { shared in
            defer { shared.commands.removeAll() }
            return shared.commands
        }
        var goOn = true
        for command in commands {
            switch command {
            case .add(let id, let socket):
                _ = fcntl(socket.descriptor, F_SETFL, fcntl(socket.descriptor, F_GETFL) | O_NONBLOCK)
                let session = WebSocketSession(
                    socket: socket.descriptor, role: role, early: socket.early,
                    maximumMessageBytes: limits.messageBytes)
                guard let session else { socket.finish(); handlers.closed(id, 1006); continue }
                connections[id] = Connection(session: session, finish: socket.finish)
            case .send(let id, let text):
                guard let session = connections[id]?.session, connections[id]?.closeBy == nil else { continue }
                if !session.queue(text: text) || session.queuedBytes > limits.queuedBytes {
                    end(id, &connections)  // a slow consumer: nothing more would get through, not even a close
                }
            case .close(let id, let code, let reason):
                connections[id]?.session.queueClose(code: code, reason: reason)
                connections[id]?.closeBy = .now + limits.closeTimeout
            case .stop:
                goOn = false
            }
        }
        return goOn
    }

    /// Sends what can be sent; false if the connection is over.
    private func alive(_ connection: Connection) -> Bool {
        let session = connection.session
        if session.wantsWrite, !session.flush() { return false }
        if let closeBy = connection.closeBy, closeBy < .now { return false }
        return session.wantsRead || session.wantsWrite
    }

    private func wait(for connections: inout [ID: Connection]) {
        let ids = Array(connections.keys)
        var polled = [pollfd(fd: wakeup.read, events: Int16(POLLIN), revents: 0)]
        var early = false
        for id in ids {
            guard let session = connections[id]?.session else { continue }
            let events = (session.wantsRead ? POLLIN : 0) | (session.wantsWrite ? POLLOUT : 0)
            polled.append(pollfd(fd: session.socket, events: Int16(events), revents: 0))
            early = early || session.hasEarlyBytes
        }
        let interval = limits.tickInterval.components
        let milliseconds = interval.seconds * 1000 + interval.attoseconds / 1_000_000_000_000_000
        guard poll(&polled, nfds_t(polled.count), early ? 0 : Int32(clamping: milliseconds)) >= 0 else { return }
        if polled[0].revents != 0 {
            var bytes = [UInt8](repeating: 0, count: 4096)
            _ = read(wakeup.read, &bytes, bytes.count)
        }
        for (id, polled) in zip(ids, polled.dropFirst()) {
            guard let session = connections[id]?.session else { continue }
            if polled.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 || session.hasEarlyBytes {
                receive(id, &connections)
            }
        }
    }

    private func receive(_ id: ID, _ connections: inout [ID: Connection]) {
        guard let received = connections[id]?.session.receive() else { return }
        for message in received.messages {
            switch message {
            case .text(let text): handlers.received(id, text)
            case .close(let code): connections[id]?.code = code == 0 ? 1005 : code
            }
        }
        if !received.open { end(id, &connections) }
    }

    private func end(_ id: ID, _ connections: inout [ID: Connection]) {
        guard let connection = connections.removeValue(forKey: id) else { return }
        shutdown(connection.session.socket, Int32(SHUT_RDWR))
        connection.finish()
        handlers.closed(id, connection.code)
    }
}
