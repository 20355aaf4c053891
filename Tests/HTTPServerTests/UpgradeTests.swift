import Glibc
import HTTPServer
import TestSupport
import Testing

/// What happens after 101.
@Suite(.timeLimit(.minutes(5))) struct UpgradeTests {
    static let request = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"

    /// Echoes bytes until the client goes, and says so.
    static func server(_ ended: Mailbox<Int>, _ change: (inout HTTPServer.Configuration) -> Void = { _ in }) throws
        -> HTTPServer
    {
        var configuration = HTTPServer.Configuration()
        change(&configuration)
        return try HTTPServer.start(configuration) { request, responder in
            responder.upgrade(headers: [("Upgrade", "echo"), ("X", "1")]) { connection in
                onThread {
                    var bytes = connection.receivedBytes
                    var total = 0
                    repeat {
                        total += bytes.count
                        _ = send(connection.descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                        var buffer = [UInt8](repeating: 0, count: 1024)
                        let count = recv(connection.descriptor, &buffer, buffer.count, 0)
                        bytes = Array(buffer.prefix(max(0, count)))
                    } while !bytes.isEmpty
                    connection.close()
                    connection.close()
                    ended.put(total)
                }
            }
        }
    }

    @Test func bytesGoBothWays() throws {
        let ended = Mailbox<Int>()
        let server = try Self.server(ended)
        let client = try RawClient(port: server.port)
        // Three bytes come together with the request.
        let response = try client.exchange(Self.request + "abc")
        #expect(response.status == 101)
        #expect(response.headers["upgrade"] == "echo")
        #expect(response.headers["connection"] == "Upgrade")
        #expect(response.headers["x"] == "1")
        #expect(try client.bytes(3) == Array("abc".utf8))
        try client.send("defg")
        #expect(try client.bytes(4) == Array("defg".utf8))
        client.finishSending()
        #expect(try ended.take() == 7)
        #expect(try client.isClosedByPeer())
    }

    @Test func theServersTimeoutsAndLimitsDoNotHold() async throws {
        try await offPool {
            let ended = Mailbox<Int>()
            let server = try Self.server(ended) {
                $0.idleTimeout = .seconds(1)
                $0.requestTimeout = .seconds(1)
                $0.maximumConnections = 1
            }
            let first = try RawClient(port: server.port)
            #expect(try first.exchange(Self.request).status == 101)
            let second = try RawClient(port: server.port)
            #expect(try second.exchange(Self.request).status == 101)
            pause(.seconds(4))
            try first.send("x")
            #expect(try first.bytes(1) == Array("x".utf8))
        }
    }

    @Test func stoppingEndsUpgradedConnections() async throws {
        let ended = Mailbox<Int>()
        let server = try Self.server(ended)
        let client = try RawClient(port: server.port)
        #expect(try client.exchange(Self.request).status == 101)
        await server.stop(within: .seconds(5))
        #expect(try ended.take() == 0)
        #expect(try client.isClosedByPeer())
    }

    @Test func anUpgradeWithABadHeaderIsA500() throws {
        let server = try HTTPServer.start(.init()) { _, responder in
            responder.upgrade(headers: [("Upgrade", "a\r\nb: c")]) { _ in Issue.record("not upgraded") }
        }
        #expect(try RawClient(port: server.port).exchange(Self.request).status == 500)
    }

    @Test func aClientThatHasGoneIsNotUpgraded() throws {
        let held = try Held()
        var client: RawClient? = try RawClient(port: held.server.port)
        try client?.send(Self.request)
        let (_, responder) = try held.requests.take()
        client = nil
        responder.upgrade(headers: [("Upgrade", "echo")]) { $0.close() }
        #expect(try RawClient(port: held.server.port).send(Self.request) == ())
        #expect(try held.requests.take().0.path == "/ws")
    }
}
