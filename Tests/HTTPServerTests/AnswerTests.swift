import HTTPServer
import Synchronization
import TestSupport
import Testing

/// Answers that come late, twice, never, or for nobody.
@Suite(.timeLimit(.minutes(5))) struct AnswerTests {
    static let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

    @Test func twoHundredClientsAreAnsweredFromOtherThreads() throws {
        let held = try Held()
        for _ in 0..<4 {
            onThread { [requests = held.requests] in
                while let (request, responder) = try? requests.take(), request.path != "/end" {
                    responder.respond(text(request.path + " " + String(decoding: request.body, as: UTF8.self)))
                }
            }
        }
        let clients = try (0..<200).map { _ in try RawClient(port: held.server.port) }
        for round in 0..<5 {
            for (number, client) in clients.enumerated() {
                try client.send("POST /\(number) HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n\(round)")
            }
            for (number, client) in clients.enumerated() {
                #expect(try client.response().body == "/\(number) \(round)")
            }
        }
        for client in clients.prefix(4) {
            try client.send("GET /end HTTP/1.1\r\nHost: h\r\n\r\n")
        }
    }

    @Test func anAnswerRacingWithTheHandlersReturnIsSent() throws {
        let server = try HTTPServer.start(.init()) { request, responder in
            onThread { responder.respond(text(request.path)) }
        }
        let client = try RawClient(port: server.port)
        for number in 0..<500 {
            #expect(try client.exchange("GET /\(number) HTTP/1.1\r\nHost: h\r\n\r\n").body == "/\(number)")
        }
    }

    @Test func aDroppedResponderIsA500() throws {
        let server = try HTTPServer.start(.init()) { request, responder in
            if request.path == "/later" { onThread { _ = responder } }
        }
        for path in ["/now", "/later"] {
            let response = try RawClient(port: server.port).exchange("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(response.status == 500)
            #expect(response.headers["content-type"] == "application/json")
            #expect(response.body == #"{"message":"Server Error","code":"server_error"}"#)
        }
    }

    @Test func theFirstAnswerWins() throws {
        let server = try HTTPServer.start(.init()) { _, responder in
            responder.respond(text("first"))
            responder.respond(text("second"))
        }
        #expect(try RawClient(port: server.port).exchange(Self.request).body == "first")
    }

    @Test func anAnswerToAnEarlierRequestOfTheConnectionIsNotTheNextOnes() throws {
        let held = try Held()
        let client = try RawClient(port: held.server.port)
        try client.send(Self.request)
        let (_, early) = try held.requests.take()
        early.respond(text("one"))
        #expect(try client.response().body == "one")
        try client.send(Self.request)
        let (_, late) = try held.requests.take()
        early.respond(text("wrong"))
        late.respond(text("two"))
        #expect(try client.response().body == "two")
    }

    @Test func aClientMayGoWhileItsAnswerIsMade() throws {
        let held = try Held()
        for _ in 0..<50 {
            var client: RawClient? = try RawClient(port: held.server.port)
            try client?.send(Self.request)
            let (_, responder) = try held.requests.take()
            client = nil
            responder.respond(text("nobody"))
        }
        let client = try RawClient(port: held.server.port)
        try client.send(Self.request)
        try held.requests.take().1.respond(text("somebody"))
        #expect(try client.response().body == "somebody")
    }

    @Test func waitingForAnAnswerIsNotIdle() async throws {
        try await offPool {
            let held = try Held {
                $0.idleTimeout = .seconds(1)
                $0.requestTimeout = .seconds(1)
            }
            let client = try RawClient(port: held.server.port)
            try client.send(Self.request)
            let (_, responder) = try held.requests.take()
            pause(.seconds(4))
            responder.respond(text("late"))
            #expect(try client.response().body == "late")
        }
    }
}
