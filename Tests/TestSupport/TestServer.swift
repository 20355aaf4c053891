import Foundation
public import MySQL
import Synchronization

/// A private mariadbd for tests, reachable by a Unix socket only, which never outlives the test process.
///
/// `shared` is for all tests of the process; `startOwn` is for tests that kill their server.
public final class TestServer: Sendable {
    /// Why a server could not be started.
    public struct StartError: Error, CustomStringConvertible {
        /// What failed, with the end of the server's log.
        public let description: String
    }

    /// The server's folder; nil if the server was started by someone else.
    private let folder: String?
    /// The socket of the server.
    public let socket: String
    private let isDurable: Bool
    private let process = Mutex<ServerProcess?>(nil)

    private static let starting = Task { try await startShared() }

    /// The server that all tests share: the one at the socket that `TEST_DB_SOCKET` names, or one that is started
    /// when first asked for.
    public static func shared() async throws -> TestServer { try await starting.value }

    /// Starts a server for one test. `durable` makes it flush every commit to its log, as a production server does.
    public static func startOwn(durable: Bool = false) async throws -> TestServer {
        let folder = try TestFolder.make()
        let server = TestServer(folder: folder, socket: folder + "/socket", isDurable: durable)
        try await server.install()
        try await server.restart()
        return server
    }

    private init(folder: String?, socket: String, isDurable: Bool) {
        self.folder = folder
        self.socket = socket
        self.isDurable = isDurable
    }

    private static func startShared() async throws -> TestServer {
        guard let socket = ProcessInfo.processInfo.environment["TEST_DB_SOCKET"] else { return try await startOwn() }
        guard socket.contains("/.local/") || socket.hasPrefix("/tmp/") || socket.hasPrefix(TestFolder.root) else {
            throw StartError(description: "\(socket) is not the socket of a private server")
        }
        return TestServer(folder: nil, socket: socket, isDurable: false)
    }

    /// How to connect to the server as its administrator.
    public func configuration(database: String = "") -> MySQLConfiguration {
        MySQLConfiguration(socket: socket, database: database, username: "root")
    }

    /// Kills the server without warning, as a power failure would, and waits for its end.
    public func kill() async {
        await end(with: SIGKILL)
    }

    /// Starts the server again on the same data after `kill` or `stop`, and waits until it answers.
    public func restart() async throws {
        guard let folder else { throw StartError(description: "this server was started by someone else") }
        let log = folder + "/log"
        let server = try await ServerProcess.start(
            [
                "mariadbd", "--no-defaults", "--datadir=\(folder)/data", "--socket=\(socket)",
                "--skip-networking", "--skip-log-bin", "--pid-file=\(folder)/pid", "--tmpdir=\(folder)",
                "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M", "--max-connections=1000",
                "--innodb-flush-log-at-trx-commit=\(isDurable ? 1 : 0)", "--max-allowed-packet=64M",
                "--innodb-flush-method=\(isDurable ? "fsync" : "nosync")",
            ] + Self.userOption, log: log)
        process.withLock { $0 = server }
        let deadline = ContinuousClock.now.advanced(by: .seconds(60))
        while true {
            do {
                let connection = try await MySQLConnection.connect(configuration())
                await connection.close()
                return
            } catch {
                guard server.isRunning, .now < deadline else {
                    throw StartError(description: "mariadbd does not answer: \(error)\n\(tail(of: log))")
                }
                // There is no signal to wait for: the socket appears before the server answers.
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// Ends the server and removes its data.
    public func stop() async {
        await end(with: SIGTERM)
        if let folder { try? FileManager.default.removeItem(atPath: folder) }
    }

    private func end(with signal: Int32) async {
        guard let process = process.withLock({ $0 }) else { return }
        process.send(signal)
        _ = await process.waitForEnd()
    }

    private func install() async throws {
        guard let folder else { return }
        let log = folder + "/install.log"
        let installation = try await ServerProcess.start(
            [
                "mariadb-install-db", "--no-defaults", "--datadir=\(folder)/data", "--skip-test-db",
                "--auth-root-authentication-method=normal", "--innodb-log-file-size=32M",
            ] + Self.userOption, log: log)
        guard await installation.waitForEnd() == 0 else {
            throw StartError(description: "mariadb-install-db failed\n\(tail(of: log))")
        }
    }

    /// mariadbd refuses to run as root unless told so.
    private static var userOption: [String] { getuid() == 0 ? ["--user=root"] : [] }

    private func tail(of log: String) -> String {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(10).joined(separator: "\n")
    }
}
