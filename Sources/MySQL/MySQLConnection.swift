import CMariaDB
import Glibc
import Synchronization
public import Time

/// One connection to a server, with a thread of its own on which all its blocking calls run.
///
/// Methods are synchronous inside of the actor: a whole transaction in one `run { ... }` or one
/// `MySQLPool.withTransaction { ... }` never changes threads. There is no reconnect: once `isUsable` is false every
/// call fails. The thread ends with the connection.
public actor MySQLConnection {
    private nonisolated let executor: ThreadExecutor
    private nonisolated let usable = Atomic(false)
    nonisolated let readOnlyFound = Atomic(false)
    let configuration: MySQLConfiguration
    /// Nil before connecting and once the connection was closed.
    var handle: UnsafeMutablePointer<MYSQL>?
    /// Whether the server takes several statements at a time, once `executeAll` has set that option.
    var takesSeveralStatements = false
    /// Whether the server is a node of a Galera cluster.
    var isGaleraNode = false
    /// The server's `max_allowed_packet`: a statement may have as many bytes, less a few for its envelope. Read when the
    /// connection was made.
    public internal(set) var maximumPacketBytes = 1 << 20
    /// The isolation of our transactions: `READ-COMMITTED`, or `REPEATABLE-READ` at a server that writes its binary log
    /// statement by statement and lets nothing be written otherwise.
    public internal(set) var isolation = ""
    /// What `columns(of:)` has read.
    var knownColumns: [String: KnownColumns] = [:]
    /// Whether it was idle, and has not been used since.
    var wasIdle = false
    /// The conflict that doomed the open transaction.
    var conflict: MySQLError?

    /// The zone of local times, as the configuration has it.
    public nonisolated var localTime: LocalTime? { configuration.localTime }

    /// The connection's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// False once the connection broke or was closed. May be read from anywhere.
    public nonisolated var isUsable: Bool { usable.load(ordering: .acquiring) }

    /// True once a statement has found that the server may only read. May be read from anywhere.
    nonisolated var hasFoundReadOnly: Bool { readOnlyFound.load(ordering: .acquiring) }

    /// Connects, sets the session up and reads it back (see `SessionSettings`): utf8mb4, UTC, strict SQL mode, READ COMMITTED,
    /// the lock wait timeout, and all else that our statements rest on.
    ///
    /// Errors have the phase `.connect`; `.unfitSession` if the server does not let a variable be set.
    public static func connect(_ configuration: MySQLConfiguration) async throws(MySQLError) -> MySQLConnection {
        let connection = try MySQLConnection(configuration)
        try await connection.open()
        return connection
    }

    private init(_ configuration: MySQLConfiguration) throws(MySQLError) {
        self.configuration = configuration
        ClientLibrary.start()
        do {
            executor = try ThreadExecutor()
        } catch {
            throw MySQLError(kind: .other, phase: .connect, message: "no thread: error \(error.number)")
        }
    }

    isolated deinit {
        close()
        executor.stop()
    }

    /// Runs `body` on the connection's thread.
    @discardableResult
    public func run<R: Sendable>(_ body: @Sendable (isolated MySQLConnection) async throws -> R) async rethrows -> R {
        try await body(self)
    }

    /// Closes the connection; an open transaction is rolled back by the server. May be called again.
    public func close() {
        usable.store(false, ordering: .releasing)
        if let handle {
            mysql_close(handle)
            self.handle = nil
        }
    }

    /// The server's version as it names itself, for example `10.11.19-MariaDB` or `8.4.2`; empty when closed.
    public var serverVersion: String {
        guard let handle, let text = mysql_get_server_info(handle) else { return "" }
        return String(cString: text)
    }

    /// The server's number for this connection, which `KILL` takes; 0 when closed.
    public var id: UInt64 {
        handle.map { UInt64(mysql_thread_id($0)) } ?? 0
    }

    /// True between `begin` and its end, by the server's last answer.
    public var isInTransaction: Bool {
        handle.map { $0.pointee.server_status & UInt32(SERVER_STATUS_IN_TRANS) != 0 } ?? false
    }

    var statementTimeout: Duration { .seconds(Int(configuration.statementTimeout.timeoutSeconds)) }

    /// What was idle is lent again: if the server, or a proxy, has closed it meanwhile, its first statement opens another.
    func lend() { wasIdle = true }

    /// Whether the other side has closed the connection: a server says nothing unasked, but for its farewell.
    var isClosedByServer: Bool {
        guard let handle else { return false }
        var descriptor = pollfd(fd: mysql_get_socket(handle), events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, 0) > 0
    }

    /// Another connection to the server in the place of this one.
    func reopen() throws(MySQLError) {
        close()
        takesSeveralStatements = false
        knownColumns = [:]
        conflict = nil
        try open()
    }

    private func open() throws(MySQLError) {
        guard let handle = mysql_init(nil) else {
            throw MySQLError(kind: .other, phase: .connect, message: "out of memory")
        }
        self.handle = handle
        setOptions(of: handle)
        let host = configuration.socket == nil ? configuration.host : "localhost"
        let database = configuration.database.isEmpty ? nil : configuration.database
        let connected = mysql_real_connect(
            handle, host, configuration.username, configuration.password, database, UInt32(configuration.port),
            configuration.socket, UInt(CLIENT_FOUND_ROWS))
        guard connected != nil else {
            let error = lastError(phase: .connect)
            close()
            throw error
        }
        // The library itself goes on without TLS where the server has none, but for `verifyIdentity`.
        if ![.disabled, .preferred].contains(configuration.effectiveTLSMode), mysql_get_ssl_cipher(handle) == nil {
            close()
            throw MySQLError(
                kind: .tls, phase: .connect, message: "TLS is required, and the server does not speak it")
        }
        usable.store(true, ordering: .releasing)
        do {
            try setSessionUp()
        } catch {
            close()
            var error = error
            error.phase = .connect
            throw error
        }
    }

    private func setOptions(of handle: UnsafeMutablePointer<MYSQL>) {
        let timeout = configuration.statementTimeout.timeoutSeconds
        cmariadb_option_uint(handle, MYSQL_OPT_CONNECT_TIMEOUT, configuration.connectTimeout.timeoutSeconds)
        cmariadb_option_uint(handle, MYSQL_OPT_READ_TIMEOUT, timeout)
        cmariadb_option_uint(handle, MYSQL_OPT_WRITE_TIMEOUT, timeout)
        cmariadb_option_string(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4")
        cmariadb_option_bool(handle, MYSQL_OPT_RECONNECT, 0)
        // Otherwise a server could ask for files of ours.
        cmariadb_option_uint(handle, MYSQL_OPT_LOCAL_INFILE, 0)
        // Without it, "localhost" would mean the socket.
        let transport = configuration.socket == nil ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET
        cmariadb_option_uint(handle, MYSQL_OPT_PROTOCOL, UInt32(transport.rawValue))
        cmariadb_option_string(handle, MARIADB_OPT_RESTRICTED_AUTH, authenticationPlugins)
        let mode = configuration.effectiveTLSMode
        cmariadb_option_bool(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, mode == .verifyIdentity ? 1 : 0)
        guard mode != .disabled else { return }
        // With authorities and without the option above it verifies all but the name.
        let verifies = mode == .verifyCA || mode == .verifyIdentity
        let caFile = verifies ? configuration.caFile ?? (mode == .verifyCA ? Self.systemAuthorities : nil) : nil
        mysql_ssl_set(handle, nil, nil, caFile, nil, nil)
    }

    /// Debian's, and its derivatives'.
    private static let systemAuthorities = "/etc/ssl/certs/ca-certificates.crt"

    /// Ways to log in by which the password is never sent as it is, whatever a server asks for.
    ///
    /// `caching_sha2_password` sends it where TLS protects it. The library takes TLS for granted where it is configured,
    /// even if the server has said that it has none; only with `verifyIdentity` it ends such a connection before.
    private var authenticationPlugins: String {
        let plugins = "mysql_native_password,client_ed25519"
        let isSafe =
            configuration.socket != nil || [.disabled, .verifyIdentity].contains(configuration.effectiveTLSMode)
        return isSafe ? plugins + ",caching_sha2_password" : plugins
    }

    /// What the client library says about its last call.
    func lastError(phase: MySQLError.Phase) -> MySQLError {
        guard let handle else {
            return MySQLError(kind: .closed, phase: phase, message: "the connection is closed")
        }
        return MySQLError(
            number: Int(mysql_errno(handle)), sqlState: String(cString: mysql_sqlstate(handle)),
            message: String(cString: mysql_error(handle)), phase: phase)
    }
}
