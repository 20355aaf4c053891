import CMicroHTTPD
import Glibc
import Synchronization

/// The life of a daemon, in the hands of one thread: it accepts connections, closes those that leave in stages, ends slow
/// ones once a second, and stops the daemon.
///
/// The daemon has no listening socket of its own: libmicrohttpd 0.9.75 ends the process if its two ways to take that out
/// of its epoll set, in `MHD_quiesce_daemon` and on its event thread, meet.
final class ServerLife: Sendable {
    private struct State {
        var time: Duration?
        var hasEnded = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let core: ServerCore
    private let listener: Int32
    private let wake: Int32

    private init(core: ServerCore, listener: Int32, wake: Int32) {
        self.core = core
        self.listener = listener
        self.wake = wake
    }

    /// Starts the daemon and its thread. Takes the socket over, also when it fails.
    static func start(
        _ configuration: HTTPServer.Configuration, socket: ListeningSocket,
        handler: @escaping @Sendable (HTTPRequest, HTTPResponder) -> Void
    ) throws(HTTPServerError) -> ServerLife {
        let wake = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        let core = ServerCore(configuration: configuration, wake: wake, handler: handler)
        guard let daemon = startDaemon(core) else {
            let number = errno
            close(wake)
            close(socket.descriptor)
            throw .system(call: "MHD_start_daemon", errno: number)
        }
        let life = ServerLife(core: core, listener: socket.descriptor, wake: wake)
        let start = Unmanaged.passRetained(Start(life: life, daemon: daemon))
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, nil,
            { argument in
                let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
                start.life.run(start.daemon)
                return nil
            }, start.toOpaque())
        guard failure == 0 else {
            start.release()
            MHD_stop_daemon(daemon)
            close(wake)
            close(socket.descriptor)
            throw .system(call: "pthread_create", errno: failure)
        }
        pthread_detach(thread)
        return life
    }

    /// What the new thread is given.
    private final class Start {
        let life: ServerLife
        let daemon: OpaquePointer

        init(life: ServerLife, daemon: OpaquePointer) {
            self.life = life
            self.daemon = daemon
        }
    }

    func stop(within time: Duration) async {
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded {
                    state.waiting.append(continuation)
                    request(time, &state)
                }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    /// Stops without waiting for anything.
    func abandon() {
        state.withLock { state in
            if !state.hasEnded { request(.zero, &state) }
        }
    }

    /// Under the lock, and before the thread has ended.
    private func request(_ time: Duration, _ state: inout State) {
        guard state.time == nil else { return }
        state.time = time
        core.wakeUp()
    }

    private func run(_ daemon: OpaquePointer) {
        var door = Door(core: core, daemon: daemon, listener: listener, wake: wake)
        var memory = MemoryReturn()
        var nextSecond = milliseconds() + 1000
        var time: Duration?
        while time == nil {
            door.serve(for: 1000)
            if milliseconds() >= nextSecond {
                nextSecond = milliseconds() + 1000
                core.endSlowConnections()
                memory.look(at: core.footprint)
            }
            time = state.withLock { $0.time }
        }
        drain(&door, within: time ?? .zero)
        MHD_stop_daemon(daemon)
        core.upgradedSockets.shutDownAll()
        core.forgetWake()
        door.closeAll()
        close(wake)
        let waiting = state.withLock { state in
            state.hasEnded = true
            defer { state.waiting = [] }
            return state.waiting
        }
        waiting.forEach { $0.resume() }
    }

    private func drain(_ door: inout Door, within time: Duration) {
        let end = ContinuousClock.now + time
        core.isDraining.store(true, ordering: .relaxed)
        door.stopListening()
        waitUntilQuiet(&door, until: end)
        core.refusePending()
        // The refusals are on their way out: they need the event thread, not the handler.
        waitUntilQuiet(&door, until: .now + .seconds(1), lull: .zero)
    }

    private func waitUntilQuiet(
        _ door: inout Door, until end: ContinuousClock.Instant, lull: Duration = .milliseconds(100)
    ) {
        var begun = core.requestsBegun.load(ordering: .relaxed)
        var quietSince = ContinuousClock.now
        while case let now = ContinuousClock.now, now < end {
            let latest = core.requestsBegun.load(ordering: .relaxed)
            if core.requestsInHand.load(ordering: .acquiring) > 0 || latest != begun {
                (begun, quietSince) = (latest, now)
            } else if now - quietSince >= lull, !core.hasUnreadBytes {
                return
            }
            door.serve(for: 5)
        }
    }
}

private func startDaemon(_ core: ServerCore) -> OpaquePointer? {
    let configuration = core.configuration
    let context = Unmanaged.passUnretained(core).toOpaque()
    var options = [
        // `ServerConnection` is stricter, and has an answer where libmicrohttpd would only close.
        option(.STRICT_FOR_CLIENT, 0),
        option(.CONNECTION_TIMEOUT, Int(configuration.idleTimeout.wholeSeconds)),
        // Never reached: the door keeps the real one.
        option(.CONNECTION_LIMIT, configuration.maximumConnections + 2 * ConnectionTable.slack),
        option(.CONNECTION_MEMORY_LIMIT, configuration.connectionMemory),
        option(.NOTIFY_CONNECTION, unsafeBitCast(connectionCallback, to: Int.self), context),
        option(.NOTIFY_COMPLETED, unsafeBitCast(completedCallback, to: Int.self), context),
        option(.URI_LOG_CALLBACK, unsafeBitCast(targetCallback, to: Int.self), context),
        option(.UNESCAPE_CALLBACK, unsafeBitCast(unescapeCallback, to: Int.self), context),
        option(.END, 0),
    ]
    let flags =
        MHD_USE_EPOLL_INTERNAL_THREAD.rawValue | MHD_USE_ITC.rawValue | MHD_ALLOW_SUSPEND_RESUME.rawValue
        | MHD_ALLOW_UPGRADE.rawValue | MHD_USE_NO_LISTEN_SOCKET.rawValue
    return cmhd_start(UInt32(flags), requestCallback, context, &options)
}

private func option(_ name: MHD_OPTION, _ value: Int, _ pointer: UnsafeMutableRawPointer? = nil) -> MHD_OptionItem {
    MHD_OptionItem(option: name, value: value, ptr_value: pointer)
}
