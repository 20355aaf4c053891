import Foundation
import HTTPClient

@testable import Sandbox
@testable import TestSupport

/// `integrator serve` as a process of its own, to be killed.
struct IntegratorProcess: Sendable {
    let port: UInt16
    let log: String
    private let process: ServerProcess

    var url: String { "http://127.0.0.1:\(port)" }

    /// The program, built beside the test bundle.
    static let program: String = {
        let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent("integrator").path
    }()

    /// Any port that nobody has.
    static func freePort() -> UInt16 { UInt16.random(in: 10_000..<32_000) }

    /// Starts it and waits until it takes requests. Its environment is `variables` and nothing else.
    static func start(
        _ variables: [String: String], port: UInt16 = freePort(), client: HTTPClient
    ) async throws -> IntegratorProcess {
        let url = "http://127.0.0.1:\(port)"
        let folder = try TestFolder.make()
        let own = ["HTTP_PORT": "\(port)", "PUBLIC_URL": url, "PATH": "/usr/bin:/bin"]
        let all = variables.merging(own) { given, own in given.isEmpty ? own : own }
        let process = try await ServerProcess.start(
            ["env", "-i"] + all.map { "\($0)=\($1)" } + [program, "serve"], log: folder + "/log")
        let started = IntegratorProcess(port: port, log: folder + "/log", process: process)
        let deadline = ContinuousClock.now + .seconds(20)
        while true {
            let request = HTTPClientRequest(method: "GET", url: url + "/health/live", timeout: .seconds(2))
            if let answer = try? await client.send(request), answer.status == 200 { return started }
            guard process.isRunning, ContinuousClock.now < deadline else {
                throw SandboxError("integrator did not start: \(started.logText)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    var logText: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }
    var isRunning: Bool { process.isRunning }

    /// SIGKILL, as the kernel does when memory is short.
    func kill() async {
        process.send(SIGKILL)
        _ = await process.waitForEnd()
    }

    /// SIGTERM; the exit status.
    func terminate() async -> Int32 {
        process.send(SIGTERM)
        return await process.waitForEnd()
    }

    func send(_ signal: Int32) { process.send(signal) }

    /// Resident memory in MiB (proc(5)).
    func residentMebibytes() -> Int? {
        // The process itself knows: setpriv and env have become it.
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        for pid in entries.compactMap({ Int32($0) }) {
            guard let environment = FileManager.default.contents(atPath: "/proc/\(pid)/environ"),
                environment.range(of: Data("HTTP_PORT=\(port)\0".utf8)) != nil,
                let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
                let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") })
            else { continue }
            return line.split(separator: " ").compactMap { Int($0) }.first.map { $0 / 1024 }
        }
        return nil
    }
}
