import Glibc

/// A TCP client that sends exactly what it is told. Reads give up after ten seconds.
package final class RawClient {
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    /// - Parameters:
    ///   - source: an address of this machine to come from.
    ///   - receiveBuffer: bytes that the kernel keeps for a client that does not read; nil: as many as it likes.
    package init(port: UInt16, from source: String = "127.0.0.1", receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        inet_pton(AF_INET, source, &address.sin_addr)
        var result = Self.with(&address) { bind(descriptor, $0, $1) }
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        if result == 0 { result = Self.with(&address) { connect(descriptor, $0, $1) } }
        guard result == 0 else { throw Failure.errno(errno) }
    }

    private static func with(
        _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }

    package enum Failure: Error {
        case errno(Int32)
        case closed
        case malformed(String)
    }

    package func send(_ text: String) throws {
        try send(Array(text.utf8))
    }

    package func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if sent < 0, errno == EINTR { continue }
            guard sent > 0 else { throw Failure.errno(errno) }
            rest = rest.dropFirst(sent)
        }
    }

    /// Sends all of it, or as much as the peer takes within ten seconds.
    /// - Returns: false if the peer has closed, or takes no more.
    @discardableResult
    package func offer(_ bytes: some Sequence<UInt8>) -> Bool {
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

    /// What comes until the peer closes, or says nothing for `patience` milliseconds.
    package func read(patience: Int32) -> (text: String, isClosed: Bool) {
        var read = buffer
        buffer = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&poller, 1, patience) > 0 else { return (String(decoding: read, as: UTF8.self), false) }
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { return (String(decoding: read, as: UTF8.self), true) }
            read += chunk[..<count]
        }
    }

    /// Sends nothing more; reading goes on.
    package func finishSending() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// True at the end of the stream or a reset; false if more bytes came.
    package func isClosedByPeer() throws -> Bool {
        do {
            try fill()
            return false
        } catch Failure.closed {
            return true
        }
    }

    package func line() throws -> String {
        while true {
            if let end = buffer.firstIndex(of: 0x0A) {
                let line = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeSubrange(...end)
                return line.hasSuffix("\r") ? String(line.dropLast()) : line
            }
            try fill()
        }
    }

    package func bytes(_ count: Int) throws -> [UInt8] {
        while buffer.count < count {
            try fill()
        }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    package struct Response {
        package var status: Int
        package var headers: [String: String]
        package var body: String
    }

    /// One response; `hasBody` false after HEAD.
    package func response(hasBody: Bool = true) throws -> Response {
        let start = try line().split(separator: " ")
        guard start.count >= 2, start[0] == "HTTP/1.1" || start[0] == "HTTP/1.0", let status = Int(start[1]) else {
            throw Failure.malformed(start.joined(separator: " "))
        }
        var headers: [String: String] = [:]
        while case let line = try line(), !line.isEmpty {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
        }
        let length = status == 101 || status < 200 || !hasBody ? 0 : Int(headers["content-length"] ?? "0") ?? 0
        return Response(status: status, headers: headers, body: String(decoding: try bytes(length), as: UTF8.self))
    }

    package func exchange(_ request: String, hasBody: Bool = true) throws -> Response {
        try send(request)
        return try response(hasBody: hasBody)
    }

    private func fill() throws {
        var chunk = [UInt8](repeating: 0, count: 65536)
        var count = recv(descriptor, &chunk, chunk.count, 0)
        while count < 0, errno == EINTR { count = recv(descriptor, &chunk, chunk.count, 0) }
        guard count >= 0 || errno == ECONNRESET else { throw Failure.errno(errno) }
        guard count > 0 else { throw Failure.closed }
        buffer.append(contentsOf: chunk[..<count])
    }

    deinit {
        close(descriptor)
    }
}
