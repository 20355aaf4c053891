import Foundation
import HTTPServer
import Testing

@testable import TestSupport

enum SlowEpoll {
    /// What is preloaded; `Tests/Scripts/test` makes it.
    static let library = ProcessInfo.processInfo.environment["TEST_SLOW_EPOLL"]
}

/// Stops of a process under load while its event loop is slow (`Tests/Scripts/slow-epoll.c`): libmicrohttpd ends the process with
/// SIGABRT if a socket leaves an epoll set by two ways at once. STOPS: how many; 200 in the long form.
@Suite(.timeLimit(.minutes(10)), .enabled(if: SlowEpoll.library != nil)) struct StopProcessTests {
    static let stops = ProcessInfo.processInfo.environment["STOPS"].flatMap { Int($0) } ?? 5

    /// A program of this package with a server, built beside the test bundle.
    static let program: String = {
        let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent("sandbox").path
    }()

    @Test func stopsUnderLoadEndWell() async throws {
        let log = try TestFolder.make() + "/log"
        for _ in 0..<Self.stops {
            let port = freePort()
            let sandbox = [
                Self.program, "serve", "--port", "\(port)", "--tv-token", "t", "--pusher-app-id", "1", "--pusher-key",
                "k", "--pusher-secret", "s",
            ]
            let process = try await ServerProcess.start(
                ["env", "LD_PRELOAD=\(SlowEpoll.library ?? "")"] + sandbox, log: log)
            while process.isRunning, (try? RawClient(port: port)) == nil {
                try await Task.sleep(for: .milliseconds(25))
            }
            let answers = Mailbox<Int>()
            for _ in 0..<8 { onThread { answers.put(Self.load(port)) } }
            try await Task.sleep(for: .milliseconds(200))
            process.send(SIGTERM)
            let status = await process.waitForEnd()
            #expect(status == 0, "\((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")")
            for _ in 0..<8 { #expect(try answers.take() > 0) }
        }
    }

    /// Asks on one connection after the other until none is taken.
    private static func load(_ port: UInt16) -> Int {
        var answers = 0
        while let client = try? RawClient(port: port) {
            for _ in 0..<5 {
                let request = "GET /callbacks/x HTTP/1.1\r\nHost: h\r\n\r\n"
                guard let response = try? client.exchange(request) else { break }
                answers += 1
                if response.headers["connection"] == "close" { break }
            }
        }
        return answers
    }
}
