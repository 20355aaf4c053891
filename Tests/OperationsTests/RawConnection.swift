import Glibc

/// A TCP connection to this machine that sends exactly what it is told.
final class RawConnection {
    struct Failure: Error { let errno: Int32 }

    private let descriptor: Int32

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(errno: errno) }
    }

    /// Sends all of it, or as much as the peer takes within ten seconds.
    /// - Returns: false if the peer has closed, or takes no more.
    @discardableResult
    func send(_ bytes: some Sequence<UInt8>) -> Bool {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
            let sent = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, flags) }
            if sent < 0 && errno == EAGAIN {
                var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                guard poll(&poller, 1, 10_000) > 0 else { return false }
            } else {
                guard sent > 0 else { return false }
                rest = rest.dropFirst(sent)
            }
        }
        return true
    }

    /// Sends nothing more; reading goes on.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// What comes until the peer closes, or says nothing for `patience` milliseconds.
    func read(patience: Int32) -> (text: String, isClosed: Bool) {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&poller, 1, patience) > 0 else { return (String(decoding: bytes, as: UTF8.self), false) }
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { return (String(decoding: bytes, as: UTF8.self), true) }
            bytes += chunk[..<count]
        }
    }

    deinit { close(descriptor) }
}
