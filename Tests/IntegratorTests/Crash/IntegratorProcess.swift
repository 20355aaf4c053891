import Foundation
import HTTPClient
import MySQL
import Signatures
import Time

@testable import Integrator
@testable import Sandbox
@testable import TestSupport
@testable import Web

/// `integrator serve` as a process of its own, to be killed.
struct IntegratorProcess: Sendable {
    let port: UInt16
    let log: String
    private let process: ServerProcess
    private let client: HTTPClient

    var url: String { "http://127.0.0.1:\(port)" }

    /// The program, built beside the test bundle.
    static let program: String = {
        let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent("integrator").path
    }()

    /// Starts it and waits until it takes requests. Its environment is `variables` and nothing else.
    static func start(
        _ variables: [String: String], port: UInt16 = freePort(), program: String = Self.program, client: HTTPClient
    ) async throws -> IntegratorProcess {
        let url = "http://127.0.0.1:\(port)"
        let folder = try TestFolder.make()
        let own = [
            "HTTP_PORT": "\(port)", "OPERATOR_HTTP_PORT": "0", "PUBLIC_HEALTH": "true", "PUBLIC_URL": url,
            "PATH": "/usr/bin:/bin", "LOG_LEVEL": "info",
        ]
        let all = variables.merging(own) { given, own in given.isEmpty ? own : own }
        let process = try await ServerProcess.start(
            ["env", "-i"] + all.map { "\($0)=\($1)" } + [program, "serve"], log: folder + "/log")
        let started = IntegratorProcess(port: port, log: folder + "/log", process: process, client: client)
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
    /// What it calls itself in the database; it says so in its log, at level info.
    var instance: UInt64 {
        let told = logText.components(separatedBy: #""instance":""#).dropFirst().first
        return told.flatMap { UInt64($0.prefix { $0.isNumber }) } ?? 0
    }

    /// SIGKILL, as the kernel does when memory is short.
    func kill() async {
        process.send(SIGKILL)
        _ = await process.waitForEnd()
        Chaos.count(.serviceKills)
    }

    /// SIGTERM; the exit status.
    func terminate() async -> Int32 {
        process.send(SIGTERM)
        return await process.waitForEnd()
    }

    func send(_ signal: Int32) { process.send(signal) }

    /// Calls its HTTP API.
    func api(
        _ method: String, _ path: String, token: String? = nil, headers: [(name: String, value: String)] = []
    ) async throws -> HTTPAnswer {
        HTTPAnswer(
            try await client.send(
                HTTPClientRequest(
                    method: method, url: url + path,
                    headers: headers + (token.map { [("Authorization", "Bearer \($0)")] } ?? []),
                    timeout: .seconds(30))))
    }

    /// Sends it a webhook, signed now.
    func post(_ webhook: TestWebhook) async throws -> HTTPAnswer {
        let now = Timestamp.now().seconds
        let signature = WebhookSigner(secret: ServiceUnderTest.secret).sign(
            id: webhook.id, timestamp: now, body: webhook.body)
        return HTTPAnswer(
            try await client.send(
                HTTPClientRequest(
                    method: "POST", url: url + WebhookEndpoint.path,
                    headers: [
                        ("webhook-id", webhook.id), ("webhook-timestamp", "\(now)"),
                        ("webhook-signature", signature), ("Content-Type", "application/json"),
                    ], body: webhook.body, timeout: .seconds(30))))
    }

    /// Resident memory in MiB (proc(5)).
    func residentMebibytes() -> Int? {
        let status = try? String(contentsOfFile: "/proc/\(process.number)/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line?.split(separator: " ").compactMap { Int($0) }.first.map { $0 / 1024 }
    }
}
