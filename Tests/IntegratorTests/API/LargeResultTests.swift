import Glibc
import HTTPClient
import JSON
import MySQL
import Testing

@testable import Datasets
@testable import Integrator
@testable import Store

/// Lists of histories with large results (spec, section 2, Case 2).
@Suite(.timeLimit(.minutes(3))) struct LargeResultTests {
    /// - Returns: the newest first.
    private func histories(
        _ service: ServiceUnderTest, of wishlist: TestWishlist, resultBytes: [Int]
    ) async throws -> [TestHistory] {
        var made: [TestHistory] = []
        for bytes in resultBytes.reversed() {
            let history = try await service.history(of: wishlist, status: .completed)
            try await service.change(
                history, "result = CONCAT('{\"x\":\"', REPEAT('y', \(bytes - 8)), '\"}')")
            made.insert(history, at: 0)
        }
        return made
    }

    @Test func whatDoesNotFitIsLinked() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let path = "\(scene.wishlist.path)/histories"
            let bytes = [400_000, 600_000, 300_000, HistoryList.resultBytes - 1_000_000, 8, 2_000_000]
            let made = try await histories(service, of: scene.wishlist, resultBytes: bytes)
            let bare = try await service.history(of: scene.wishlist, status: .failed)
            for query in ["", "?cursor="] {
                let list = try await service.get(path + query, token: scene.token)
                let items = try #require(list.data?.elements)
                #expect(items.map { $0["id"]?.int } == [bare.id] + made.map(\.id))
                #expect(items.map { $0["result"]?.kind == .object } == [false, true, true, false, true, false, false])
                #expect(
                    items.map { $0["result_url"]?.kind == .string } == [false, false, false, true, false, true, true])
                let url = try #require(items[3]["result_url"]?.string)
                #expect(url == "\(service.instance.url)\(path)/\(made[2].id)")
                let single = try await service.get("\(path)/\(made[2].id)", token: scene.token)
                #expect(single.data?["result"]?["x"]?.string?.utf8.count == 300_000 - 8)
                #expect(single.data?["result_url"] == nil)
            }
        }
    }

    /// 30 clients that do not read a page of 100 results of 250 KB.
    @Test func whoDoesNotReadCostsLittle() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            _ = try await histories(
                service, of: scene.wishlist, resultBytes: Array(repeating: 250_000, count: 100))
            let request = """
                GET \(scene.wishlist.path)/histories?per_page=100 HTTP/1.1\r\nHost: h\r\n\
                Authorization: Bearer \(scene.token)\r\n\r\n
                """
            let before = Self.residentMegabytes()
            var sockets: [Int32] = []
            defer { for socket in sockets { close(socket) } }
            for _ in 0..<30 { sockets.append(try Self.ask(service.instance.port, request)) }
            var most = 0
            for _ in 0..<30 {
                try await Task.sleep(for: .milliseconds(100))
                most = max(most, Self.residentMegabytes() - before)
            }
            // Other tests run in the same process.
            #expect(most < 150)
            #expect(try await service.get("\(scene.wishlist.path)/histories", token: scene.token).status == 200)
        }
    }

    /// A socket with a small buffer that has sent a request, and reads nothing.
    private static func ask(_ port: UInt16, _ request: String) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var size: Int32 = 4096
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(connected == 0)
        try #require(Array(request.utf8).withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, 0) } > 0)
        return descriptor
    }

    private static func residentMegabytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
        let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .split(separator: " ")
        return (fields.dropFirst().first.flatMap { Int($0) } ?? 0) * 4096 >> 20
    }
}
