import CMicroHTTPD
import Glibc
import Synchronization

/// A connection after `101 Switching Protocols`: a socket of the caller's own, no longer counted by the server's limits.
public final class HTTPUpgradedConnection: Sendable {
    /// A blocking, connected TCP socket. Valid until `close()`. When the server stops it is shut down, so that reads
    /// end; closing it stays the caller's business.
    public let descriptor: Int32
    /// What the client sent after its request, already read off the socket: to be taken first.
    public let receivedBytes: [UInt8]
    private let sockets: UpgradedSockets
    private let isClosed = Atomic(false)

    init(descriptor: Int32, receivedBytes: [UInt8], sockets: UpgradedSockets) {
        self.descriptor = descriptor
        self.receivedBytes = receivedBytes
        self.sockets = sockets
    }

    /// Closes the socket; only the first call does. No thread may be using the descriptor any more.
    public func close() {
        if !isClosed.exchange(true, ordering: .acquiringAndReleasing) {
            sockets.close(descriptor)
        }
    }

    deinit {
        close()
    }
}

/// The upgraded sockets that are open, so that stopping can end them.
final class UpgradedSockets: Sendable {
    private let open = Mutex<Set<Int32>>([])

    func insert(_ descriptor: Int32) {
        open.withLock { _ = $0.insert(descriptor) }
    }

    func close(_ descriptor: Int32) {
        open.withLock {
            $0.remove(descriptor)
            _ = Glibc.close(descriptor)
        }
    }

    func shutDownAll() {
        open.withLock { $0.forEach { _ = shutdown($0, Int32(SHUT_RDWR)) } }
    }
}

/// What is to happen once the 101 is on its way.
final class UpgradeHandler: Sendable {
    let body: @Sendable (HTTPUpgradedConnection) -> Void
    let sockets: UpgradedSockets

    init(sockets: UpgradedSockets, body: @escaping @Sendable (HTTPUpgradedConnection) -> Void) {
        self.sockets = sockets
        self.body = body
    }
}

/// Takes a duplicate of the socket and lets libmicrohttpd close its own at once: so its limits, its timeouts and its
/// stop have nothing to do with the connection any more, and the descriptor cannot be closed behind the caller's back.
let upgradeCallback: MHD_UpgradeHandler = { context, _, _, extra, extraSize, socket, handle in
    let handler = Unmanaged<UpgradeHandler>.fromOpaque(context!).takeUnretainedValue()
    let descriptor = fcntl(socket, F_DUPFD_CLOEXEC, 0)
    let received = extra.map { Array(UnsafeRawBufferPointer(start: $0, count: extraSize)) } ?? []
    _ = cmhd_upgrade_close(handle)
    guard descriptor >= 0 else { return }
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
    handler.sockets.insert(descriptor)
    handler.body(
        HTTPUpgradedConnection(descriptor: descriptor, receivedBytes: received, sockets: handler.sockets))
}
