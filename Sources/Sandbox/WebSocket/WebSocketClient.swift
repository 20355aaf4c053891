import Glibc
import Synchronization

/// A WebSocket client over plain TCP: enough for trying things out, and for tests.
public final class WebSocketClient: Sendable {
    /// What the server sent, in order.
    public enum Event: Sendable, Equatable {
        case text(String)
        /// The connection is over; always the last event.
        case closed(code: UInt16)
    }

    /// Ends after `closed`.
    public let events: AsyncStream<Event>
    private let loop: WebSocketLoop
    private let connection: WebSocketLoop.ID

    /// Connects and performs the handshake on a thread of its own, within `timeout`.
    ///
    /// `path` has the query with it. IPv4 and IPv6.
    public static func connect(
        host: String, port: UInt16, path: String, timeout: Duration = .seconds(10)
    ) async throws(SandboxError) -> WebSocketClient {
        let result: Result<WebSocketLoop.Socket, SandboxError> = await withCheckedContinuation { continuation in
            startThread {
                let key = WebSocketHandshake.newKey()
                do throws(SandboxError) {
                    let socket = try TCPSocket(host: host, port: port, timeout: timeout)
                    let early = try socket.handshake(host: host, port: port, path: path, key: key)
                    continuation.resume(
                        returning: .success(.init(descriptor: socket.descriptor, early: early, finish: socket.close)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try WebSocketClient(result.get())
    }

    private init(_ socket: WebSocketLoop.Socket) {
        let (events, continuation) = AsyncStream.makeStream(of: Event.self)
        self.events = events
        loop = WebSocketLoop(
            role: .client, limits: .init(messageBytes: 1 << 20),
            handlers: .init(
                received: { _, text in continuation.yield(.text(String(decoding: text, as: UTF8.self))) },
                closed: { _, code in
                    continuation.yield(.closed(code: code))
                    continuation.finish()
                }))
        connection = loop.add(socket)
    }

    /// Queues a text message; returns at once.
    public func send(_ text: String) { loop.send(Array(text.utf8), to: connection) }

    /// Closes politely (1000) and waits until the connection and its thread are gone. Idempotent.
    public func close() async {
        loop.close(connection, code: 1000, reason: "")
        await loop.stop()
    }
}

/// A connected TCP socket with a time limit for the handshake. Blocks: use it on a thread of its own.
private struct TCPSocket: Sendable {
    let descriptor: Int32

    init(host: String, port: UInt16, timeout: Duration) throws(SandboxError) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let first = found else {
            throw SandboxError("\(host) is not known")
        }
        defer { freeaddrinfo(first) }
        var candidate: UnsafeMutablePointer<addrinfo>? = first
        var limit = timeval(tv_sec: Int(timeout.components.seconds), tv_usec: 0)
        while let address = candidate?.pointee {
            let descriptor = socket(address.ai_family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 {
                self.descriptor = descriptor
                return
            }
            Glibc.close(descriptor)
            candidate = address.ai_next
        }
        throw SandboxError("no connection to \(host):\(port)")
    }

    @Sendable func close() { Glibc.close(descriptor) }

    /// Returns what came after the answer's header. Closes the socket when it throws.
    func handshake(host: String, port: UInt16, path: String, key: String) throws(SandboxError) -> [UInt8] {
        let request = """
            GET \(path) HTTP/1.1\r
            Host: \(host):\(port)\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Key: \(key)\r
            Sec-WebSocket-Version: 13\r
            \r

            """
        let bytes = Array(request.utf8)
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        var end: Range<Int>?
        if send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count {
            while end == nil, answer.count < 16_384 {
                let count = recv(descriptor, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                answer += buffer.prefix(count)
                end = answer.firstRange(of: Array("\r\n\r\n".utf8))
            }
        }
        let lines = String(decoding: answer.prefix(end?.lowerBound ?? 0), as: UTF8.self).split(separator: "\r\n")
        let accept = lines.first { $0.lowercased().hasPrefix("sec-websocket-accept:") }?
            .split(separator: ":", maxSplits: 1).last?.drop { $0 == " " }
        guard let end, lines.first?.hasPrefix("HTTP/1.1 101") == true,
            accept.map(String.init) == WebSocketHandshake.accept(key: key)
        else {
            close()
            throw SandboxError("no WebSocket at \(host):\(port)\(path): \(lines.first ?? "no answer")")
        }
        return Array(answer[end.upperBound...])
    }
}
