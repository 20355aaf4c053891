import HTTPServer
import TestSupport
import Testing

/// A client that has sent all it will is not gone (RFC 9112, section 9.6): it gets all its answers, and then the end.
@Suite(.timeLimit(.minutes(5))) struct HalfClosedTests {
    static let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    static let post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
    static let large = String(repeating: "x", count: 60_000)

    @Test(
        arguments: [
            [get], [post], ["GET / HTTP/1.0\r\n\r\n"], ["POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello"],
            ["POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n\(large)"],
            ["POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1"],
            ["POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
            [post + "\r\n"],
            [get, get, get], [post, post, post], [get, post], [post, get],
        ], [true, false])
    func isAnswered(requests: [String], endsLater: Bool) throws {
        let held = try Held()
        // libmicrohttpd proceeds in another order with an older connection beside it.
        let older = try RawClient(port: held.server.port)
        try older.send(Self.get)
        try held.requests.take().1.respond(text("older"))
        #expect(try older.response().body == "older")
        let client = try RawClient(port: held.server.port)
        try client.send(requests.joined())
        if !endsLater { client.finishSending() }
        for number in requests.indices {
            let (_, responder) = try held.requests.take()
            client.finishSending()
            pause(.milliseconds(20))
            responder.respond(text("\(number)"))
        }
        for number in requests.indices { #expect(try client.response().body == "\(number)") }
        #expect(try client.isClosedByPeer())
    }

    /// Answered on the event thread, before libmicrohttpd has seen the end.
    @Test func isAnsweredAtOnce() throws {
        let server = try HTTPServer.start(.init()) { _, responder in responder.respond(text("x")) }
        for _ in 0..<50 {
            let client = try RawClient(port: server.port)
            try client.send(Self.post + Self.get)
            client.finishSending()
            for _ in 0..<2 { #expect(try client.response().body == "x") }
            #expect(try client.isClosedByPeer())
        }
    }

    /// Nothing is to come any more, so nothing is waited for, long before a timeout.
    @Test(arguments: [
        "", "G", "GET / HTTP/1.1\r\nHost: h\r\n", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n30\r\nx", Self.get + "GET",
    ])
    func aRequestThatWasNotFinishedEnds(start: String) throws {
        let server = try HTTPServer.start(.init()) { _, responder in responder.respond(text("x")) }
        for _ in 0..<3 {
            let client = try RawClient(port: server.port)
            try client.send(start)
            client.finishSending()
            _ = try? client.response()
            #expect(try client.isClosedByPeer())
        }
    }

    @Test func amongManyAllAreAnswered() throws {
        let held = try Held()
        for _ in 0..<4 {
            onThread { [requests = held.requests] in
                while let (_, responder) = try? requests.take() {
                    pause(.milliseconds(1))
                    responder.respond(text("x"))
                }
            }
        }
        for _ in 0..<5 {
            let clients = try (0..<100).map { _ in try RawClient(port: held.server.port) }
            for client in clients {
                try client.send(Self.post)
                client.finishSending()
            }
            for client in clients {
                #expect(try client.response().body == "x")
                #expect(try client.isClosedByPeer())
            }
        }
    }
}
