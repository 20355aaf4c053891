import Glibc
import HTTPServer
import TestSupport
import Testing

@testable import Integrator

/// Clients that mean no good, against an HTTP server as the service sets it up, but for its time limits: each gets a clear
/// status or a closed connection within a bounded time, and others are served meanwhile.
@Suite(.timeLimit(.minutes(5))) struct HostileClientTests {
    private static let head = "Host: h\r\n"
    private static let good = Array("GET /good HTTP/1.1\r\n\(head)Connection: close\r\n\r\n".utf8)

    /// Answers with the path.
    private static func server() throws -> HTTPServer {
        var environment = [
            "DB_USERNAME": "x", "PUBLIC_URL": "http://h", "TV_API_URL": "http://h", "HTTP_PORT": "0",
            "OPERATOR_HTTP_PORT": "0",
        ]
        environment["TV_API_TOKEN"] = "x"
        environment["TV_WEBHOOK_SECRETS"] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        for name in ["ID", "KEY", "SECRET"] { environment["PUSHER_APP_\(name)"] = "x" }
        var settings = Service.Parts.httpSettings(try Configuration(Environment(environment)))
        settings.idleTimeout = .seconds(1)
        settings.requestTimeout = .seconds(1)
        return try HTTPServer.start(settings) { request, responder in
            responder.respond(HTTPResponse(status: 200, body: Array("path=\(request.path)".utf8)))
        }
    }

    private static func isServing(_ server: HTTPServer) throws -> Bool {
        let connection = try RawClient(port: server.port)
        connection.offer(good)
        return connection.read(patience: 5000).text.hasSuffix("path=/good")
    }

    /// The status of an answer. libmicrohttpd's own pages have their head twice in some versions, so only the first counts.
    private static func status(_ text: String) -> Int? {
        text.hasPrefix("HTTP/1.") ? Int(text.dropFirst(9).prefix(3)) : nil
    }

    /// Each of these could be read as two requests by somebody else on the way: none of it reaches the handler, and the
    /// connection ends.
    @Test(arguments: [
        "Content-Length: 42\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 3\r\nContent-Length: 42\r\n", "Content-Length: 3, 42\r\n", "Content-Length: +3\r\n",
        "Content-Length : 3\r\n", "Content-Length: 0x3\r\n", "Content-Length: 3\r\n Content-Length: 42\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n", "Transfer-Encoding:\u{0B}chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding\u{0}: chunked\r\n", "X: a\rContent-Length: 3\r\n", "Content-Length: -1\r\n",
        "Content-Length: 18446744073709551617\r\n", "Content-Length: 3\u{0}\r\n", "Content-Length: 3\u{0}2\r\n",
        "Content-Length:\u{0} 3\r\n", "Content-Length: 3\u{0}\r\nX: y\r\n", "X: \u{0}\r\nContent-Length: 3\r\n",
        "Content-Length: 3\u{0}2\nX: y\r\n", "Content-Length: 3\nX: y\r\n", "X: y\nContent-Length: 3\r\n",
        "Transfer-Encoding: chunked\u{0}, gzip\r\n", "Content-Length: 3\r\n\tContent-Length: 42\r\n",
    ])
    func smugglesNothing(_ fields: String) async throws {
        let server = try Self.server()
        let request =
            "POST /a HTTP/1.1\r\n\(Self.head)\(fields)\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\(Self.head)\r\n"
        try await offPool {
            let connection = try RawClient(port: server.port)
            connection.offer(request.utf8)
            let (text, isClosed) = connection.read(patience: 8000)
            #expect(isClosed)
            #expect(!text.contains("path="))
            if let status = Self.status(text) { #expect([400, 413, 431, 501].contains(status), "\(status)") }
            #expect(try Self.isServing(server))
        }
    }

    /// What looks odd but is as it should be: white space around values, empty ones, none, a header that comes in pieces and
    /// fills the buffer.
    @Test(arguments: [
        "X: y  \t \r\n", "X:\r\n", "X:y\r\n", "X: \t\r\nY:  z\r\n", "",
        String(repeating: "X: \(String(repeating: "v", count: 200))\r\n", count: 15),
    ])
    func takesWhatIsSound(_ fields: String) async throws {
        let server = try Self.server()
        try await offPool {
            let connection = try RawClient(port: server.port)
            let request = Array("GET /odd HTTP/1.1\r\n\(fields)\(Self.head)Connection: close\r\n\(fields)\r\n".utf8)
            for start in stride(from: 0, to: request.count, by: 1 + request.count / 40) {
                connection.offer(request[start..<min(start + 1 + request.count / 40, request.count)])
                usleep(1000)
            }
            #expect(connection.read(patience: 8000).text.hasSuffix("path=/odd"))
        }
    }

    /// Shapes that have no meaning, or too much of it, and the statuses they may get; none: closed without a word.
    @Test(
        arguments: [
            ("GET /\(String(repeating: "u", count: 100_000)) HTTP/1.1\r\n\(head)\r\n", [414, 431]),
            ("GET /\(String(repeating: "u", count: 20_000)) HTTP/1.1\r\n\(head)\r\n", [414]),
            ("GET / HTTP/1.1\r\n\(head)" + String(repeating: "X: y\r\n", count: 20_000) + "\r\n", [431, 413, 500]),
            ("GET / HTTP/1.1\r\n\(head)X: \(String(repeating: "v", count: 100_000))\r\n\r\n", [431, 413]),
            ("GET / HTTP/1.1\r\n\r\n", [400]),
            ("GET / HTTP/1.1\r\n: empty\r\n\(head)\r\n", [400]),
            ("POST / HTTP/1.1\r\n\(head)Content-Length: 99999999\r\n\r\n", [413]),
            ("POST /webhooks/tv-python HTTP/1.1\r\n\(head)Content-Length: 262145\r\n\r\n", [413]),
            ("POST / HTTP/1.1\r\n\(head)Transfer-Encoding: chunked\r\n\r\n-1\r\n", [400, 413]),
            ("POST / HTTP/1.1\r\n\(head)Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", [400, 413]),
            ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{FC}\u{3}\u{3}\n\n\n", [400]),
            (String(repeating: "\r\n", count: 50_000), [400, 414]),
            ("HTTP/1.1 200 OK\r\n\r\n", [400, 505]),
        ] as [(String, [Int])])
    func isRefused(_ request: String, statuses: [Int]) async throws {
        let server = try Self.server()
        try await offPool {
            let connection = try RawClient(port: server.port)
            connection.offer(request.utf8)
            let (text, isClosed) = connection.read(patience: 8000)
            #expect(isClosed)
            #expect(!text.contains("path="))
            if let status = Self.status(text) { #expect(statuses.contains(status), "\(status)") }
            #expect(try Self.isServing(server))
        }
    }

    /// A client that speaks TLS to a plain port waits for an answer that cannot come.
    @Test func tlsEnds() async throws {
        let server = try Self.server()
        try await offPool {
            let connection = try RawClient(port: server.port)
            connection.offer([0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00])
            #expect(try Self.isServing(server))
            #expect(connection.read(patience: 8000).isClosed)
        }
    }

    /// Bytes that are not UTF-8 in the target and in a field reach the handler as U+FFFD, and nothing breaks.
    @Test func invalidUTF8IsBorne() async throws {
        let server = try Self.server()
        try await offPool {
            let connection = try RawClient(port: server.port)
            connection.offer(
                Array("GET /".utf8) + [0xFF, 0xC3, 0x28] + Array(" HTTP/1.1\r\n\(Self.head)X: ".utf8) + [0xFE, 0x80]
                    + Array("\r\nConnection: close\r\n\r\n".utf8))
            let (text, isClosed) = connection.read(patience: 8000)
            #expect(isClosed)
            #expect(text.hasSuffix("path=/\u{FFFD}\u{FFFD}("))
            #expect(try Self.isServing(server))
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let server = try Self.server()
        try await offPool {
            let connection = try RawClient(port: server.port)
            let count = 500
            for number in 0..<count {
                let last = number == count - 1 ? "Connection: close\r\n" : ""
                connection.offer("GET /\(number) HTTP/1.1\r\n\(Self.head)\(last)\r\n".utf8)
            }
            let text = connection.read(patience: 8000).text
            let paths = text.components("path=/").dropFirst().map { $0.prefix { $0.isNumber } }
            #expect(paths.map { Int($0) } == (0..<count).map { $0 })
        }
    }

    /// Slow in every place: a byte now and then, which keeps an idle timeout away.
    @Test(arguments: [
        "G", "GET / HTTP/1.1\r\nHost: h\r\nX: ", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nea60\r\n",
    ])
    func slowClientsEnd(_ start: String) async throws {
        let server = try Self.server()
        try await offPool {
            let connections = try (0..<50).map { _ in try RawClient(port: server.port) }
            for connection in connections { connection.offer(start.utf8) }
            var open = connections
            let begin = ContinuousClock.now
            while !open.isEmpty, ContinuousClock.now - begin < .seconds(15) {
                open.removeAll { !$0.offer("x".utf8) || $0.read(patience: 0).isClosed }
                usleep(100_000)
                #expect(try Self.isServing(server))
            }
            #expect(open.isEmpty)
        }
    }

    @Test func thousandsOfIdleConnectionsHoldNobodyUp() async throws {
        OpenFiles.raiseLimit()
        let wanted = min(2500, Int(OpenFiles.limit / 4))
        try #require(wanted >= 200)
        let server = try Self.server()
        try await offPool {
            let connections = try (0..<wanted).map { _ in try RawClient(port: server.port) }
            #expect(try Self.isServing(server))
            // All are ended by the idle timeout.
            for connection in connections { #expect(connection.read(patience: 15_000).isClosed) }
            #expect(try Self.isServing(server))
        }
    }
}

extension String {
    fileprivate func components(_ separator: String) -> [Substring] {
        var parts: [Substring] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(rest[..<range.lowerBound])
            rest = rest[range.upperBound...]
        }
        return parts + [rest]
    }
}
