import HTTPServer
import TestSupport
import Testing

/// What the server does not bear.
@Suite(.timeLimit(.minutes(5))) struct LimitTests {
    static let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

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
        let whole = head + "6\r\nabcdef\r\n4\r\nghij\r\n0\r\n\r\n"
        #expect(try RawClient(port: server.port).exchange(whole).body == "10")
        let client = try RawClient(port: server.port)
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

    /// Whatever it has to hold for a request, libmicrohttpd has the memory left for an answer.
    @Test(arguments: ["&a=1", "&", "&a"])
    func manyParametersAreTaken(parameter: String) throws {
        let server = try Self.server()
        for count in [100, 200, 250, 300, 330, 400, 1000, 4000] {
            let query = String(repeating: parameter, count: count)
            let client = try RawClient(port: server.port)
            let status = try client.exchange("GET /?\(query) HTTP/1.1\r\nHost: h\r\n\r\n").status
            #expect(status == 200 || query.utf8.count > 15_000)
        }
    }

    @Test(arguments: ["a: b\r\n", "Cookie: a=b\r\n", "a:\r\n"])
    func manyFieldsAreTakenOrRefusedAtOnce(field: String) throws {
        let server = try Self.server { $0.maximumHeaderBytes = 8192 }
        for count in Array(stride(from: 20, to: 700, by: 10)) + [1000, 3000] {
            let client = try RawClient(port: server.port)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\(String(repeating: field, count: count))\r\n")
            let status = try client.response().status
            #expect(status == 200 || status == 431, "\(count): \(status)")
        }
    }

    /// libmicrohttpd makes a field of each cookie: where its memory ends just there, it closes without an answer.
    @Test func manyCookiesAreTakenOrRefusedAtOnce() throws {
        let server = try Self.server { $0.maximumHeaderBytes = 8192 }
        for count in Array(stride(from: 20, to: 700, by: 10)) + [1000, 2000] {
            let client = try RawClient(port: server.port)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\nCookie: \(String(repeating: "a=1;", count: count))\r\n\r\n")
            do {
                let status = try client.response().status
                #expect(status == 200 || status == 431, "\(count): \(status)")
            } catch RawClient.Failure.closed {}
        }
    }

    @Test(arguments: [
        "GET /\u{1} HTTP/1.1\r\nHost: h\r\n", "GET /a\u{7F} HTTP/1.1\r\nHost: h\r\n",
        "GET /a b HTTP/1.1\r\nHost: h\r\n",
        "GET /a\tb HTTP/1.1\r\nHost: h\r\n", "GET /a?\u{8}&b HTTP/1.1\r\nHost: h\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n", "GET / HTTP/1.1\r\nHost: h\r\nhost: i\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: a\r\nAuthorization: b\r\n",
        "GET /a\u{0}b HTTP/1.1\r\nHost: h\r\n", "GET /a?b\u{0}c HTTP/1.1\r\nHost: h\r\n",
        "GET  / HTTP/1.1\r\nHost: h\r\n", "GET /  HTTP/1.1\r\nHost: h\r\n", "GET\t/ HTTP/1.1\r\nHost: h\r\n",
        "GET / HTTP/1.9\r\nHost: h\r\n", "GET / HTTP/1.1\r\nX: h\r\n",
        "GET / HTTP/1.1\nHost: h\r\n", "GET / HTTP/1.1\r\nHost: h\n", "GET / HTTP/1.1\r\nHost: h\r\nX: a\n b\r\n",
    ])
    func whatIsNotHTTPToTheLetterIs400(head: String) throws {
        let held = try Held()
        let client = try RawClient(port: held.server.port)
        #expect(try client.exchange(head + "\r\n").status == 400)
        #expect(try client.isClosedByPeer())
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
        "Transfer-Encoding: chunked ", "Transfer-Encoding: chunked\t", "Content-Length: 5 ",
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

    @Test func theLongestIdleConnectionMakesRoom() throws {
        let held = try Held { $0.maximumConnections = 3 }
        func exchange(_ client: RawClient) throws -> String {
            try client.send(Self.request)
            try held.requests.take().1.respond(text("x"))
            return try client.response().body
        }
        let clients = try (0..<3).map { _ in try RawClient(port: held.server.port) }
        for number in [1, 2, 0] {
            #expect(try exchange(clients[number]) == "x")
            pause(.milliseconds(20))
        }
        let next = try RawClient(port: held.server.port)
        #expect(try exchange(next) == "x")
        #expect(try clients[1].isClosedByPeer())
        for client in [clients[2], clients[0], next] { #expect(try exchange(client) == "x") }
    }

    @Test func connectionsThatWaitForTheServerAreKept() throws {
        let held = try Held { $0.maximumConnections = 2 }
        let clients = try (0..<2).map { _ in try RawClient(port: held.server.port) }
        for client in clients { try client.send(Self.request) }
        let requests = try clients.map { _ in try held.requests.take() }
        let third = try RawClient(port: held.server.port)
        try third.send(Self.request)
        pause(.milliseconds(100))
        for (_, responder) in requests { responder.respond(text("kept")) }
        for client in clients { #expect(try client.response().body == "kept") }
        try held.requests.take().1.respond(text("third"))
        #expect(try third.response().body == "third")
    }

    /// A client beyond the limit of its address takes the place of the address's longest idle one; others notice nothing.
    @Test func oneAddressMayHaveSoManyConnections() throws {
        let held = try Held { $0.maximumConnectionsPerAddress = 1 }
        let other = try RawClient(port: held.server.port, from: "127.0.0.2")
        try other.send(Self.request)
        let (request, responder) = try held.requests.take()
        #expect(request.remoteAddress == "127.0.0.2")
        let first = try RawClient(port: held.server.port)
        let second = try RawClient(port: held.server.port)
        #expect(try first.isClosedByPeer())
        try second.send(Self.request)
        let (_, late) = try held.requests.take()
        // It is busy: a third is not taken.
        #expect(try RawClient(port: held.server.port).isClosedByPeer())
        late.respond(text("second"))
        responder.respond(text("other"))
        #expect(try second.response().body == "second")
        #expect(try other.response().body == "other")
    }
}
