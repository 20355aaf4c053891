@testable import Store
import HTTPClient
@testable import Integrator
import MySQL
import Pusher
import Signatures
import Synchronization
import Telemetry
import TestSupport

@testable import Sandbox

/// A running service with the demo data, a sandbox, and everything it says: its log at level debug, all its answers.
struct ServiceOnTrial: Sendable {
    static let tvToken = "tvtoken-4kq8s2m1z9"
    static let pusherSecret = "pushersecret-7d1x0c5v"
    static let secrets = [WebhookSecret.generate(), WebhookSecret.generate()]

    let sandbox: SandboxServer
    let database: MySQLConfiguration
    let port: UInt16
    /// Of user 1, who owns the demo's first group.
    let token: String
    private let client: HTTPClient
    /// Log lines and answers.
    let output: Recorder<String>

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
            var settings = SandboxServer.Configuration(
                tvToken: tvToken, pusher: PusherCredentials(appID: "1", key: "pusherkey", secret: pusherSecret))
            settings.scenario.stepDelay = 0
            let sandbox = try SandboxServer.start(settings)
            let output = Recorder<String>()
            // The sandbox has to know the port before the service listens.
            let port = UInt16.random(in: 10_000..<32_000)
            var environment = [
                "DB_SOCKET": database.socket ?? "", "DB_DATABASE": database.database, "DB_USERNAME": database.username,
                "TV_API_URL": sandbox.url, "TV_API_TOKEN": tvToken,
                "TV_WEBHOOK_SECRETS": secrets.map(\.text).joined(separator: " "), "PUSHER_APP_ID": "1",
                "PUSHER_APP_KEY": "pusherkey", "PUSHER_APP_SECRET": pusherSecret, "PUSHER_HOST": "127.0.0.1",
                "PUSHER_PORT": "\(sandbox.port)", "PUSHER_SCHEME": "http", "HTTP_PORT": "\(port)",
                "PUBLIC_URL": "http://127.0.0.1:\(port)", "OPERATOR_HTTP_PORT": "0", "PUBLIC_HEALTH": "true",
            ]
            environment.merge(variables) { _, given in given }
            var configuration = try Configuration(Environment(environment))
            configuration.log = Logger(
                level: .debug, format: .json, sink: LogSink { output.append(String(decoding: $0, as: UTF8.self)) })
            let service = Service(configuration: configuration)
            let (stop, stopped) = AsyncStream<Void>.makeStream()
            let (ready, listening) = AsyncStream<Void>.makeStream()
            let running = Task {
                defer { listening.finish() }
                try await service.run(listening: { _, _ in listening.yield() }, until: { for await _ in stop {} })
            }
            for await _ in ready { break }
            let client = HTTPClient(maximumConnectionsPerHost: 16, maximumResponseBytes: 1 << 22)
            let trial = ServiceOnTrial(
                sandbox: sandbox, database: database, port: port, token: token, client: client, output: output)
            let result: Result<Void, any Error>
            do { result = .success(try await body(trial)) } catch { result = .failure(error) }
            stopped.finish()
            try await running.value
            await client.shutdown()
            await sandbox.stop()
            try result.get()
        }
    }

    /// Asks the service.
    @discardableResult
    func ask(
        _ method: String, _ path: String, body: String = "", headers: [(name: String, value: String)] = [],
        isAuthorized: Bool = true
    ) async throws -> (status: Int, body: String) {
        var headers = headers
        if isAuthorized { headers.append(("Authorization", "Bearer \(token)")) }
        if !body.isEmpty { headers.append(("Content-Type", "application/json")) }
        let response = try await client.send(
            HTTPClientRequest(
                method: method, url: "http://127.0.0.1:\(port)\(path)", headers: headers, body: Array(body.utf8),
                timeout: .seconds(20)))
        let text = String(decoding: response.body, as: UTF8.self)
        for (name, value) in response.headers { output.append("\(name): \(value)") }
        output.append(text)
        return (response.status, text)
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
