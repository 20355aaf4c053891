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
    /// The size of the disk that it has for itself; nil: it has none.
    private let mebibytes: Int?
    /// The socket of the server.
    public let socket: String
    private let isDurable: Bool
    private let options: [String]
    private let process = Mutex<ServerProcess?>(nil)

    private static let starting = Task { try await startShared() }

    /// The server that all tests share: the one at the socket that `TEST_DB_SOCKET` names, or one that is started
    /// when first asked for.
    public static func shared() async throws -> TestServer { try await starting.value }

    /// Starts a server for one test. `durable` makes it flush every commit to its log, as a production server does;
    /// `options` come after those it is always started with.
    public static func startOwn(durable: Bool = false, options: [String] = []) async throws -> TestServer {
        let folder = try TestFolder.make()
        let server = TestServer(folder: folder, socket: folder + "/socket", isDurable: durable, options: options)
        try await server.install()
        try await server.restart()
        return server
    }

    /// Starts a server for one test whose data lie on a disk of so many MiB: one in memory, in a mount namespace of the
    /// server's own, so that it is gone with the server. It cannot be killed and started again.
    public static func startOwn(onDiskOf mebibytes: Int) async throws -> TestServer {
        let folder = try TestFolder.make()
        let server = TestServer(folder: folder, socket: folder + "/socket", isDurable: true, mebibytes: mebibytes)
        try FileManager.default.createDirectory(atPath: folder + "/data", withIntermediateDirectories: false)
        try await server.restart()
        return server
    }

    /// Whether this machine lets us mount a disk in memory.
    public static func canMount() async -> Bool {
        guard let folder = try? TestFolder.make(),
            let trial = try? await ServerProcess.start(
                ownNamespace + ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], log: folder + "/log")
        else { return false }
        return await trial.waitForEnd() == 0
    }

    private static var ownNamespace: [String] {
        ["unshare", "--mount"] + (getuid() == 0 ? [] : ["--map-root-user"])
    }

    private init(
        folder: String?, socket: String, isDurable: Bool, options: [String] = [], mebibytes: Int? = nil
    ) {
        self.options = options
        self.folder = folder
        self.mebibytes = mebibytes
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
            diskCommand(folder) + Self.program + [
                "--datadir=\(folder)/data", "--socket=\(socket)", "--skip-networking", "--skip-log-bin",
                "--pid-file=\(folder)/pid", "--tmpdir=\(folder)",
                "--default-time-zone=+00:00",
                "--innodb-buffer-pool-size=64M", "--max-connections=1000",
                "--innodb-flush-log-at-trx-commit=\(isDurable ? 1 : 0)", "--max-allowed-packet=64M",
                "--innodb-flush-method=\(isDurable ? "fsync" : "nosync")",
            ] + (Self.isMySQL ? ["--mysqlx=OFF"] : ["--innodb-log-file-size=32M"]) + options + userOption, log: log)
        process.withLock { $0 = server }
        let deadline = ContinuousClock.now.advanced(by: .seconds(60))
        while true {
            do {
                let connection = try await MySQLConnection.connect(configuration())
                await connection.close()
                return
            } catch let error where isUnfit(error) {
                return
            } catch {
                guard server.isRunning, .now < deadline else {
                    throw StartError(description: "the server does not answer: \(error)\n\(tail(of: log))")
                }
                // There is no signal to wait for: the socket appears before the server answers.
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// It answers, and was started so that nobody is to be content with it.
    private func isUnfit(_ error: MySQLError) -> Bool {
        if case .unfitSession = error.kind { true } else { false }
    }

    /// Ends the server and removes its data.
    public func stop() async {
        await end(with: SIGTERM)
        if let folder { try? FileManager.default.removeItem(atPath: folder) }
    }

    /// What runs before the server's own command, if it has a disk for itself.
    private func diskCommand(_ folder: String) -> [String] {
        guard let mebibytes else { return [] }
        let script = """
            set -e; mount -t tmpfs -o size=\(mebibytes)m tmpfs '\(folder)/data'
            mariadb-install-db \(installOptions(folder).map { "'\($0)'" }.joined(separator: " "))
            exec "$@"
            """
        return Self.ownNamespace + ["sh", "-c", script, "sh"]
    }

    /// The disk as it looks from outside of the server's namespace (proc(5)).
    private func filler(_ number: Int) -> String {
        "/proc/\(process.withLock { $0?.number ?? 0 })/root\(folder ?? "")/data/filler-\(number)"
    }

    /// Leaves no free byte on the server's disk.
    public func fillDisk() throws {
        for (number, chunk) in [1 << 20, 4096].enumerated() {
            guard FileManager.default.createFile(atPath: filler(number), contents: nil),
                let file = FileHandle(forWritingAtPath: filler(number))
            else { throw StartError(description: "the server's disk is not found") }
            let bytes = Data(count: chunk)
            while (try? file.write(contentsOf: bytes)) != nil {}
            try? file.close()
        }
    }

    /// Gives the space back.
    public func freeDisk() {
        for number in 0..<2 { try? FileManager.default.removeItem(atPath: filler(number)) }
    }

    private func end(with signal: Int32) async {
        guard let process = process.withLock({ $0 }) else { return }
        process.send(signal)
        _ = await process.waitForEnd()
    }

    /// The server's program and what it is always told: a word a line in the file that `TEST_SERVER_PROGRAM` names, or MariaDB
    /// as it is installed.
    private static let program: [String] = {
        guard let file = ProcessInfo.processInfo.environment["TEST_SERVER_PROGRAM"],
            let text = try? String(contentsOfFile: file, encoding: .utf8)
        else { return ["mariadbd", "--no-defaults"] }
        return text.split(separator: "\n").map(String.init)
    }()

    /// Whether servers of one's own are MySQL.
    public static let isMySQL = program.contains { $0.hasSuffix("/mysqld") }

    private func install() async throws {
        guard let folder else { return }
        let log = folder + "/install.log"
        // A data folder to be copied: of a program that is not installed here.
        let template = ProcessInfo.processInfo.environment["TEST_SERVER_DATA"]
        let command =
            Self.isMySQL
            ? Self.program + ["--datadir=\(folder)/data", "--initialize-insecure"] + userOption
            : template.map { ["cp", "-a", $0, folder + "/data"] } ?? ["mariadb-install-db"] + installOptions(folder)
        let installation = try await ServerProcess.start(command, log: log)
        guard await installation.waitForEnd() == 0 else {
            throw StartError(description: "the server's data could not be made\n\(tail(of: log))")
        }
    }

    private func installOptions(_ folder: String) -> [String] {
        [
            "--no-defaults", "--datadir=\(folder)/data", "--skip-test-db", "--auth-root-authentication-method=normal",
            "--innodb-log-file-size=32M", "--tmpdir=\(folder)",
        ] + userOption
    }

    /// mariadbd refuses to run as root unless told so; in a namespace of its own it may be root without us being so.
    private var userOption: [String] { getuid() == 0 || mebibytes != nil ? ["--user=root"] : [] }

    private func tail(of log: String) -> String {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(10).joined(separator: "\n")
    }
}
