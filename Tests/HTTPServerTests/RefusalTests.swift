import Glibc
import HTTPServer
import Synchronization
import TestSupport
import Testing

/// Refusals while the client still sends reach it: they are not lost to a reset.
@Suite(.timeLimit(.minutes(5))) struct RefusalTests {
    static func server(_ change: (inout HTTPServer.Configuration) -> Void = { _ in }) throws -> HTTPServer {
        var configuration = HTTPServer.Configuration()
        configuration.maximumHeaderBytes = 8192
        configuration.refusal = { head in
            head.headers["X-Pass"] == nil && head.path == "/guarded" ? text(401, "no", [("X-Own", "1")]) : nil
        }
        change(&configuration)
        return try HTTPServer.start(configuration) { request, responder in
            responder.respond(text("\(request.body.count)"))
        }
    }

    /// Sends all of a large body before it reads the answer, as simple clients do; what is sent is never read by the handler.
    @Test(arguments: [
        ("POST /guarded HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n", 60_000, 401),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n", 1_000_000, 413),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000000\r\n\r\n", 20_000_000, 413),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 1_000_000, 501),
        ("POST / HTTP/1.1\r\nHost: h\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n", 1_000_000, 400),
        ("POST /\(String(repeating: "t", count: 8192)) HTTP/1.1\r\nHost: h\r\n\r\n", 1_000_000, 414),
        ("POST / HTTP/1.1\r\nHost: h\r\nX: \(String(repeating: "v", count: 8192))\r\n\r\n", 1_000_000, 431),
        // These are libmicrohttpd's own.
        ("POST /\(String(repeating: "t", count: 40_000)) HTTP/1.1\r\nHost: h\r\n\r\n", 1_000_000, 414),
        ("POST / HTTP/1.1\r\nHost: h\r\nX: \(String(repeating: "v", count: 40_000))\r\n\r\n", 1_000_000, 431),
        ("POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n", 1_000_000, 400),
    ])
    func areSeenByAClientThatSendsFirst(head: String, size: Int, status: Int) throws {
        let server = try Self.server()
        let rest = [UInt8](repeating: 0x78, count: size)
        for _ in 0..<10 {
            let client = try RawClient(port: server.port)
            try client.send(Array(head.utf8) + rest)
            #expect(try client.response().status == status)
            client.finishSending()
        }
    }

    @Test(arguments: [1, 5, 20])
    func aChunkedBodyThatIsTooLargeIs413(megabytes: Int) throws {
        let server = try Self.server()
        let chunk = "4000\r\n" + String(repeating: "x", count: 0x4000) + "\r\n"
        for _ in 0..<5 {
            let client = try RawClient(port: server.port)
            try client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<megabytes * 64 { try client.send(chunk) }
            try client.send("0\r\n\r\n")
            let response = try client.response()
            #expect(response.status == 413)
            #expect(response.body == #"{"message":"The request body is too large.","code":"payload_too_large"}"#)
            #expect(response.headers["connection"] == "close")
            #expect(response.headers["date"]?.hasSuffix(" GMT") == true)
        }
    }

    @Test func theHeaderAloneDecides() throws {
        let seen = Mutex<[HTTPRequest]>([])
        let server = try Self.server {
            $0.refusal = { head in
                seen.withLock { $0.append(head) }
                return head.path == "/no" ? text(401, "no", [("X-Own", "1")]) : nil
            }
        }
        let client = try RawClient(port: server.port)
        #expect(try client.exchange("POST /yes?q HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok").body == "2")
        // The body is not waited for.
        let refusal = try client.exchange("PUT /no HTTP/1.1\r\nHost: h\r\nX: y\r\nContent-Length: 9\r\n\r\n")
        #expect(refusal.status == 401)
        #expect(refusal.body == "no")
        #expect(refusal.headers["x-own"] == "1")
        #expect(refusal.headers["connection"] == "close")
        #expect(try client.isClosedByPeer())
        let heads = seen.withLock { $0 }
        #expect(heads.map(\.method) == ["POST", "PUT"])
        #expect(heads.map(\.query) == ["q", nil])
        #expect(heads.map(\.body.count) == [0, 0])
        #expect(heads[1].headers["x"] == "y")
        #expect(heads[1].remoteAddress == "127.0.0.1")
    }

    /// What is refused by its size is not asked about.
    @Test func sizeComesFirst() throws {
        let server = try Self.server()
        let client = try RawClient(port: server.port)
        #expect(
            try client.exchange("POST /guarded HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n").status == 413)
    }

    /// Clients that never stop sending, or neither send nor close, are cut off after a while, and stopping waits for none.
    @Test func refusedClientsDoNotHoldTheServer() async throws {
        let server = try Self.server()
        let clients = try (0..<300).map { _ in try RawClient(port: server.port) }
        for client in clients {
            #expect(
                try client.exchange("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n").status == 413)
        }
        let busy = try #require(clients.last)
        let piece = [UInt8](repeating: 0x78, count: 1 << 20)
        #expect(throws: RawClient.Failure.self) { for _ in 0..<200 { try busy.send(piece) } }
        // Seen by a thread of its own: where other tests block the pool, this one goes on late.
        let (opened, ended) = (Mailbox<Void>(), Mailbox<ContinuousClock.Instant>())
        onThread { [port = server.port] in
            guard let idle = try? RawClient(port: port) else { return }
            opened.put(())
            _ = try? idle.isClosedByPeer()
            ended.put(.now)
        }
        try opened.take()
        let before = ContinuousClock.now
        await server.stop(within: .seconds(5))
        #expect(try ended.take() - before < .seconds(4))
    }
}
