import Datasets
package import MySQL
import Store
package import Telemetry

/// Finishes creates whose process died between the reservation and the answer (spec, section 2, Case 1), and removes saved
/// requests that are no longer needed.
package struct PendingCreates: Sendable {
    /// Rows taken up in one look: each may take a whole deadline, and the sweep waits.
    private static let limit = 16
    /// Requests removed in one look.
    private static let removals = 500
    /// Calls under way at once.
    private static let concurrency = 8

    let pool: MySQLPool
    let call: CreateCall
    let log: Logger

    package init(pool: MySQLPool, call: CreateCall, log: Logger) {
        self.pool = pool
        self.call = call
        self.log = log
    }

    /// Takes up each pending row whose lease has run out.
    func resume() async {
        do {
            try await removeFinished()
            var overdue = try await pool.withConnection { try CreateRequests.overdue(limit: Self.limit, on: $0) }[...]
            await withTaskGroup(of: Void.self) { group in
                for row in overdue.prefix(Self.concurrency) { group.addTask { await take(row) } }
                overdue = overdue.dropFirst(Self.concurrency)
                while await group.next() != nil {
                    if let row = overdue.popFirst(), !Task.isCancelled { group.addTask { await take(row) } }
                }
            }
        } catch {
            log.warning("pending creates not taken up", ["error": .string("\(error)")])
        }
    }

    /// Removes requests whose history is not pending: what a process left behind that died after the outcome was noted.
    func removeFinished() async throws {
        let finished = try await pool.withConnection { try CreateRequests.finished(limit: Self.removals, on: $0) }
        if finished.isEmpty { return }
        try await pool.withTransaction { try CreateRequests.remove(finished, on: $0) }
    }

    private func take(_ row: CreateRequests.Overdue) async {
        do {
            let seconds = call.deadlineSeconds + DatasetCreation.leaseMarginSeconds
            let isOurs = try await pool.withTransaction { connection in
                try CreateRequests.takeLease(of: row.historyID, seconds: seconds, on: connection)
            }
            guard isOurs else { return }
            log.info("create taken up again", ["reference": .string(row.reference)])
            _ = try await call.run(
                CreateCall.Pending(historyID: row.historyID, reference: row.reference, request: row.body),
                isResumed: true)
        } catch is Refusal {
            // The row is failed now, and says why.
        } catch {
            log.warning(
                "pending create not finished",
                ["reference": .string(row.reference), "error": .string("\(error)")])
        }
    }
}
