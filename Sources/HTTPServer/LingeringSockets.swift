import CMicroHTTPD
import Glibc

/// Sockets that have been answered and are closed in stages (RFC 9112, section 9.6): what the client still sends is read
/// and thrown away, until it closes too or a bound is reached. Closed at once with bytes unread, the system would send a
/// reset, and the client, or the proxy before it, would lose the answer.
struct LingeringSockets {
    private struct Lingering {
        let descriptor: Int32
        let end: UInt64
        var silentSince: UInt64
        var bytesLeft = 32 << 20
    }

    /// Beyond this number the oldest is closed. In milliseconds: at most so long in all, and so long without a byte.
    private static let maximum = 256
    private static let maximumTime: UInt64 = 15_000
    private static let maximumSilence: UInt64 = 2000

    private var sockets: [Lingering] = []
    private var buffer = [UInt8](repeating: 0, count: 65536)

    /// What to poll for.
    var descriptors: [pollfd] { sockets.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) } }
    var isEmpty: Bool { sockets.isEmpty }

    mutating func add(_ descriptor: Int32, now: UInt64) {
        if sockets.count >= Self.maximum { close(sockets.removeFirst().descriptor) }
        sockets.append(Lingering(descriptor: descriptor, end: now + Self.maximumTime, silentSince: now))
    }

    /// Reads what has come, and closes what is done.
    mutating func step(now: UInt64) {
        sockets = sockets.compactMap { socket in
            var socket = socket
            if drain(&socket, now: now) { return socket }
            close(socket.descriptor)
            return nil
        }
    }

    /// - Returns: whether the socket stays.
    private mutating func drain(_ socket: inout Lingering, now: UInt64) -> Bool {
        guard now < socket.end else { return false }
        // In turns, so that one that is busy holds up nobody.
        for _ in 0..<16 where socket.bytesLeft > 0 {
            let count = recv(socket.descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count < 0 { return errno == EAGAIN && now - socket.silentSince < Self.maximumSilence || errno == EINTR }
            guard count > 0 else { return false }
            socket.bytesLeft -= count
            socket.silentSince = now
        }
        return socket.bytesLeft > 0
    }

    mutating func closeAll() {
        sockets.forEach { close($0.descriptor) }
        sockets = []
    }
}

/// Milliseconds of a clock that only goes forward, from 1; exact to a few.
func milliseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
    return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000 + 1
}
