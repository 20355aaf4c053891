import HTTPServer
import Testing

/// What the server does not bear.
@Suite struct LimitTests {
    static func server(_ change: (inout HTTPServer.Configuration) -> Void = { _ in }) throws -> HTTPServer {
        var configuration = HTTPServer.Configuration()
        configuration.bodyLimit = { method, path in method == "POST" && path == "/ten" ? 10 : 100 }
        configuration.errorResponse = { text($0, "error \($0)", [("X-Own", "yes")]) }
        change(&configuration)
        return try HTTPServer.start(configuration) { request, responder in
            responder.respond(text("\(request.body.count)"))
        }
    }

    @Test func aBodyAtTheLimitIsTakenAndOneOverIsNot() throws {
        let server = try Self.server()
        let client = try RawClient(port: server.port)
        let head = "POST /ten HTTP/1.1\r\nHost: h\r\nContent-Length: "
        #expect(try client.exchange(head + "10\r\n\r\n0123456789").body == "10")
        // The body is not waited for.
        let refusal = try client.exchange(head + "11\r\n\r\n")
        #expect(refusal.status == 413)
        #expect(refusal.body == "error 413")
        #expect(refusal.headers["x-own"] == "yes")
        #expect(refusal.headers["connection"] == "close")
        #expect(try client.isClosedByPeer())
    }

    @Test func theLimitIsThatOfMethodAndPath() throws {
        let server = try Self.server()
        let body = String(repeating: "x", count: 50)
        for (line, status) in [("PUT /ten", 200), ("POST /ten?a", 413), ("POST /other", 200)] {
            let response = try RawClient(port: server.port)
                .exchange("\(line) HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\n\(body)")
            #expect(response.status == status)
        }
    }

    @Test func aChunkedBodyCountsByItsBytes() throws {
        let server = try Self.server()
        let head = "POST /ten HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        let client = try RawClient(port: server.port)
        #expect(try client.exchange(head + "6\r\nabcdef\r\n4\r\nghij\r\n0\r\n\r\n").body == "10")
        let refusal = try client.exchange(head + "6\r\nabcdef\r\n5\r\nghijk\r\n0\r\n\r\n")
        #expect(refusal.status == 413)
        #expect(try client.isClosedByPeer())
    }

    @Test func anEndlessChunkedBodyIsCutOff() throws {
        let server = try Self.server()
        let client = try RawClient(port: server.port)
        try client.send("POST /ten HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        let chunk = "4000\r\n" + String(repeating: "x", count: 0x4000) + "\r\n"
        #expect(throws: (any Error).self) {
            for _ in 0..<10_000 { try client.send(chunk) }
        }
    }

    @Test func anExpectedBodyThatIsTooLargeIsNotAskedFor() throws {
        let server = try Self.server()
        let request = "POST /ten HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 999\r\n\r\n"
        #expect(try RawClient(port: server.port).exchange(request).status == 413)
    }

    @Test func headersAndTargetsHaveALimit() throws {
        let server = try Self.server { $0.maximumHeaderBytes = 8192 }
        func status(_ target: Int, _ header: Int) throws -> RawClient.Response {
            try RawClient(port: server.port).exchange(
                "GET /\(String(repeating: "t", count: target)) HTTP/1.1\r\nHost: h\r\n"
                    + "X: \(String(repeating: "v", count: header))\r\n\r\n")
        }
        // "/" + "Hosth" + "X" are seven bytes of their own.
        #expect(try status(4000, 8192 - 4000 - 7).status == 200)
        let refusal = try status(4000, 8192 - 4000 - 6)
        #expect(refusal.status == 431)
        #expect(refusal.body == "error 431")
        #expect(try status(8191, 0).status == 431)
        #expect(try status(8192, 0).status == 414)
        #expect(try status(0, 30000).status == 431)
    }

    @Test(arguments: [
        "Content-Length: 1\r\nContent-Length: 1", "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 1\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 1",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Content-Length: +1", "Content-Length: -1",
        "Content-Length: 1, 1", "Content-Length: 0x1", "Content-Length:", "Content-Length : 1", "X y: 1",
        "Content-Length: 99999999999999999999999",
    ])
    func whatCouldBeReadInTwoWaysIsRefused(fields: String) throws {
        let server = try Self.server()
        let client = try RawClient(port: server.port)
        let response = try client.exchange("POST / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n\r\n0\r\n\r\n")
        #expect(response.status == 400 || response.status == 413)
        #expect(try client.isClosedByPeer())
    }

    @Test(arguments: ["gzip, chunked", "identity", "chunked, chunked", "xchunked"])
    func otherTransferCodingsAreRefused(coding: String) throws {
        let server = try Self.server()
        let client = try RawClient(port: server.port)
        let response = try client.exchange(
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \(coding)\r\n\r\n0\r\n\r\n")
        #expect([400, 501].contains(response.status))
        #expect(try client.isClosedByPeer())
    }

    @Test(arguments: [
        "\r\n\r\n\u{0}\u{1}\u{2}", "GET\r\n\r\n", "GET / HTTP/9.9\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "G\u{0}T / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nX: a\u{0}b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
        "GET (x) HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1 x\r\nHost: h\r\n\r\n",
    ])
    func garbageNeverEndsTheServer(request: String) async throws {
        try await offPool {
            let server = try Self.server { $0.idleTimeout = .seconds(1) }
            let client = try RawClient(port: server.port)
            try client.send(request)
            client.finishSending()
            _ = try? client.response()
            #expect(try RawClient(port: server.port).exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
        }
    }

    @Test func silenceIsEndedByTheIdleTimeout() async throws {
        try await offPool {
            let server = try Self.server { $0.idleTimeout = .seconds(1) }
            let silent = try RawClient(port: server.port)
            let kept = try RawClient(port: server.port)
            #expect(try kept.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
            #expect(try silent.isClosedByPeer())
            #expect(try kept.isClosedByPeer())
        }
    }

    /// Busy, and never done: a byte now and then keeps the idle timeout away.
    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: h\r\nX: ", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 90\r\n\r\n", "",
    ])
    func aSlowRequestIsEnded(start: String) async throws {
        try await offPool {
            let server = try Self.server {
                $0.idleTimeout = .seconds(1)
                $0.requestTimeout = .seconds(1)
            }
            let client = try RawClient(port: server.port)
            try client.send(start)
            let begin = ContinuousClock.now
            #expect(throws: (any Error).self) {
                while ContinuousClock.now - begin < .seconds(10) {
                    try client.send("x")
                    pause(.milliseconds(50))
                }
            }
            #expect(ContinuousClock.now - begin > .seconds(1))
        }
    }

    @Test func connectionsBeyondTheLimitWait() throws {
        let server = try Self.server { $0.maximumConnections = 2 }
        let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
        let first = try RawClient(port: server.port)
        #expect(try first.exchange(request).status == 200)
        var second: RawClient? = try RawClient(port: server.port)
        #expect(try second?.exchange(request).status == 200)
        let third = try RawClient(port: server.port)
        try third.send(request)
        #expect(try first.exchange(request).status == 200)
        second = nil
        #expect(try third.response().status == 200)
    }

    @Test func oneAddressMayHaveSoManyConnections() throws {
        let server = try Self.server { $0.maximumConnectionsPerAddress = 1 }
        let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
        let first = try RawClient(port: server.port)
        #expect(try first.exchange(request).status == 200)
        #expect(throws: (any Error).self) { try RawClient(port: server.port).exchange(request) }
        #expect(try first.exchange(request).status == 200)
    }
}
