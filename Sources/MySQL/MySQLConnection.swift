import CMariaDB
import Synchronization

/// One connection to a server, with a thread of its own on which all its blocking calls run.
///
/// Methods are synchronous inside of the actor: a whole transaction in one `run { ... }` or one
/// `MySQLPool.withTransaction { ... }` never changes threads. There is no reconnect: once `isUsable` is false every
/// call fails. The thread ends with the connection.
public actor MySQLConnection {
    private nonisolated let executor: ThreadExecutor
    private nonisolated let usable = Atomic(false)
    private let configuration: MySQLConfiguration
    /// Nil before connecting and once the connection was closed.
    var handle: UnsafeMutablePointer<MYSQL>?
    /// Whether the server takes several statements at a time; nil until `executeAll` has asked.
    var severalStatements: Bool?
    /// The conflict that doomed the open transaction.
    var conflict: MySQLError?

    /// The connection's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// False once the connection broke or was closed. May be read from anywhere.
    public nonisolated var isUsable: Bool { usable.load(ordering: .acquiring) }

    /// Connects and sets the session up: utf8mb4, UTC, strict SQL mode, READ COMMITTED, the lock wait timeout.
    ///
    /// Errors have the phase `.connect`.
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

    /// True between `begin` and its end, as the server last told.
    public var isInTransaction: Bool {
        handle.map { $0.pointee.server_status & UInt32(SERVER_STATUS_IN_TRANS) != 0 } ?? false
    }

    var statementTimeout: Duration { .seconds(Int(configuration.statementTimeout.timeoutSeconds)) }

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
        usable.store(true, ordering: .releasing)
        do {
            let lockWait = configuration.lockWaitTimeout.timeoutSeconds
            try execute("set session transaction isolation level read committed")
            try execute(
                """
                set time_zone = '+00:00', innodb_lock_wait_timeout = \(lockWait), lock_wait_timeout = \(lockWait), \
                sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,\
                ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'
                """)
            if configuration.readsAreCausal { try readCausally() }
        } catch {
            close()
            var error = error
            error.phase = .connect
            throw error
        }
    }

    private func readCausally() throws(MySQLError) {
        do {
            try execute(
                serverVersion.contains("MariaDB")
                    ? "set session wsrep_sync_wait = 1" : "set session group_replication_consistency = 'BEFORE'")
        } catch {
            // Unknown variable: the server is no part of a cluster.
            guard error.number == 1193 else { throw error }
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
        if let caFile = configuration.caFile {
            cmariadb_option_string(handle, MYSQL_OPT_SSL_CA, caFile)
            cmariadb_option_bool(handle, MYSQL_OPT_SSL_ENFORCE, 1)
        }
        cmariadb_option_bool(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, configuration.caFile == nil ? 0 : 1)
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
