import CMariaDB
import Synchronization

extension MySQLConnection {
    /// Runs a statement and returns its rows, none if it is not a query.
    public func query(_ sql: SQL) throws(MySQLError) -> MySQLRows {
        try execute(sql).rows
    }

    /// Runs one statement.
    ///
    /// The server refuses a second one after a semicolon, unless `executeAll` was called on this connection before:
    /// then it is run too and the call fails.
    @discardableResult
    public func execute(_ sql: SQL) throws(MySQLError) -> MySQLOutcome {
        try execute(sql, phase: .statement)
    }

    /// Runs several statements in one round trip, or in as few as `maximumPacketBytes` allows, and returns the outcome of each.
    /// The first that fails ends it: the ones before it have been run, the ones after it have not, and the error does not tell
    /// which it was.
    ///
    /// At a node of a Galera cluster each is sent by itself: if another node's transaction ends ours while a statement runs
    /// that is not the last one sent, MariaDB 10.11 tells of success and runs the rest without any transaction.
    @discardableResult
    public func executeAll(_ statements: [SQL]) throws(MySQLError) -> [MySQLOutcome] {
        guard !statements.isEmpty else { return [] }
        if isGaleraNode { return try statements.map { sql throws(MySQLError) in try execute(sql) } }
        if wasIdle, isClosedByServer { try reopen() }
        if !takesSeveralStatements {
            try call(.statement) { mysql_set_server_option($0, MYSQL_OPTION_MULTI_STATEMENTS_ON) == 0 }
            takesSeveralStatements = true
        }
        var outcomes: [MySQLOutcome] = []
        outcomes.reserveCapacity(statements.count)
        var rest = statements[...]
        while let first = rest.popFirst() {
            var joined = first.bytes
            while let next = rest.first, joined.count + 1 + next.bytes.count < maximumPacketBytes {
                joined.append(UInt8(ascii: ";"))
                joined.append(contentsOf: next.bytes)
                rest.removeFirst()
            }
            try send(joined, phase: .statement)
            repeat {
                outcomes.append(try receive(phase: .statement))
            } while try nextResult(phase: .statement)
        }
        return outcomes
    }

    /// Begins a transaction.
    public func begin() throws(MySQLError) {
        conflict = nil
        try execute("START TRANSACTION")
    }

    /// Begins a transaction and runs its first statements, as `executeAll` does; returns the outcomes of those.
    public func begin(with statements: [SQL]) throws(MySQLError) -> [MySQLOutcome] {
        conflict = nil
        return Array(try executeAll(["START TRANSACTION"] + statements).dropFirst())
    }

    /// Commits. Errors have the phase `.commit`; see `MySQLError.isOutcomeUnknown`.
    ///
    /// If a statement failed with `.conflict` since `begin`, the server may have rolled back what came before it: then
    /// nothing is committed and that error is thrown again, even if it was caught in between.
    public func commit() throws(MySQLError) {
        if let conflict { throw conflict }
        try execute("COMMIT", phase: .commit)
    }

    /// Rolls back. If that fails the connection is closed, which has the same effect.
    public func rollback() {
        conflict = nil
        guard handle != nil else { return }
        do {
            try execute("ROLLBACK")
        } catch {
            close()
        }
    }

    /// Asks the server for a sign of life.
    public func ping() throws(MySQLError) {
        try call(.statement) { mysql_ping($0) == 0 }
    }

    @discardableResult
    private func execute(_ sql: SQL, phase: MySQLError.Phase) throws(MySQLError) -> MySQLOutcome {
        let isFirst = wasIdle
        do throws(MySQLError) {
            return try executeOnce(sql, phase: phase)
        } catch {
            // Closed at this very moment. What only reads, or begins, is done again; what writes may have been done.
            guard isFirst, error.kind == .connectionLost, sql.mayBeRepeated else { throw error }
            try reopen()
            return try executeOnce(sql, phase: phase)
        }
    }

    private func executeOnce(_ sql: SQL, phase: MySQLError.Phase) throws(MySQLError) -> MySQLOutcome {
        try send(sql.bytes, phase: phase)
        let outcome = try receive(phase: phase)
        guard try nextResult(phase: phase) else { return outcome }
        repeat { _ = try receive(phase: phase) } while try nextResult(phase: phase)
        throw MySQLError(kind: .other, phase: phase, message: "more than one statement")
    }

    private func send(_ bytes: [UInt8], phase: MySQLError.Phase) throws(MySQLError) {
        if wasIdle {
            wasIdle = false
            if isClosedByServer { try reopen() }
        }
        // The server would only close the connection.
        guard bytes.count < maximumPacketBytes else {
            throw MySQLError(
                kind: .tooLarge, phase: phase,
                message: "a statement of \(bytes.count) bytes, where max_allowed_packet is \(maximumPacketBytes)")
        }
        try call(phase) { handle in
            bytes.withUnsafeBytes {
                mysql_real_query(handle, $0.baseAddress?.assumingMemoryBound(to: CChar.self), UInt($0.count)) == 0
            }
        }
    }

    private func receive(phase: MySQLError.Phase) throws(MySQLError) -> MySQLOutcome {
        var rows = MySQLRows.none
        var affectedRows = 0
        var lastInsertID: Int64 = 0
        try call(phase) { handle in
            if let result = mysql_store_result(handle) {
                rows = MySQLRows(copying: result, localTime: configuration.localTime)
                mysql_free_result(result)
            } else if mysql_field_count(handle) > 0 {
                // There should have been rows: the query was interrupted.
                return false
            }
            affectedRows = Int(truncatingIfNeeded: mysql_affected_rows(handle))
            lastInsertID = Int64(truncatingIfNeeded: mysql_insert_id(handle))
            return true
        }
        return MySQLOutcome(affectedRows: affectedRows, lastInsertID: lastInsertID, rows: rows)
    }

    /// Goes on to the result of the next statement, if there is one.
    private func nextResult(phase: MySQLError.Phase) throws(MySQLError) -> Bool {
        var isThere = false
        try call(phase) { handle in
            let result = mysql_more_results(handle) == 0 ? -1 : mysql_next_result(handle)
            isThere = result == 0
            return result <= 0
        }
        return isThere
    }

    /// Makes one blocking call. If it returns false, throws what the library says, and closes the connection if that
    /// is the end of it.
    private func call(
        _ phase: MySQLError.Phase, _ body: (UnsafeMutablePointer<MYSQL>) -> Bool
    ) throws(MySQLError) {
        guard let handle else { throw lastError(phase: phase) }
        let start = ContinuousClock.now
        guard !body(handle) else { return }
        var error = lastError(phase: phase)
        if error.kind == .connectionLost, start.duration(to: .now) >= statementTimeout {
            error.kind = .timeout
            error.message = "no answer within \(statementTimeout)"
        }
        if error.kind == .conflict { conflict = error }
        if error.kind == .readOnly { readOnlyFound.store(true, ordering: .releasing) }
        // After an error of the client library (2000 and up) nobody knows what the server still sends.
        // Who may only read will not write on this connection any more.
        if [.connectionLost, .timeout, .readOnly].contains(error.kind) || (2000..<3000).contains(error.number) {
            close()
        }
        throw error
    }
}

extension SQL {
    /// Whether a statement outside of a transaction does no more if it is run twice.
    fileprivate var mayBeRepeated: Bool {
        let word = String(decoding: bytes.prefix(6), as: UTF8.self).uppercased()
        return ["SELECT", "SHOW", "START", "BEGIN"].contains { word.hasPrefix($0) }
    }
}
