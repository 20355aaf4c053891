import CMicroHTTPD
import Glibc

/// Where connections come in and leave: accepts them for the daemon, within the limits, and closes in stages. Used by the
/// thread of `ServerLife` alone.
struct Door: ~Copyable {
    private let core: ServerCore
    private let daemon: OpaquePointer
    private let wake: Int32
    /// -1 once closed.
    private var listener: Int32
    private var lingering = LingeringSockets()
    /// Accepted, and waits for room.
    private var waiting: Client?
    /// There is no room before this time.
    private var isFullUntil: UInt64 = 0
    private var isStopping = false
    /// Milliseconds until room is looked for again.
    private static let pause: UInt64 = 10

    init(core: ServerCore, daemon: OpaquePointer, listener: Int32, wake: Int32) {
        self.core = core
        self.daemon = daemon
        self.listener = listener
        self.wake = wake
    }

    /// Waits for something to do, for so many milliseconds at most, and does it.
    mutating func serve(for time: Int32) {
        let isFull = milliseconds() < isFullUntil
        var descriptors = lingering.descriptors
        descriptors.append(pollfd(fd: wake, events: Int16(POLLIN), revents: 0))
        descriptors.append(pollfd(fd: isFull ? -1 : listener, events: Int16(POLLIN), revents: 0))
        let patience = isFull ? Int32(Self.pause) : lingering.isEmpty ? 1000 : 100
        poll(&descriptors, nfds_t(descriptors.count), min(time, patience))
        var value: eventfd_t = 0
        eventfd_read(wake, &value)
        let now = milliseconds()
        lingering.step(now: now)
        for socket in core.takeLeaving() { lingering.add(socket, now: now) }
        if !isFull { accept(256) }
    }

    /// Takes the connections that the system has already made, and closes the listening socket.
    mutating func stopListening() {
        isStopping = true
        accept(.max)
        close(listener)
        listener = -1
    }

    mutating func closeAll() {
        for socket in core.takeLeaving() { lingering.add(socket, now: milliseconds()) }
        lingering.closeAll()
    }

    private mutating func accept(_ maximum: Int) {
        guard listener >= 0 else { return }
        for _ in 0..<maximum {
            if waiting == nil {
                var client = Client()
                client.socket = client.withAddress { Glibc.accept(listener, $0, $1) }
                if client.socket < 0 {
                    if errno == EINTR || errno == ECONNABORTED { continue }
                    // With no descriptor or memory to be had, trying again at once is of no use.
                    if errno != EAGAIN { isFullUntil = milliseconds() + Self.pause }
                    return
                }
                waiting = client
            }
            guard let client = waiting, admit(client) else {
                isFullUntil = milliseconds() + Self.pause
                return
            }
            waiting = nil
        }
    }

    /// - Returns: false if there is no room at present.
    private func admit(_ client: Client) -> Bool {
        var client = client
        switch core.admit(client.socket, address: client.withAddress { address, _ in addressText(address) }) {
        case .wait where !isStopping: return false
        case .refuse: close(client.socket)
        case .wait, .take:
            let socket = client.socket
            // If libmicrohttpd does not take the socket it closes it.
            if client.withAddress({ MHD_add_connection(daemon, socket, $0, $1.pointee) }) != .YES {
                core.closed(socket)
            }
        }
        return true
    }

    /// A client whose connection the system has made.
    private struct Client {
        var socket: Int32 = -1
        private var address = sockaddr_storage()
        private var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

        mutating func withAddress<R>(
            _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> R
        ) -> R {
            withUnsafeMutablePointer(to: &address) { address in
                withUnsafeMutablePointer(to: &length) { length in
                    address.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
                }
            }
        }
    }
}

/// Gives memory back to the system once much less is needed than was: the C library keeps it otherwise.
struct MemoryReturn {
    private static let worthIt = 16 << 20
    private var peak = 0

    /// - Parameter footprint: in bytes, about.
    mutating func look(at footprint: Int) {
        peak = max(peak, footprint)
        if peak - footprint > Self.worthIt, footprint < peak / 2 {
            malloc_trim(0)
            peak = footprint
        }
    }
}
