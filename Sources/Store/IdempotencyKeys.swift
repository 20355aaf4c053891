package import MySQL
import Telemetry

/// What clients have asked for under an `Idempotency-Key`, and what they were answered: in the database, so that it holds on
/// all instances and over a crash (draft-ietf-httpapi-idempotency-key-header-07).
package struct IdempotencyKeys: Sendable {
    /// How long a key is remembered, in hours.
    static let hours = 24

    /// A request's hold on a key.
    package struct Lease: Sendable, Equatable {
        package var user: Int64
        package var key: String
        /// Random.
        package var number: Int64

        /// The row, as long as it is this request's.
        fileprivate var row: SQL {
            "user_id = \(user) AND idempotency_key = \(Array(key.utf8)) AND claim = \(number)"
        }

        /// Names the history that was reserved: for the transaction that reserves it.
        func noteStatement(_ historyID: Int64) -> SQL {
            "UPDATE integrator_idempotency_keys SET history_id = \(historyID) WHERE \(row)"
        }
    }

    /// What a key means for a request.
    package enum State: Sendable {
        /// Nothing has been done under it.
        case new(Lease)
        /// An earlier request reserved this history, and its answer is not known.
        case begun(Lease, historyID: Int64)
        /// The first answer.
        case answered(status: Int, body: [UInt8])
        /// Another request is at it.
        case inFlight
        /// It was used for something else.
        case reused
    }

    let pool: MySQLPool

    package init(pool: MySQLPool) {
        self.pool = pool
    }

    /// Takes a lease of a key, if it is free.
    ///
    /// - Parameters:
    ///   - fingerprint: SHA-256 of what is asked for.
    ///   - seconds: how long the lease holds if nothing more is heard of this request.
    package func begin(_ key: String, user: Int64, fingerprint: [UInt8], seconds: Int64) async throws -> State {
        let lease = Lease(user: user, key: key, number: Int64.random(in: 1 ... .max))
        for _ in 0..<5 {
            if let state = try await attempt(lease, fingerprint, seconds) { return state }
        }
        return .inFlight
    }

    /// - Returns: nil if another request was faster: then the row is to be read again.
    private func attempt(_ lease: Lease, _ fingerprint: [UInt8], _ seconds: Int64) async throws -> State? {
        do {
            return try await pool.withTransaction { connection in
                let rows = try connection.query(
                    """
                    SELECT fingerprint, claim, claimed_until > UTC_TIMESTAMP(6) AND status IS NULL, history_id, status, body, \
                    created_at > UTC_TIMESTAMP(6) - INTERVAL \(Self.hours) HOUR \
                    FROM integrator_idempotency_keys \
                    WHERE user_id = \(lease.user) AND idempotency_key = \(Array(lease.key.utf8))
                    """)
                guard let row = rows.first else {
                    try connection.execute(
                        """
                        INSERT INTO integrator_idempotency_keys \
                        (user_id, idempotency_key, fingerprint, claim, claimed_until, created_at) \
                        VALUES (\(lease.user), \(Array(lease.key.utf8)), \(fingerprint), \(lease.number), \
                        UTC_TIMESTAMP(6) + INTERVAL \(seconds) SECOND, UTC_TIMESTAMP(6))
                        """)
                    return .new(lease)
                }
                var holder = lease
                holder.number = try row.int64(1)
                // Our own, of a commit whose answer was lost.
                let isOurs = holder == lease
                let isHeld = try row.bool(2) && !isOurs
                let isFresh = try row.bool(6)
                if isFresh {
                    guard try row.bytes(0) == fingerprint else { return .reused }
                    if let status = try row.optionalInt64(4) {
                        return .answered(status: Int(status), body: try row.optionalBytes(5) ?? [])
                    }
                }
                if isHeld { return .inFlight }
                let forget: SQL =
                    isFresh ? "" : "created_at = UTC_TIMESTAMP(6), history_id = NULL, status = NULL, body = NULL,"
                let taken = try connection.execute(
                    """
                    UPDATE integrator_idempotency_keys SET \(forget) fingerprint = \(fingerprint), \
                    claim = \(lease.number), claimed_until = UTC_TIMESTAMP(6) + INTERVAL \(seconds) SECOND \
                    WHERE \(holder.row)
                    """
                ).affectedRows
                guard taken == 1 else { return nil }
                guard isFresh, let historyID = try row.optionalInt64(3) else { return .new(lease) }
                return .begun(lease, historyID: historyID)
            }
        } catch let error as MySQLError {
            if case .duplicateKey = error.kind { return nil }
            throw error
        }
    }

    /// Keeps the answer for those who ask again.
    package func keep(status: Int, body: [UInt8], under lease: Lease) async throws {
        try await pool.withTransaction { connection in
            try connection.execute(
                "UPDATE integrator_idempotency_keys SET status = \(status), body = \(body) WHERE \(lease.row)")
        }
    }

    /// Gives the key back: who asks again may try again.
    package func release(_ lease: Lease) async throws {
        try await pool.withTransaction { connection in
            try connection.execute(
                "UPDATE integrator_idempotency_keys SET claimed_until = UTC_TIMESTAMP(6) WHERE \(lease.row)")
        }
    }

    /// Removes keys that are too old to count, some at a time; returns when there are none left.
    package func prune() async throws {
        while !Task.isCancelled {
            let removed = try await pool.withTransaction { connection in
                try connection.execute(
                    """
                    DELETE FROM integrator_idempotency_keys \
                    WHERE created_at < UTC_TIMESTAMP(6) - INTERVAL \(Self.hours) HOUR LIMIT 500
                    """
                ).affectedRows
            }
            if removed < 500 { return }
        }
    }
}
