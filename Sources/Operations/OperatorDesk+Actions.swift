import MySQL
package import Store

/// What an operator does, each with a record of who, when, what and how many: `integrator_actions`.
extension OperatorDesk {
    /// Events taken by one action at most; more take several.
    package static let limit: Int64 = 10_000

    /// Runs an action and records it: that it begins, before it does anything, and then how many it changed.
    package func recorded<Value>(
        _ action: String, _ target: String, by actor: String,
        _ body: () async throws -> (value: Value, changed: Int, result: String?)
    ) async throws -> Value {
        let id = try await pool.withTransaction { try ActionLog.begin(action, target, by: actor, on: $0) }
        do {
            let (value, changed, result) = try await body()
            try await pool.withTransaction { try ActionLog.end(id, changed: changed, result: result, on: $0) }
            return value
        } catch {
            let reason = "failed: \(error)"
            try? await pool.withTransaction { try ActionLog.end(id, changed: 0, result: reason, on: $0) }
            throw error
        }
    }

    /// The oldest events of a filter that changed nothing.
    package func unapplied(_ filter: LogFilter, limit: Int64 = Self.limit) async throws -> [Int64] {
        try await pool.withConnection { try EventLog.unapplied(filter, limit: limit, on: $0) }
    }

    /// Gives up webhooks that are parked or rejected.
    /// - Returns: how many.
    package func dropEvents(_ ids: [Int64], _ target: String, by actor: String) async throws -> Int {
        try await recorded("events drop", target, by: actor) {
            let dropped = try await pool.withTransaction {
                try EventLog.drop(ids, reason: "dropped by \(actor)", on: $0)
            }
            return (dropped, dropped, nil)
        }
    }

    /// The oldest events of a filter that `dropEvents` would give up.
    package func droppable(_ filter: LogFilter, limit: Int64 = Self.limit) async throws -> [Int64] {
        var filter = filter
        let open: [EventOutcome] = [.parked, .rejected]
        filter.outcomes = filter.outcomes.isEmpty ? open : filter.outcomes.filter(open.contains)
        return filter.outcomes.isEmpty ? [] : try await unapplied(filter, limit: limit)
    }

    /// Those of these ids that `dropEvents` would give up.
    package func droppable(_ ids: [Int64]) async throws -> [Int64] {
        let outcomes = try await pool.withConnection { try EventLog.outcomes(of: ids, on: $0) }
        return ids.filter { outcomes[$0] == .parked || outcomes[$0] == .rejected }
    }

    /// Those of these ids that the log has not.
    package func unknownEvents(_ ids: [Int64]) async throws -> [Int64] {
        let outcomes = try await pool.withConnection { try EventLog.outcomes(of: ids, on: $0) }
        return ids.filter { outcomes[$0] == nil }
    }

    /// Makes an access token of a user and returns it; it is not recorded itself.
    package func createToken(
        user: Int64, name: String, abilities: [String], by actor: String
    ) async throws -> String {
        try await recorded("token create", "user=\(user) abilities=\(abilities.joined(separator: ","))", by: actor) {
            (try await AccessTokens(pool: pool, tokens).create(user: user, name: name, abilities: abilities), 1, nil)
        }
    }

    /// Removes dead letters.
    /// - Returns: how many.
    package func dropDeadLetters(_ selection: DeadLetters.Selection, by actor: String) async throws -> Int {
        try await recorded("notifications drop", selection.text, by: actor) {
            let dropped = try await pool.withTransaction { try DeadLetters.remove(selection, on: $0) }
            return (dropped, dropped, nil)
        }
    }
}
