public import Time

/// Where a MySQL or MariaDB server is, and how long to wait for it.
///
/// The timeouts are kept by the client in whole seconds, rounded up, at least one.
public struct MySQLConfiguration: Sendable {
    /// Name or address of the server; unused if `socket` is set.
    public var host: String
    /// TCP port of the server; unused if `socket` is set.
    public var port: UInt16
    /// Path of a Unix domain socket, which wins over `host`.
    public var socket: String?
    /// The default schema; empty for none.
    public var database: String
    /// The account's name.
    public var username: String
    /// The account's password; never printed.
    public var password: String
    /// PEM file of the authorities that may have signed the server's certificate; nil: those that the system trusts.
    public var caFile: String?
    /// How TLS is used; nil: as `effectiveTLSMode` says.
    public var tlsMode: TLSMode?
    /// How long connecting may take.
    public var connectTimeout: Duration = .seconds(5)
    /// How long the server may stay silent during a statement. Then the statement fails with `.timeout` and the
    /// connection is closed. Must be longer than `lockWaitTimeout`.
    public var statementTimeout: Duration = .seconds(10)
    /// How long a statement waits for the lock of a row (`innodb_lock_wait_timeout`) or of a table's definition
    /// (`lock_wait_timeout`) before it fails with 1205.
    public var lockWaitTimeout: Duration = .seconds(5)
    /// Whether reads see all that was committed before they began on any node of a Galera cluster or a MySQL group. Without
    /// it a node may not yet have what another one has acknowledged. A server that is alone is asked the same and does the
    /// same.
    public var readsAreCausal = false
    /// The time zone of the session, in which a TIMESTAMP is read and written: an offset such as `+00:00`, or a name that the
    /// server knows. Nil: what the server hands out.
    public var timeZone: String? = "+00:00"
    /// The zone whose local times stand in columns that another application shares with us; nil: UTC. Rows know it, and convert
    /// nothing by themselves.
    public var localTime: LocalTime?

    /// A server reached over TCP, or over `socket` if that is given.
    public init(
        host: String = "127.0.0.1", port: UInt16 = 3306, socket: String? = nil, database: String, username: String,
        password: String = "", caFile: String? = nil, tlsMode: TLSMode? = nil
    ) {
        self.host = host
        self.port = port
        self.socket = socket
        self.database = database
        self.username = username
        self.password = password
        self.caFile = caFile
        self.tlsMode = tlsMode
    }
}

extension MySQLConfiguration {
    /// How TLS is used, in MySQL's words.
    public enum TLSMode: String, Sendable, CaseIterable {
        /// No TLS.
        case disabled = "DISABLED"
        /// TLS if the server has it. Protects from nobody who can change what is sent.
        case preferred = "PREFERRED"
        /// TLS with whoever answers. Protects from who can only listen.
        case required = "REQUIRED"
        /// TLS, and the server's certificate is signed by one of the authorities.
        case verifyCA = "VERIFY_CA"
        /// The same, and the certificate is for `host`.
        case verifyIdentity = "VERIFY_IDENTITY"
    }

    /// `tlsMode`, or where it is nil: verified TLS to another machine and wherever there is a `caFile`; none on this machine.
    public var effectiveTLSMode: TLSMode {
        if let tlsMode { return tlsMode }
        return isOnThisMachine && caFile == nil ? .disabled : .verifyIdentity
    }

    /// Whether the server is reached by a socket or a loopback address.
    var isOnThisMachine: Bool {
        socket != nil || host == "localhost" || host == "::1"
            || host.hasPrefix("127.") && host.allSatisfy { $0 == "." || $0.isNumber }
    }
}

extension MySQLConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Account and place, without the password.
    public var description: String {
        "\(username)@\(socket ?? "\(host):\(port)")/\(database)"
    }

    /// The same as `description`.
    public var debugDescription: String { description }

    /// Hides the members, so that `dump` does not print the password.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Duration {
    /// Whole seconds, rounded up, from 1 to a day: what the client library and the server take.
    var timeoutSeconds: UInt32 {
        let (seconds, attoseconds) = components
        let rounded = attoseconds > 0 ? seconds.addingReportingOverflow(1).partialValue : seconds
        return UInt32(min(max(rounded, 1), 86_400))
    }
}
