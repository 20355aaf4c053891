public import MySQL
import Synchronization

/// A schema for one test.
public enum TestDatabase {
    /// Creates a schema with a random name on the shared server, gives `body` its configuration, and drops it at the
    /// end, whether `body` returns, throws or is cancelled.
    public static func with<R>(_ body: (MySQLConfiguration) async throws -> R) async throws -> R {
        await Turns.shared.take()
        defer { Turns.shared.give() }
        let server = try await TestServer.shared()
        let name = "test_" + String(UInt64.random(in: 0 ... .max), radix: 36)
        let administrator = server.configuration()
        try await run("create database \(identifier: name) collate utf8mb4_unicode_ci", administrator)
        let result: Result<R, any Error>
        do {
            result = .success(try await body(server.configuration(database: name)))
        } catch {
            result = .failure(error)
        }
        // In a task of its own, which is not cancelled with the test's.
        try await Task { try await run("drop database \(identifier: name)", administrator) }.value
        return try result.get()
    }

    private static func run(_ statement: SQL, _ configuration: MySQLConfiguration) async throws {
        let connection = try await MySQLConnection.connect(configuration.patient)
        _ = try await connection.execute(statement)
        await connection.close()
    }
}

extension MySQLConfiguration {
    /// For what a test does itself: on a machine that others use too a statement may take long, and on a cluster all tables
    /// are made one after the other.
    public var patient: MySQLConfiguration {
        var patient = self
        patient.connectTimeout = .seconds(60)
        patient.statementTimeout = .seconds(120)
        patient.lockWaitTimeout = .seconds(45)
        return patient
    }
}

/// Tests start all at once, and each makes a schema: more than a few at a time would only wait for each other in the
/// server, until they time out.
private final class Turns: Sendable {
    static let shared = Turns(count: 8)

    private struct State {
        var free: Int
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(count: Int) {
        state = Mutex(State(free: count))
    }

    func take() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free == 0 {
                    state.waiters.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    func give() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.waiters.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiters.removeFirst()
        }
        next?.resume()
    }
}
