import HTTPClient
import TestSupport
import Testing

/// Each way to fail, and whether the request may have been sent.
@Suite(.timeLimit(.minutes(10))) struct FailureTests {
    static func client() -> HTTPClient {
        HTTPClient(maximumConnectionsPerHost: 2, maximumResponseBytes: 1000)
    }

    /// The error of a GET to this server.
    static func failure(
        _ server: RawServer, _ timeout: Duration = .seconds(10), method: String = "GET"
    ) async -> HTTPClientError? {
        let url = "http://127.0.0.1:\(server.port)/secret?key=value"
        return await #expect(throws: HTTPClientError.self) {
            try await client().send(HTTPClientRequest(method: method, url: url, timeout: timeout))
        }
    }

    @Test func aRefusedConnectionWasNotUsed() async throws {
        var server: RawServer? = RawServer { _, _ in }
        let port = try #require(server).port
        server = nil
        // The port is closed once the accepting thread has seen it.
        let client = Self.client()
        repeat {
            do throws(HTTPClientError) {
                _ = try await client.send(HTTPClientRequest(url: "http://127.0.0.1:\(port)/", timeout: .seconds(5)))
            } catch {
                if !error.mayHaveBeenSent {
                    #expect(error.kind == .connection)
                    #expect(error.detail.contains("\(port)"))
                    return
                }
            }
        } while true
    }

    @Test func anUnknownHostIsAConnectionFailure() async throws {
        let error = await #expect(throws: HTTPClientError.self) {
            try await Self.client().send(HTTPClientRequest(url: "http://no-such-host.invalid/", timeout: .seconds(10)))
        }
        #expect(error?.mayHaveBeenSent == false)
        #expect(error?.kind == .connection || error?.kind == .timeout)
    }

    @Test func aServerThatSaysNothingTimesOut() async throws {
        let error = await Self.failure(RawServer { _, connection in connection.waitForEnd() }, .milliseconds(300))
        #expect(error?.kind == .timeout)
        #expect(error?.mayHaveBeenSent == true)
        #expect(error?.description.contains("secret") == false)
    }

    @Test func aResponseThatDripsTimesOut() async throws {
        let server = RawServer { _, connection in
            _ = connection.head()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345")
            connection.waitForEnd()
        }
        #expect(await Self.failure(server, .milliseconds(300))?.kind == .timeout)
    }

    /// As when the process has been stopped between the call and the sending.
    @Test func whatIsTooLateIsNotSent() async throws {
        let server = RawServer { _, connection in connection.waitForEnd() }
        let error = await Self.failure(server, .zero)
        #expect(error?.kind == .timeout)
        #expect(error?.mayHaveBeenSent == false)
        #expect(server.connections == 0)
    }

    @Test func waitingForAConnectionCountsAsTime() async throws {
        let server = RawServer { _, connection in connection.waitForEnd() }
        let client = HTTPClient(maximumConnectionsPerHost: 1, maximumResponseBytes: 1000)
        let url = "http://127.0.0.1:\(server.port)/"
        let first = Task { try await client.send(HTTPClientRequest(url: url, timeout: .seconds(30))) }
        while server.connections == 0 { await Task.yield() }
        let error = await #expect(throws: HTTPClientError.self) {
            try await client.send(HTTPClientRequest(url: url, timeout: .milliseconds(300)))
        }
        #expect(error?.kind == .timeout)
        #expect(error?.mayHaveBeenSent == false)
        first.cancel()
        #expect(server.connections == 1)
    }

    @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345"])
    func aConnectionThatEndsEarlyFails(sent: String) async throws {
        let server = RawServer { _, connection in
            _ = connection.head()
            connection.send(sent)
            connection.resetOnClose()
        }
        let error = await Self.failure(server)
        #expect(error?.kind == .connection)
        #expect(error?.mayHaveBeenSent == true)
        #expect(server.connections == 1)
    }

    @Test func aKeptConnectionThatDiedIsReplacedOnce() async throws {
        let server = RawServer { _, connection in
            _ = connection.head()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            // The second request of a connection is read and not answered.
            _ = connection.head()
        }
        let client = Self.client()
        let request = HTTPClientRequest(method: "POST", url: "http://127.0.0.1:\(server.port)/", body: [1])
        #expect(try await client.send(request).status == 200)
        #expect(try await client.send(request).status == 200)
        #expect(server.connections == 2)
    }

    /// What is not to be sent twice does not go out on a kept connection, and is not tried again.
    @Test func whatIsSentOnceIsSentOnce() async throws {
        let server = RawServer { number, connection in
            _ = connection.head()
            if number == 1 { connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }
            // The second request of this connection, or the first of the next, is read and not answered.
            _ = connection.head()
        }
        let client = Self.client()
        let url = "http://127.0.0.1:\(server.port)/"
        #expect(try await client.send(HTTPClientRequest(url: url)).status == 200)
        let error = await #expect(throws: HTTPClientError.self) {
            try await client.send(
                HTTPClientRequest(method: "POST", url: url, timeout: .milliseconds(300), isSentOnce: true))
        }
        #expect(error?.mayHaveBeenSent == true)
        #expect(server.connections == 2)
    }

    @Test(arguments: ["GARBAGE\r\n\r\n", "HTTP/7.1 200 OK\r\n\r\n", "\0\0\0\0\0\0\0\0"])
    func whatIsNotHTTPIsSaidToBe(sent: String) async throws {
        let server = RawServer { _, connection in
            _ = connection.head()
            connection.send(sent)
        }
        #expect(await Self.failure(server)?.kind == .invalidResponse)
    }

    @Test func aBodyAtTheLimitIsTaken() async throws {
        let server = RawServer { _, connection in
            _ = connection.head()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + String(repeating: "x", count: 1000))
        }
        let response = try await Self.client().send(HTTPClientRequest(url: "http://127.0.0.1:\(server.port)/"))
        #expect(response.body.count == 1000)
    }

    @Test(arguments: ["Content-Length: 1001\r\n\r\n", "\r\n", "X: \(String(repeating: "v", count: 70_000))\r\n\r\n"])
    func aResponseThatIsTooLargeIsCutOff(rest: String) async throws {
        let server = RawServer { _, connection in
            _ = connection.head()
            connection.send("HTTP/1.1 200 OK\r\n" + rest + String(repeating: "x", count: 1001))
        }
        let error = await Self.failure(server)
        #expect(error?.kind == .tooLarge)
        #expect(error?.mayHaveBeenSent == true)
    }

    @Test(arguments: [
        ("GET", "ftp://h/", "X", "a"), ("GET", "file:///etc/passwd", "X", "a"), ("GET", "/relative", "X", "a"),
        ("GET", "http://h/a b", "X", "a"), ("GET", "http://h/\r\nX: y", "X", "a"), ("GET", "http://h/\u{E9}", "X", "a"),
        ("GET", "http://", "X", "a"), ("GET", "http://h:99999/", "X", "a"), ("G T", "http://h/", "X", "a"),
        ("", "http://h/", "X", "a"), ("GET", "http://h/", "X\r\nY", "a"), ("GET", "http://h/", "X", "a\r\nY: b"),
        ("GET", "http://h/", "X", "a\nb"), ("GET", "http://h/", "X", "a\0b"), ("GET", "http://h/", "", "a"),
    ])
    func whatCannotBeSentIsRefused(method: String, url: String, name: String, value: String) async throws {
        let error = await #expect(throws: HTTPClientError.self) {
            try await Self.client().send(HTTPClientRequest(method: method, url: url, headers: [(name, value)]))
        }
        #expect(error?.kind == .badRequest)
        #expect(error?.mayHaveBeenSent == false)
    }

    @Test func aCancelledTaskEndsItsTransfer() async throws {
        let server = RawServer { _, connection in connection.waitForEnd() }
        let client = Self.client()
        let url = "http://127.0.0.1:\(server.port)/"
        let task = Task { try await client.send(HTTPClientRequest(url: url, timeout: .seconds(30))) }
        while server.connections == 0 { await Task.yield() }
        task.cancel()
        let error = await #expect(throws: HTTPClientError.self) { try await task.value }
        #expect(error?.kind == .cancelled)
    }

    @Test func aTaskCancelledBeforehandSendsNothing() async throws {
        let server = RawServer { _, _ in }
        let client = Self.client()
        let url = "http://127.0.0.1:\(server.port)/"
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await client.send(HTTPClientRequest(url: url))
        }
        let error = await #expect(throws: HTTPClientError.self) { try await task.value }
        #expect(error == HTTPClientError(kind: .cancelled, detail: "the task was cancelled", mayHaveBeenSent: false))
        #expect(server.connections == 0)
    }

    @Test func shuttingDownEndsWhatIsUnderWay() async throws {
        let server = RawServer { _, connection in connection.waitForEnd() }
        let client = Self.client()
        let url = "http://127.0.0.1:\(server.port)/"
        let task = Task { try await client.send(HTTPClientRequest(url: url, timeout: .seconds(30))) }
        while server.connections == 0 { await Task.yield() }
        async let first: Void = client.shutdown()
        async let second: Void = client.shutdown()
        _ = await (first, second)
        #expect(await #expect(throws: HTTPClientError.self) { try await task.value }?.kind == .closed)
        let late = await #expect(throws: HTTPClientError.self) { try await client.send(HTTPClientRequest(url: url)) }
        #expect(late?.kind == .closed)
        await client.shutdown()
    }
}
