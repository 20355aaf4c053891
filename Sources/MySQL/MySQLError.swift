/// What went wrong between us and a MySQL server.
///
/// `description` is safe to log; `message` may contain values of rows and belongs to nobody but the operator.
public struct MySQLError: Error, Sendable {
    /// What a caller can do about it.
    public enum Kind: Sendable, Hashable {
        /// The server could not be reached.
        case unreachable
        /// The server, or a proxy before it, turned us away: credentials, schema, rights, the way to log in.
        case refused
        /// TLS: the server's certificate, a file of ours, or one of both sides wants TLS and the other has none.
        case tls
        /// The server does not let the session be what our statements rest on; the message says what to do.
        case unfitSession(variable: String)
        /// The server's state: it has no connection, memory or disk left, goes down, is damaged, or a setting forbids it.
        /// It may work later, or once the operator has seen to it.
        case busy
        /// The server may only read, such as a replica or a primary that has been replaced. The connection is closed: the next
        /// one may find the server that took its place.
        case readOnly
        /// The connection broke; it is closed.
        case connectionLost
        /// A deadlock, a lock waited for too long, or a conflict with another node of a cluster. The transaction must
        /// be rolled back and can be tried again.
        case conflict
        /// The statement was killed or took longer than the server allows; the connection is in order.
        case interrupted
        /// A unique key is taken. The name is without the table's name, which MySQL puts before it and MariaDB does not.
        case duplicateKey(name: String)
        /// The server does not take so much in one statement or transaction: less of it may work. See
        /// `MySQLConnection.maximumPacketBytes`.
        case tooLarge
        /// The value does not fit its column, or is against a constraint.
        case invalidValue
        /// The server was silent longer than `MySQLConfiguration.statementTimeout` and the connection is closed, or no
        /// connection of a pool became free in time.
        case timeout
        /// A column is missing, is NULL, or does not hold what was asked for.
        case unexpectedValue
        /// The connection or the pool was closed by us.
        case closed
        /// Anything else, mostly a fault in a statement.
        case other
    }

    /// When it went wrong.
    public enum Phase: Sendable, Hashable {
        /// Before the connection could be used. Nothing was sent.
        case connect
        /// During a statement.
        case statement
        /// During COMMIT.
        case commit
    }

    /// What a caller can do about it.
    public var kind: Kind
    /// When it went wrong.
    public var phase: Phase
    /// The server's or the client library's error number; 0 if the error is our own.
    public var number: Int
    /// The SQLSTATE, five characters; `HY000` if there is none.
    public var sqlState: String
    /// Which statement of a migration it was, for example `0002_add.sql, statement 3`; nil outside of migrations.
    public var place: String?
    /// The whole message. May contain values, for example the duplicate one.
    public var message: String

    package init(kind: Kind, phase: Phase = .statement, number: Int = 0, sqlState: String = "HY000", message: String) {
        self.kind = kind
        self.phase = phase
        self.number = number
        self.sqlState = sqlState
        self.message = message
    }

    /// True if the whole transaction may succeed when tried again: conflicts, and connections that were lost or could
    /// not be made. After a timeout it may too, but the caller has waited long enough.
    public var isRetryable: Bool {
        switch kind {
        case .conflict, .connectionLost, .unreachable: true
        default: false
        }
    }

    /// True if the fault is the state of the server or of the way to it, not the statement nor its values: the same may work
    /// later. A client gets 503, whether or not it is worth trying again at once (`isRetryable`).
    public var passes: Bool {
        switch kind {
        case .unreachable, .refused, .tls, .unfitSession, .busy, .readOnly, .connectionLost, .conflict, .interrupted,
            .timeout, .closed:
            true
        case .duplicateKey, .tooLarge, .invalidValue, .unexpectedValue, .other: false
        }
    }

    /// True if the server, or the account, may have no more connections.
    public var isForNumberOfConnections: Bool { [1040, 1203, 1226].contains(number) }

    /// True if the transaction may have been committed all the same: the connection ended between COMMIT and its
    /// answer, the COMMIT was killed while it waited for other servers, or the node lost its cluster meanwhile (1047, 1180, 3100,
    /// 3101), which may have taken it before.
    public var isOutcomeUnknown: Bool {
        phase == .commit
            && ([.connectionLost, .timeout, .interrupted].contains(kind) || [1047, 1180, 3100, 3101].contains(number))
    }
}

extension MySQLError: CustomStringConvertible {
    /// Number, state and message. Where a message may quote a value, everything between its first and its last quote
    /// is left out.
    public var description: String {
        let text =
            switch kind {
            case .duplicateKey(let name): "duplicate entry for key '\(name)'"
            default: safeMessage
            }
        let prefix = (place.map { $0 + ": " } ?? "") + (number == 0 ? "" : "\(number) (\(sqlState)) ")
        return phase == .statement ? prefix + text : "\(prefix)\(text) [at \(phase)]"
    }

    private var safeMessage: String {
        if case .unfitSession = kind { return message }
        guard number >= 1000, !(2000..<3000).contains(number), !Self.numbersQuotingNamesOnly.contains(number),
            let first = message.firstIndex(of: "'"), let last = message.lastIndex(of: "'"), first < last
        else { return message }
        // `Incorrect datetime value: 'VALUE' for column 'NAME' at row 1`
        let end = message.ranges(of: "' for column '").last?.lowerBound ?? last
        return message[...first] + "?" + message[max(first, end)...]
    }
}
