import HTTPServer
import Testing

/// What a request carries to the handler, and a response to the client.
@Suite struct MessageTests {
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
            "POST /a%2Fb/+c?x=%41&y HTTP/1.1\r\nHost: h\r\nX-Odd: a\u{FC}b\r\nx-odd: 2\r\nContent-Length: 5\r\n\r\nhello")
        #expect(response.status == 200)
        #expect(response.headers["x-kind"] == "echo")
        #expect(response.headers["date"]?.hasSuffix("GMT") == true)
        #expect(
            response.body
                == "POST /a%2Fb/+c x=%41&y 127.0.0.1\nHost=h\nX-Odd=a\u{FC}b\nx-odd=2\nContent-Length=5\nhello")
    }
}
