import HTTPServer
import Synchronization
import TestSupport
import Testing

/// Starting and stopping.
@Suite(.timeLimit(.minutes(5))) struct StopTests {
    static let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

    @Test func aTakenPortIsNamed() throws {
        let server = try HTTPServer.start(.init()) { _, _ in }
        var configuration = HTTPServer.Configuration()
        configuration.port = server.port
        let error = #expect(throws: HTTPServerError.self) { try HTTPServer.start(configuration) { _, _ in } }
        #expect(error == .addressInUse(host: "127.0.0.1", port: server.port))
        #expect(error?.description == "port \(server.port) of 127.0.0.1 is already in use")
    }

    @Test(arguments: ["localhost", "", "1.2.3", "127.0.0.1:80", "::1::"])
    func aHostThatIsNoAddressIsRefused(host: String) {
        var configuration = HTTPServer.Configuration()
        configuration.host = host
        #expect(throws: HTTPServerError.invalidHost(host)) { try HTTPServer.start(configuration) { _, _ in } }
    }

    @Test func ipv6IsServedAndAnIPv4PeerOfItNamedAsSuch() async throws {
        var configuration = HTTPServer.Configuration()
        configuration.host = "::"
        let server = try HTTPServer.start(configuration) { request, responder in
            responder.respond(text(request.remoteAddress))
        }
        #expect(try RawClient(port: server.port).exchange(Self.request).body == "127.0.0.1")
        await server.stop(within: .seconds(1))
    }

    @Test func thePortIsFreeAfterTheStop() async throws {
        let server = try HTTPServer.start(.init()) { _, responder in responder.respond(text("x")) }
        let client = try RawClient(port: server.port)
        #expect(try client.exchange(Self.request).status == 200)
        await server.stop(within: .seconds(5))
        #expect(try client.isClosedByPeer())
        #expect(throws: RawClient.Failure.self) { try RawClient(port: server.port) }
        var configuration = HTTPServer.Configuration()
        configuration.port = server.port
        let next = try HTTPServer.start(configuration) { _, _ in }
        #expect(next.port == server.port)
    }

    @Test func stoppingWaitsForWhatIsInHand() async throws {
        let held = try Held()
        let client = try RawClient(port: held.server.port)
        try client.send(Self.request)
        let (_, responder) = try held.requests.take()
        async let stop: Void = held.server.stop(within: .seconds(20))
        // The stop has begun when the port is closed.
        while (try? RawClient(port: held.server.port)) != nil { await Task.yield() }
        responder.respond(text("in time"))
        let response = try client.response()
        #expect(response.body == "in time")
        #expect(response.headers["connection"] == "close")
        await stop
    }

    @Test func whatHasNoAnswerWhenTheTimeIsUpGets503() async throws {
        let held = try Held()
        let clients = try (0..<20).map { _ in try RawClient(port: held.server.port) }
        for client in clients { try client.send(Self.request) }
        let kept = try clients.map { _ in try held.requests.take() }
        await held.server.stop(within: .milliseconds(200))
        for client in clients {
            let response = try client.response()
            #expect(response.status == 503)
            #expect(response.body == #"{"message":"The service is not available at present.","code":"unavailable"}"#)
            #expect(try client.isClosedByPeer())
        }
        // Too late, and harmless.
        for (_, responder) in kept { responder.respond(text("late")) }
    }

    @Test func stoppingTwiceAndAtOnceIsOneStop() async throws {
        let held = try Held()
        let server = held.server
        let client = try RawClient(port: server.port)
        try client.send(Self.request)
        let (_, responder) = try held.requests.take()
        let order = Mailbox<String>()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<10 {
                group.addTask {
                    await server.stop(within: .seconds(20))
                    order.put("stopped")
                }
            }
            while canConnect(server.port) { await Task.yield() }
            pause(.milliseconds(50))
            // None of them returns while a request is in hand.
            order.put("answered")
            responder.respond(text("in time"))
        }
        #expect(try order.take() == "answered")
        #expect(try client.response().body == "in time")
        await server.stop(within: .seconds(20))
        #expect(try client.isClosedByPeer())
    }

    @Test func aDroppedServerStops() throws {
        let requests = Mailbox<HTTPResponder>()
        var server: HTTPServer? = try HTTPServer.start(.init()) { requests.put($1) }
        let client = try RawClient(port: try #require(server).port)
        try client.send(Self.request)
        let responder = try requests.take()
        server = nil
        #expect(try client.response().status == 503)
        #expect(try client.isClosedByPeer())
        responder.respond(text("late"))
    }

    /// Each connection that was made gets all its answers, up to one that says `Connection: close`.
    @Test func underLoadNothingThatWasAcceptedIsLost() async throws {
        let held = try Held()
        for _ in 0..<2 {
            onThread { [requests = held.requests] in
                while let (_, responder) = try? requests.take() { responder.respond(text("x")) }
            }
        }
        let port = held.server.port
        let results = Mailbox<Result<Int, any Error>>()
        for _ in 0..<16 {
            onThread {
                results.put(
                    Result {
                        var answers = 0
                        // Ends when the port is closed.
                        while let client = try? RawClient(port: port) {
                            var last = false
                            while !last {
                                let response = try client.exchange(Self.request)
                                guard response.status == 200 else { throw RawClient.Failure.malformed("503") }
                                last = response.headers["connection"] == "close"
                                answers += 1
                            }
                        }
                        return answers
                    })
            }
        }
        try await Task.sleep(for: .milliseconds(300))
        await held.server.stop(within: .seconds(20))
        for _ in 0..<16 {
            #expect(try results.take().get() > 0)
        }
    }
}
