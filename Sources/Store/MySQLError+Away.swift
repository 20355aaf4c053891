package import MySQL

extension MySQLError {
    /// The database cannot be reached, does not answer, or is too busy: it may work later.
    package var isDatabaseAway: Bool {
        switch kind {
        case .unreachable, .refused, .connectionLost, .timeout, .conflict, .closed: true
        case .duplicateKey, .unexpectedValue, .other: false
        }
    }
}
