import HTTPClient
import HTTPServer
import Synchronization
import TestSupport
import Testing

/// Against the package's own server.
@Suite(.timeLimit(.minutes(10))) struct ExchangeTests {
    /// Answers with what it saw.
    static func echo() throws -> HTTPServer {
        try HTTPServer.start(.init()) { request, responder in
            var text = "\(request.method) \(request.path) \(request.query ?? "-")\n"
            for (name, value) in request.headers.fields where !["Host", "Accept"].contains(name) {
                text += "\(name)=\(value)\n"
            }
            responder.respond(
                HTTPResponse(
                    status: request.path == "/teapot" ? 418 : 200, headers: [("X-Kind", " echo "), ("x-kind", "2")],
                    body: Array(text.utf8) + request.body))
        }
    }

    static func client(_ connections: Int = 4) -> HTTPClient {
        HTTPClient(maximumConnectionsPerHost: connections, maximumResponseBytes: 100_000)
    }

    @Test func aRequestArrivesAsGiven() async throws {
        let server = try Self.echo()
        let client = Self.client()
        let response = try await client.send(
            HTTPClientRequest(
                method: "POST", url: "http://127.0.0.1:\(server.port)/a/../b?x=%41&y",
                headers: [("Content-Type", "text/x"), ("X-Empty", ""), ("X-Two", "a"), ("X-Two", "b")],
                body: Array("body".utf8)))
        #expect(response.status == 200)
        #expect(
            String(decoding: response.body, as: UTF8.self)
                == "POST /a/../b x=%41&y\nContent-Type=text/x\nX-Empty=\nX-Two=a\nX-Two=b\nContent-Length=4\nbody")
        #expect(response.header("X-KIND") == "echo")
        #expect(response.headers.filter { $0.name.lowercased() == "x-kind" }.map(\.value) == ["echo", "2"])
        #expect(response.header("X-None") == nil)
        await client.shutdown()
    }

    @Test(arguments: [
        ("GET", "", "GET / -\n"), ("DELETE", "", "DELETE / -\n"), ("POST", "", "POST / -\nContent-Length=0\n"),
        ("PUT", "", "PUT / -\nContent-Length=0\n"), ("PUT", "b", "PUT / -\nContent-Length=1\nb"),
        ("DELETE", "b", "DELETE / -\nContent-Length=1\nb"), ("HEAD", "", ""),
    ])
    func methodsAndBodies(method: String, body: String, seen: String) async throws {
        let server = try Self.echo()
        let client = Self.client()
        let response = try await client.send(
            HTTPClientRequest(method: method, url: "http://127.0.0.1:\(server.port)/", body: Array(body.utf8)))
        #expect(String(decoding: response.body, as: UTF8.self) == seen)
    }

    @Test func aLargeBodyIsSentWithoutWaitingForContinue() async throws {
        let server = try HTTPServer.start(.init()) { request, responder in
            let text = "\(request.headers["expect"] ?? "-") \(request.body.count)"
            responder.respond(HTTPResponse(status: 200, body: Array(text.utf8)))
        }
        let client = Self.client()
        let response = try await client.send(
            HTTPClientRequest(
                method: "POST", url: "http://127.0.0.1:\(server.port)/", body: [UInt8](repeating: 1, count: 60_000)))
        #expect(String(decoding: response.body, as: UTF8.self) == "- 60000")
    }

    @Test func anyStatusIsAResponseAndRedirectsAreNotFollowed() async throws {
        let server = try HTTPServer.start(.init()) { request, responder in
            let status = Int(request.path.dropFirst()) ?? 200
            responder.respond(HTTPResponse(status: status, headers: [("Location", "/200")]))
        }
        let client = Self.client()
        for status in [204, 301, 307, 404, 500, 503] {
            let response = try await client.send(HTTPClientRequest(url: "http://127.0.0.1:\(server.port)/\(status)"))
            #expect(response.status == status)
        }
    }

    @Test func parallelRequestsStayWithinTheHostsConnections() async throws {
        let count = Mutex((now: 0, most: 0))
        let held = Mutex<[HTTPResponder]>([])
        let server = try HTTPServer.start(.init()) { _, responder in
            let now = count.withLock { count -> Int in
                count.now += 1
                count.most = max(count.most, count.now)
                return count.now
            }
            held.withLock { $0.append(responder) }
            // Only all three together are let go: so three do run at once.
            if now == 3 {
                count.withLock { $0.now = 0 }
                held.withLock { held in
                    held.forEach { $0.respond(HTTPResponse(status: 200)) }
                    held = []
                }
            }
        }
        let client = Self.client(3)
        let port = server.port
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<30 {
                group.addTask { try await client.send(HTTPClientRequest(url: "http://127.0.0.1:\(port)/")).status }
            }
            for try await status in group { #expect(status == 200) }
        }
        #expect(count.withLock { $0.most } == 3)
    }

    @Test func connectionsAreKeptAndUsedAgain() async throws {
        let server = RawServer { _, connection in
            while !connection.head().isEmpty {
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let client = Self.client()
        for _ in 0..<20 {
            let response = try await client.send(HTTPClientRequest(url: "http://127.0.0.1:\(server.port)/"))
            #expect(response.body == Array("ok".utf8))
        }
        #expect(server.connections == 1)
        await client.shutdown()
    }

    @Test func retryAfterIsSecondsOrADate() {
        func seconds(_ text: String?) -> Int64? {
            HTTPClientResponse(status: 503, headers: text.map { [("retry-after", $0)] } ?? [])
                .retryAfter(now: 784_111_777 - 60)
        }
        #expect(seconds("120") == 120)
        #expect(seconds("0") == 0)
        #expect(seconds("99999999999999999999") == .max)
        // The date of RFC 9110, section 5.6.7.
        #expect(seconds("Sun, 06 Nov 1994 08:49:37 GMT") == 60)
        #expect(seconds("Sunday, 06-Nov-94 08:49:37 GMT") == 60)
        #expect(seconds("Sat, 05 Nov 1994 08:49:37 GMT") == 0)
        #expect(seconds("Thu, 29 Feb 1996 00:00:00 GMT") == 41_440_283)
        for text in [
            nil, "", "-1", "1.5", "soon", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 CET", "Sun, 06 Nov 1994 08:49 GMT",
        ] {
            #expect(seconds(text) == nil)
        }
    }
}
