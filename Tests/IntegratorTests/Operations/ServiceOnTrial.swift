import HTTPClient
import MySQL
import Signatures
import Telemetry
import TestSupport

@testable import Integrator
@testable import Sandbox
@testable import Store

/// A service with the demo data, and everything it says: its log at level debug, all its answers.
struct ServiceOnTrial: Sendable {
    static let secrets = [WebhookSecret.generate(), WebhookSecret.generate()]

    let service: ServiceUnderTest
    /// Of user 1, who owns the demo's first group.
    let token: String
    /// Log lines and answers.
    let output: Recorder<String>

    var sandbox: SandboxServer { service.sandbox }
    var database: MySQLConfiguration { service.database }
    var port: UInt16 { service.instance.port }

    /// - Parameter variables: instead of those that work.
    static func with(
        _ variables: [String: String] = [:], isMigrated: Bool = true,
        _ body: (ServiceOnTrial) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            var token = ""
            if isMigrated {
                _ = try await Migrator(database, migrations: Migrations.all).run()
                _ = try await Migrator(database, migrations: Migrations.demo, table: "integrator_demo").run()
                let pool = MySQLPool(database, maximumConnections: 1)
                token = try await AccessTokens(pool: pool).create(user: 1, name: "test", abilities: ["*"])
                await pool.shutdown()
            }
            let output = Recorder<String>()
            let sink = LogSink { output.append(String(decoding: $0, as: UTF8.self)) }
            let environment = ["TV_WEBHOOK_SECRETS": secrets.map(\.text).joined(separator: " ")]
            try await ServiceUnderTest.with(
                environment.merging(variables) { _, given in given }, database: database, registered: false,
                configuration: { $0.log = Logger(level: .debug, format: .json, sink: sink) }
            ) { service in
                try await body(ServiceOnTrial(service: service, token: token, output: output))
            }
        }
    }

    /// Asks the service, and keeps what it answers.
    @discardableResult
    func ask(
        _ method: String, _ path: String, body: String = "", headers: [(name: String, value: String)] = [],
        isAuthorized: Bool = true
    ) async throws -> (status: Int, body: String) {
        let answer = try await service.api(
            method, path, token: isAuthorized ? token : nil, body: body.isEmpty ? nil : body, headers: headers)
        for (name, value) in answer.headers { output.append("\(name): \(value)") }
        output.append(answer.text)
        return (answer.status, answer.text)
    }

    /// Asks until the answer has this status.
    func ask(_ path: String, until status: Int) async throws -> String {
        for _ in 0..<400 {
            let answer = try await ask("GET", path)
            if answer.status == status { return answer.body }
            try await Task.sleep(for: .milliseconds(25))
        }
        throw Timeout()
    }

    /// Waits until the callback is registered and all is well.
    func waitUntilReady() async throws {
        for _ in 0..<400 {
            if try await ask("GET", "/health/ready").body.contains(#""status":"ok""#) { return }
            try await Task.sleep(for: .milliseconds(25))
        }
        throw Timeout()
    }

    struct Timeout: Error {}
}
