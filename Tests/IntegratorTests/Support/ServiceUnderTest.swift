import HTTPClient
import MySQL
import Pusher
import Signatures
import Synchronization
import Telemetry
import TestSupport

@testable import Integrator
@testable import Sandbox

/// A running service with everything around it that is its own: a schema, a TV Python API, a Pusher server.
///
///     try await ServiceUnderTest.with { service in
///         let scene = try await service.scene()
///         let history = try await service.history(of: scene.wishlist)
///         let answer = try await service.post(.progress(40, of: history, sequence: 1))
///         #expect(answer.status == 200)
///     }
struct ServiceUnderTest: Sendable {
    static let tvToken = "tvtoken-4kq8s2m1z9"
    /// Of ada, who may act, and of eve, who may look.
    static let operatorToken = "operator-token-of-ada"
    static let lookingToken = "operator-token-of-eve"
    static let pusherSecret = "pushersecret-7d1x0c5v"
    static let pusher = PusherCredentials(appID: "4711", key: "app-key", secret: pusherSecret)
    static let secret = WebhookSecret.generate()

    let database: MySQLConfiguration
    /// For statements of the test.
    var connection: MySQLConnection
    /// Parties: the TV Python API (`sandbox.tv`) and Pusher (`sandbox.pusher`).
    let sandbox: SandboxServer
    /// The lines that the sandbox logs.
    let sandboxLog: Recorder<String>
    /// The lines that the service logs, JSON each.
    let log: Recorder<String>
    let client: HTTPClient
    /// The instance that `post` and `api` talk to.
    var instance: RunningService
    private let environment: [String: String]

    /// Starts everything, and stops it at the end, whether `body` returns or throws.
    ///
    /// - Parameters:
    ///   - environment: variables besides those that are needed, or instead of them.
    ///   - database: a migrated schema; by default a new one.
    ///   - registered: waits until the callback is registered.
    ///   - sandbox: changes how the other parties behave.
    ///   - change: changes the configuration of the service.
    static func with<R>(
        _ environment: [String: String] = [:], database: MySQLConfiguration? = nil, registered: Bool = true,
        sandbox change: (inout SandboxServer.Configuration) -> Void = { _ in },
        configuration: (inout Configuration) -> Void = { _ in },
        _ body: (ServiceUnderTest) async throws -> R
    ) async throws -> R {
        guard let database else {
            return try await ServiceSchema.with { schema in
                try await with(
                    environment, database: schema, registered: registered, sandbox: change,
                    configuration: configuration, body)
            }
        }
        let sandboxLog = Recorder<String>()
        var settings = SandboxServer.Configuration(tvToken: tvToken, pusher: pusher)
        settings.scenario.stepDelay = 0
        settings.log = { sandboxLog.append($0) }
        change(&settings)
        let sandbox = try SandboxServer.start(settings)
        let client = HTTPClient(maximumConnectionsPerHost: 64, maximumResponseBytes: 8 << 20)
        let connection = try await MySQLConnection.connect(database.patient)
        let result: Result<R, any Error>
        do {
            let environment = variables(database, sandbox).merging(environment) { _, given in given }
            let log = Recorder<String>()
            let instance = try await RunningService.start(environment, log: sink(log), change: configuration)
            let service = ServiceUnderTest(
                database: database, connection: connection, sandbox: sandbox, sandboxLog: sandboxLog, log: log,
                client: client, instance: instance, environment: environment)
            do {
                if registered { try await service.waitForRegistration() }
                result = .success(try await body(service))
            } catch {
                result = .failure(error)
            }
            sandbox.pusher.clearFaults()
            try await instance.stop()
        } catch {
            await clear(client, connection, sandbox)
            throw error
        }
        await clear(client, connection, sandbox)
        return try result.get()
    }

    private static func clear(_ client: HTTPClient, _ connection: MySQLConnection, _ sandbox: SandboxServer) async {
        await client.shutdown()
        await sandbox.stop()
        await connection.close()
    }

    private static func sink(_ log: Recorder<String>) -> LogSink {
        LogSink { bytes in
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") { log.append(String(line)) }
        }
    }

    /// What an instance needs to be told.
    private static func variables(_ database: MySQLConfiguration, _ sandbox: SandboxServer) -> [String: String] {
        [
            "DB_SOCKET": database.socket ?? "", "DB_DATABASE": database.database, "DB_USERNAME": database.username,
            "TV_API_URL": sandbox.url, "TV_API_TOKEN": tvToken, "TV_WEBHOOK_SECRETS": secret.text,
            "PUSHER_APP_ID": pusher.appID, "PUSHER_APP_KEY": pusher.key, "PUSHER_APP_SECRET": pusherSecret,
            "PUSHER_HOST": "127.0.0.1", "PUSHER_PORT": "\(sandbox.port)", "PUSHER_SCHEME": "http",
            "RATE_LIMIT_PER_MINUTE": "100000", "OPERATOR_HTTP_PORT": "0", "PUBLIC_HEALTH": "true",
            "OPERATOR_TOKEN": "ada:act:\(operatorToken),eve:read:\(lookingToken)",
        ]
    }

    /// Runs another instance of the service on the same schema, beside the first; `body` gets it as its `instance`.
    func withAnotherInstance<R>(
        _ environment: [String: String] = [:], configuration: (inout Configuration) -> Void = { _ in },
        _ body: (ServiceUnderTest) async throws -> R
    ) async throws -> R {
        var other = self
        other.instance = try await RunningService.start(
            self.environment.merging(environment) { _, given in given }, log: Self.sink(log), change: configuration)
        let result: Result<R, any Error>
        do {
            result = .success(try await body(other))
        } catch {
            result = .failure(error)
        }
        try await other.instance.stop()
        return try result.get()
    }

    /// The TV Python API takes creates only then.
    private func waitForRegistration() async throws {
        try await sandboxLog.wait { lines in lines.contains { $0.contains("callback gb-console registered") } }
    }

    // MARK: The database

    /// The rows of a query.
    func query(_ sql: SQL) async throws -> MySQLRows {
        try await connection.query(sql)
    }

    /// Runs a statement.
    @discardableResult
    func execute(_ sql: SQL) async throws -> MySQLOutcome {
        try await connection.execute(sql)
    }

    /// The first column of the first row, as a number.
    func number(_ sql: SQL) async throws -> Int64? {
        try await query(sql).first?.optionalInt64(0)
    }
}

extension ServiceUnderTest {
    /// The same, seen by another client.
    func with(client: HTTPClient) -> ServiceUnderTest {
        ServiceUnderTest(
            database: database, connection: connection, sandbox: sandbox, sandboxLog: sandboxLog, log: log,
            client: client, instance: instance, environment: environment)
    }

    /// Waits until a counter of the instance is above zero: nobody tells when it is.
    func waitForMetric(_ name: String, timeout: Duration = .seconds(20)) async throws {
        let deadline = ContinuousClock.now + timeout
        while instance.metric(name) ?? 0 == 0 {
            guard ContinuousClock.now < deadline else { throw SandboxError("waited in vain for \(name)") }
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}
