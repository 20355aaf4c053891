import Datasets
package import MySQL
package import Telemetry

/// Finishes creates whose process died between the reservation and the answer (spec, section 2, Case 1).
package struct PendingCreates {
    let pool: MySQLPool
    let call: CreateCall
    let log: Logger

    package init(pool: MySQLPool, call: CreateCall, log: Logger) {
        self.pool = pool
        self.call = call
        self.log = log
    }

    /// Takes up each pending row whose claim has run out, one after the other.
    package func resume() async {
        do {
            let overdue = try await pool.withConnection { connection in
                try connection.query(
                    """
                    SELECT h.id, h.reference, r.body FROM wishlist_dataset_histories h \
                    LEFT JOIN wishlist_dataset_requests r ON r.history_id = h.id \
                    WHERE h.active_wishlist_id IS NOT NULL AND h.status = 0 AND h.create_until < UTC_TIMESTAMP(6) \
                    LIMIT 100
                    """)
            }
            for row in overdue {
                if Task.isCancelled { return }
                let pending = CreateCall.Pending(
                    historyID: try row.int64(0), reference: try row.string(1),
                    request: try row.optionalBytes(2) ?? [])
                guard try await claim(pending.historyID) else { continue }
                log.info("create taken up again", ["reference": .string(pending.reference)])
                do {
                    _ = try await call.finish(pending)
                } catch is Refusal {
                    // The row is failed now, and says why.
                }
            }
        } catch {
            log.warning("pending creates not taken up", ["error": .string("\(error)")])
        }
    }

    /// Compare-and-set: of several instances one gets it.
    private func claim(_ id: Int64) async throws -> Bool {
        let seconds = call.deadlineSeconds + DatasetCreation.claimMarginSeconds
        return try await pool.withTransaction { connection in
            try connection.execute(
                """
                UPDATE wishlist_dataset_histories SET create_until = UTC_TIMESTAMP(6) + INTERVAL \(seconds) SECOND \
                WHERE id = \(id) AND status = 0 AND create_until < UTC_TIMESTAMP(6)
                """
            ).affectedRows == 1
        }
    }
}
