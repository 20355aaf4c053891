import HTTPServer
import TestSupport
import Testing

/// What a request carries to the handler, and a response to the client.
@Suite(.timeLimit(.minutes(5))) struct MessageTests {
    /// Answers with what it saw.
    static func echo(_ configuration: HTTPServer.Configuration = .init()) throws -> HTTPServer {
        try HTTPServer.start(configuration) { request, responder in
            var text = "\(request.method) \(request.path) \(request.query ?? "-") \(request.remoteAddress)\n"
            for (name, value) in request.headers.fields {
                text += "\(name)=\(value)\n"
            }
            responder.respond(
                HTTPResponse(status: 200, headers: [("X-Kind", "echo")], body: Array(text.utf8) + request.body))
        }
    }

    @Test func aRequestReachesTheHandlerAsSent() throws {
        let server = try Self.echo()
        let client = try RawClient(port: server.port)
        let response = try client.exchange(
            "POST /a%2Fb/+c?x=%41&y HTTP/1.1\r\nHost: h\r\nX-Odd: a\u{FC}b\r\nx-odd: 2\r\nContent-Length: 5\r\n\r\nhello"
        )
        #expect(response.status == 200)
        #expect(response.headers["x-kind"] == "echo")
        #expect(response.headers["date"]?.hasSuffix("GMT") == true)
        #expect(
            response.body
                == "POST /a%2Fb/+c x=%41&y 127.0.0.1\nHost=h\nX-Odd=a\u{FC}b\nx-odd=2\nContent-Length=5\nhello")
    }

    @Test(arguments: ["http://other/p?q", "HTTPS://other/p?q"])
    func anAbsoluteTargetLosesItsAuthority(target: String) throws {
        let server = try Self.echo()
        let response = try RawClient(port: server.port).exchange("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(response.body.hasPrefix("GET /p q "))
    }

    @Test func anAbsoluteTargetMayHaveNoPath() throws {
        let server = try Self.echo()
        let response = try RawClient(port: server.port).exchange("GET http://other HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(response.body.hasPrefix("GET / - "))
    }

    @Test(arguments: ["PATCH", "OPTIONS", "QUERY", "get"])
    func anyMethodReachesTheHandler(method: String) throws {
        let server = try Self.echo()
        let response = try RawClient(port: server.port).exchange("\(method) * HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(response.body.hasPrefix("\(method) * - "))
    }

    @Test func bytesThatAreNotUTF8BecomeReplacementCharacters() throws {
        let server = try Self.echo()
        let client = try RawClient(port: server.port)
        try client.send("GET /")
        try client.send([0xFF, 0x3F, 0xC3])
        try client.send(" HTTP/1.1\r\nHost: h\r\nX: ")
        try client.send([0xFE, 0x0D, 0x0A, 0x0D, 0x0A])
        #expect(try client.response().body == "GET /\u{FFFD} \u{FFFD} 127.0.0.1\nHost=h\nX=\u{FFFD}\n")
    }

    @Test func headHasTheLengthAndNoBody() throws {
        let server = try Self.echo()
        let client = try RawClient(port: server.port)
        let head = try client.exchange("HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n", hasBody: false)
        #expect(head.headers["content-length"] == "\("HEAD /x - 127.0.0.1\nHost=h\n".utf8.count)")
        #expect(try client.exchange("GET /y HTTP/1.1\r\nHost: h\r\n\r\n").body.hasPrefix("GET /y"))
    }

    @Test func chunkedBodiesArriveWhole() throws {
        let server = try Self.echo()
        let client = try RawClient(port: server.port)
        try client.send("POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")
        try client.send("lo\r\n6;x=y\r\n world\r\n0\r\nX-Trailer: t\r\n\r\n")
        let response = try client.response()
        #expect(response.body.hasSuffix("\nhello world"))
        #expect(!response.body.contains("X-Trailer"))
        #expect(response.headers["connection"] == "close")
    }

    /// Where a chunked body ends can be seen in two ways, so what comes after one is not read.
    @Test(arguments: ["\r\n", "\n"])
    func nothingAfterAChunkedBodyIsTaken(end: String) throws {
        let held = try Held()
        let client = try RawClient(port: held.server.port)
        let next = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n"
        try client.send(
            "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\(end)a\(end)0\(end)\(end)\(next)")
        try held.requests.take().1.respond(text("one"))
        #expect(try client.response().body == "one")
        #expect(try client.isClosedByPeer())
    }

    /// RFC 9110, section 5.5.
    @Test(arguments: ["a b", " a b", "\t a b", "a b ", "a b\t", " \ta b \t "])
    func blanksAroundAValueAreNotOfIt(value: String) throws {
        let server = try Self.echo()
        let request = "POST / HTTP/1.1\r\nHost: h\r\nX:\(value)\r\nContent-Length: \t 2\r\n\r\nok"
        let body = try RawClient(port: server.port).exchange(request).body
        #expect(body == "POST / - 127.0.0.1\nHost=h\nX=a b\nContent-Length=2\nok")
    }

    @Test func theLinesOfAHeaderAreAList() throws {
        let held = try Held()
        let client = try RawClient(port: held.server.port)
        try client.send("GET / HTTP/1.1\r\nHost: h\r\nX: a \r\nY: b\r\nx:\tc\r\n\r\n")
        let (request, _) = try held.requests.take()
        #expect(request.headers.all("X") == ["a", "c"])
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        let server = try Self.echo()
        let client = try RawClient(port: server.port)
        try client.send(
            (0..<20).map { "POST /\($0) HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab" }.joined())
        for number in 0..<20 {
            #expect(try client.response().body.hasPrefix("POST /\(number) "))
        }
    }

    @Test func expectContinueIsGranted() throws {
        let server = try Self.echo()
        let client = try RawClient(port: server.port)
        let request = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        #expect(try client.exchange(request).status == 100)
        #expect(try client.exchange("ok").body.hasSuffix("\nok"))
    }

    @Test(arguments: ["GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"])
    func theConnectionClosesWhenAskedTo(request: String) throws {
        let server = try Self.echo()
        let client = try RawClient(port: server.port)
        #expect(try client.exchange(request).headers["connection"] == "close")
        #expect(try client.isClosedByPeer())
    }

    /// A 304 tells the length of what it stands for.
    @Test(arguments: [(204, "gone", nil), (204, "", nil), (304, "four", "4")] as [(Int, String, String?)])
    func someResponsesHaveNoBody(status: Int, body: String, length: String?) throws {
        let server = try HTTPServer.start(.init()) { _, responder in responder.respond(text(status, body)) }
        let client = try RawClient(port: server.port)
        for _ in 0..<2 {
            let response = try client.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n", hasBody: false)
            #expect(response.status == status)
            #expect(response.headers["content-length"] == length)
        }
    }

    @Test(arguments: [
        ("X", "a\r\nSet-Cookie: b"), ("X", "a\nb"), ("X", "a\0b"), ("X y", "a"), ("", "a"), ("X:", "a"),
    ])
    func aResponseThatWouldSplitIsNotSent(name: String, value: String) throws {
        let server = try HTTPServer.start(.init()) { _, responder in
            responder.respond(text(200, "secret", [(name, value)]))
        }
        let response = try RawClient(port: server.port).exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(response.status == 500)
        #expect(response.headers["set-cookie"] == nil)
        #expect(response.body == #"{"message":"Server Error","code":"server_error"}"#)
    }

    @Test(arguments: [0, 100, 101, 199, 600, -1])
    func aStatusThatIsNoneBecomes500(status: Int) throws {
        let server = try HTTPServer.start(.init()) { _, responder in responder.respond(text(status, "x")) }
        #expect(try RawClient(port: server.port).exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 500)
    }

    @Test func framingFieldsOfAResponseAreTheServers() throws {
        let server = try HTTPServer.start(.init()) { _, responder in
            let fields = [(name: "content-length", value: "99"), ("Transfer-Encoding", "chunked"), ("X", "1")]
            responder.respond(text(200, "four", fields))
        }
        let response = try RawClient(port: server.port).exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(response.body == "four")
        #expect(response.headers["transfer-encoding"] == nil)
        #expect(response.headers["x"] == "1")
    }

    @Test func aLargeResponseArrivesWhole() throws {
        let body = [UInt8](repeating: 0x61, count: 3_000_000)
        let server = try HTTPServer.start(.init()) { _, responder in
            responder.respond(HTTPResponse(status: 200, body: body))
        }
        let response = try RawClient(port: server.port).exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(response.body.utf8.count == body.count)
    }
}
