import HTTPServer
import TestSupport
import Testing

/// Behind nginx, which makes a 502 of an answer that it cannot read, and takes a server that resets connections out.
@Suite(.timeLimit(.minutes(5)), .enabled(if: Nginx.program != nil)) struct ProxyTests {
    static let kept = "proxy_http_version 1.1; proxy_set_header Connection \"\"; client_max_body_size 0;"

    /// A proxy that sends the body on as it comes, or once it has it; that keeps connections, or not.
    @Test(arguments: [
        ("", ""), ("keepalive 8;", kept), ("keepalive 8;", kept + " proxy_request_buffering off;"),
    ])
    func refusalsHurtNobody(upstream: String, settings: String) async throws {
        let servers = try (0..<2).map { _ in try RefusalTests.server() }
        let nginx = try await Nginx.start(before: servers.map(\.port), upstream: upstream, settings: settings)
        let body = String(repeating: "x", count: 1_000_000)
        let refused = [
            ("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n\(body)", 413),
            (
                "PUT /guarded HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 60000\r\n\r\n\(body.prefix(60_000))",
                401
            ),
        ]
        try await offPool {
            for number in 0..<100 {
                let (request, status) = refused[number % 2]
                let refusal = try RawClient(port: nginx.port).exchange(request)
                #expect(refusal.status == status)
                let good = "POST /\(number) HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
                let answer = try RawClient(port: nginx.port).exchange(good)
                #expect(answer.body == "5")
            }
        }
        await nginx.stop()
    }

    @Test func aChunkedBodyOfFiveMegabytesIs413() async throws {
        let server = try RefusalTests.server()
        let nginx = try await Nginx.start(
            before: [server.port], settings: Self.kept + " proxy_request_buffering off;")
        let chunk = "4000\r\n" + String(repeating: "x", count: 0x4000) + "\r\n"
        try await offPool {
            for _ in 0..<10 {
                let client = try RawClient(port: nginx.port)
                try client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
                for _ in 0..<320 { try? client.send(chunk) }
                try? client.send("0\r\n\r\n")
                #expect(try client.response().status == 413)
            }
        }
        await nginx.stop()
    }
}
