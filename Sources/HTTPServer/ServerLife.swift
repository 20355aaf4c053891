import CMicroHTTPD
import Glibc
import Synchronization

/// The life of a daemon, in the hands of one thread: it ends slow connections once a second, and stops the daemon.
final class ServerLife: Sendable {
    private struct State {
        var time: Duration?
        var hasEnded = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let core: ServerCore
    private let listener: Int32
    /// An eventfd, written once to wake the thread.
    private let wake: Int32

    private init(core: ServerCore, listener: Int32, wake: Int32) {
        self.core = core
        self.listener = listener
        self.wake = wake
    }

    /// Starts the daemon and its thread. Takes the socket over, also when it fails.
    static func start(core: ServerCore, socket: ListeningSocket) throws(HTTPServerError) -> ServerLife {
        let wake = eventfd(0, Int32(EFD_CLOEXEC))
        guard let daemon = startDaemon(core: core, socket: socket.descriptor) else {
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

    /// Under the lock, and before the thread has closed `wake`.
    private func request(_ time: Duration, _ state: inout State) {
        guard state.time == nil else { return }
        state.time = time
        eventfd_write(wake, 1)
    }

    private func run(_ daemon: OpaquePointer) {
        var descriptor = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
        let start = ContinuousClock.now
        while poll(&descriptor, 1, 1000) <= 0 {
            core.tick.store(UInt32((ContinuousClock.now - start).components.seconds) + 1, ordering: .relaxed)
            core.endSlowConnections()
        }
        drain(daemon, within: state.withLock { $0.time ?? .zero })
        MHD_stop_daemon(daemon)
        core.upgradedSockets.shutDownAll()
        let waiting = state.withLock { state in
            state.hasEnded = true
            close(wake)
            defer { state.waiting = [] }
            return state.waiting
        }
        waiting.forEach { $0.resume() }
    }

    private func drain(_ daemon: OpaquePointer, within time: Duration) {
        let end = ContinuousClock.now + time
        core.isDraining.store(true, ordering: .relaxed)
        takeBacklog(daemon)
        waitUntilQuiet(until: end)
        core.refusePending()
        // The refusals are on their way out: they need the event thread, not the handler.
        waitUntilQuiet(until: .now + .seconds(1), lull: .zero)
    }

    /// Closes the listening socket, but first takes the connections that the system has already made for it.
    private func takeBacklog(_ daemon: OpaquePointer) {
        MHD_quiesce_daemon(daemon)
        while true {
            var address = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let accepted = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    let socket = accept(listener, address, &length)
                    // libmicrohttpd makes the socket non-blocking, or closes it if it does not take it.
                    if socket >= 0 { MHD_add_connection(daemon, socket, address, length) }
                    return socket
                }
            }
            if accepted < 0, errno != EINTR, errno != ECONNABORTED { break }
        }
        close(listener)
    }

    private func waitUntilQuiet(until end: ContinuousClock.Instant, lull: Duration = .milliseconds(100)) {
        var begun = core.requestsBegun.load(ordering: .relaxed)
        var quietSince = ContinuousClock.now
        while case let now = ContinuousClock.now, now < end {
            let latest = core.requestsBegun.load(ordering: .relaxed)
            if core.requestsInHand.load(ordering: .acquiring) > 0 || latest != begun {
                (begun, quietSince) = (latest, now)
            } else if now - quietSince >= lull {
                return
            }
            usleep(5000)
        }
    }
}

private func startDaemon(core: ServerCore, socket: Int32) -> OpaquePointer? {
    let configuration = core.configuration
    let context = Unmanaged.passUnretained(core).toOpaque()
    let idle = Int(configuration.idleTimeout.wholeSeconds)
    var options = [
        option(.LISTEN_SOCKET, Int(socket)),
        option(.STRICT_FOR_CLIENT, 1),
        option(.CONNECTION_TIMEOUT, idle),
        option(.CONNECTION_LIMIT, configuration.maximumConnections),
        option(.CONNECTION_MEMORY_LIMIT, 2 * configuration.maximumHeaderBytes + 4096),
        option(.NOTIFY_CONNECTION, unsafeBitCast(connectionCallback, to: Int.self), context),
        option(.NOTIFY_COMPLETED, unsafeBitCast(completedCallback, to: Int.self), context),
        option(.URI_LOG_CALLBACK, unsafeBitCast(targetCallback, to: Int.self), context),
        option(.UNESCAPE_CALLBACK, unsafeBitCast(unescapeCallback, to: Int.self), context),
    ]
    if configuration.threads > 1 {
        options.append(option(.THREAD_POOL_SIZE, configuration.threads))
    }
    if let limit = configuration.maximumConnectionsPerAddress {
        options.append(option(.PER_IP_CONNECTION_LIMIT, limit))
    }
    options.append(option(.END, 0))
    let flags =
        MHD_USE_EPOLL_INTERNAL_THREAD.rawValue | MHD_USE_ITC.rawValue | MHD_ALLOW_SUSPEND_RESUME.rawValue
        | MHD_ALLOW_UPGRADE.rawValue
    return cmhd_start(UInt32(flags), requestCallback, context, &options)
}

private func option(_ name: MHD_OPTION, _ value: Int, _ pointer: UnsafeMutableRawPointer? = nil) -> MHD_OptionItem {
    MHD_OptionItem(option: name, value: value, ptr_value: pointer)
}
