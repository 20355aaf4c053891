package import MySQL

/// Whether the database is as this program needs it.
package enum DatabaseReadiness {
    /// What is wrong, by the name of the check.
    package typealias Fault = (check: String, reason: String)

    /// What is wrong with it; nil: nothing. Names no account and no statement.
    package static func fault(in pool: MySQLPool) async -> Fault? {
        do {
            return try await pool.withConnection { try fault(on: $0) }
        } catch let error as MySQLError where error.number == 1146 {
            return ("migrations", "not applied: all; run `integrator migrate`")
        } catch {
            return ("database", DatabaseFault.reason(error))
        }
    }

    private static func fault(on connection: isolated MySQLConnection) throws(MySQLError) -> Fault? {
        let missing = try Migrations.missing(on: connection)
        if !missing.isEmpty { return ("migrations", "not applied: \(missing.joined(separator: ", "))") }
        if let missing = try ConsoleSchema.missing(on: connection).first { return ("tables", missing.text) }
        let isReadOnly = try connection.query("SELECT @@read_only").first?.string(0)
        return isReadOnly == "1" || isReadOnly == "ON" ? ("database", "takes no writes") : nil
    }

    /// What keeps the service from being started on a database that answers; what it works with, at a loss, is a warning. Of one
    /// that does not answer yet, or is not migrated, nothing is said.
    package static func differences(
        _ configuration: MySQLConfiguration
    ) async throws(MySQLError) -> [ConsoleSchema.Difference] {
        let connection: MySQLConnection
        do throws(MySQLError) {
            connection = try await MySQLConnection.connect(configuration)
        } catch {
            guard case .unfitSession = error.kind else { throw error }
            return [ConsoleSchema.Difference(isFatal: true, text: "\(error)", remedy: "integrator doctor says more")]
        }
        let result: Result<[ConsoleSchema.Difference], MySQLError>
        do throws(MySQLError) {
            let isMigrated = try await Migrations.missing(on: connection).isEmpty
            result = .success(isMigrated ? try await ConsoleSchema.differences(on: connection) : [])
        } catch {
            result = .failure(error)
        }
        await connection.close()
        return try result.get()
    }

    // MARK: What the server says of itself

    /// How many bytes a statement may have.
    package static let maximumStatementStatement: SQL = "SELECT @@max_allowed_packet"

    /// Settings of the server that matter.
    package static let settingsStatement: SQL =
        "SELECT @@max_allowed_packet, @@innodb_flush_log_at_trx_commit, @@read_only"

    /// The server's clock.
    package static let clockStatement: SQL = "SELECT UTC_TIMESTAMP(6)"

    /// Dead letters, the age in seconds of the oldest notification that is owed, parked webhooks.
    package static let backlogStatement: SQL = """
        SELECT (SELECT COUNT(*) FROM wishlist_dataset_dead_letters), \
        (SELECT TIMESTAMPDIFF(SECOND, MIN(e.recorded_at), UTC_TIMESTAMP(6)) FROM \(Outbox.owed)), \
        (SELECT COUNT(*) FROM wishlist_dataset_parked)
        """
}

/// What an error of the database means for those who do not know the database.
package enum DatabaseFault {
    /// Whether the same may succeed later, without anybody changing anything about it.
    package static func passes(_ error: any Error) -> Bool { (error as? MySQLError)?.passes == true }

    /// What is wrong, in words that name no account and no statement.
    package static func reason(_ error: any Error) -> String {
        switch (error as? MySQLError)?.kind {
        case .unreachable: "cannot be reached"
        case .refused: "turns this service away: see its log"
        case .connectionLost: "the connection was lost"
        case .timeout: "does not answer in time"
        case .closed: "the service is stopping"
        default: "a query failed: see the log"
        }
    }
}
