import Glibc
import HTTPServer
import TestSupport
import Testing

/// Many clients that hold what they can: others are served meanwhile, and memory stays bounded.
@Suite(.timeLimit(.minutes(3)), .serialized) struct FloodTests {
    static let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

    /// Megabytes of this process in memory.
    static func residentMegabytes() -> Int {
        var text = [UInt8](repeating: 0, count: 256)
        let descriptor = open("/proc/self/statm", O_RDONLY)
        defer { close(descriptor) }
        let count = read(descriptor, &text, text.count)
        let pages = String(decoding: text.prefix(max(0, count)), as: UTF8.self).split(separator: " ")
        return (pages.count > 1 ? Int(pages[1]) ?? 0 : 0) * 4096 >> 20
    }

    /// Idle, in the middle of a header, of a body: from one address, and from many.
    @Test(
        arguments: ["", "GET / HTTP/1.1\r\nX: ", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx"], [1, 4])
    func aFloodOfConnectionsStarvesNobody(start: String, addresses: Int) throws {
        var configuration = HTTPServer.Configuration()
        configuration.maximumConnections = 64
        let server = try HTTPServer.start(configuration) { _, responder in responder.respond(text("x")) }
        let kept = try RawClient(port: server.port, from: "127.0.0.9")
        var flood: [RawClient] = []
        for number in 0..<400 {
            let client = try RawClient(port: server.port, from: "127.0.0.\(2 + number % addresses)")
            try? client.send(start)
            flood.append(client)
            if number % 20 == 0 {
                let begin = ContinuousClock.now
                #expect(try RawClient(port: server.port).exchange(Self.get).body == "x")
                // It has a share of its own, and is asked for in time.
                #expect(try kept.exchange(Self.get).body == "x")
                #expect(ContinuousClock.now - begin < .seconds(2))
            }
        }
    }

    /// Bodies that never end: what holds most for longest makes room for what is whole.
    @Test func halfBodiesShareABudget() throws {
        var configuration = HTTPServer.Configuration()
        configuration.maximumBytesInHand = 4 << 20
        configuration.bodyLimit = { _, _ in 262_144 }
        let server = try HTTPServer.start(configuration) { request, responder in
            responder.respond(text("\(request.body.count)"))
        }
        let before = Self.residentMegabytes()
        let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 262144\r\n\r\n"
        let body = [UInt8](repeating: 0x78, count: 262_144)
        var flood: [RawClient] = []
        for number in 0..<160 {
            let client = try RawClient(port: server.port)
            try? client.send(Array(head.utf8) + body.dropLast())
            flood.append(client)
            if number % 40 == 0 {
                let good = try RawClient(port: server.port)
                try good.send(Array(head.utf8) + body)
                #expect(try good.response().body == "262144")
            }
        }
        #expect(Self.residentMegabytes() - before < 30)
    }

    /// Bodies that the handler has at work are not given up: then there is no room for more.
    @Test func whereNobodyHasToGoABodyIs503() throws {
        let held = try Held { $0.maximumBytesInHand = 10_000 }
        func post(_ client: RawClient, _ count: Int) throws {
            let body = String(repeating: "x", count: count)
            try client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(count)\r\n\r\n\(body)")
        }
        let first = try RawClient(port: held.server.port)
        try post(first, 9000)
        let (_, responder) = try held.requests.take()
        let second = try RawClient(port: held.server.port)
        try post(second, 2000)
        #expect(try second.response().status == 503)
        responder.respond(text("first"))
        #expect(try first.response().body == "first")
        let third = try RawClient(port: held.server.port)
        try post(third, 9000)
        try held.requests.take().1.respond(text("third"))
        #expect(try third.response().body == "third")
    }

    @Test func clientsThatDoNotReadAreEnded() throws {
        var configuration = HTTPServer.Configuration()
        configuration.maximumBytesInHand = 32 << 20
        let server = try HTTPServer.start(configuration) { request, responder in
            let count = request.path == "/large" ? 10 << 20 : 1
            responder.respond(HTTPResponse(status: 200, body: [UInt8](repeating: 0x78, count: count)))
        }
        let before = Self.residentMegabytes()
        let flood = try (0..<30).map { _ in try RawClient(port: server.port) }
        for client in flood {
            try client.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try RawClient(port: server.port).exchange(Self.get).body == "x")
        }
        #expect(Self.residentMegabytes() - before < 100)
        // The last one may still read.
        #expect(try #require(flood.last).response().body.utf8.count == 10 << 20)
    }
}
