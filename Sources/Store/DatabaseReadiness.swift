package import MySQL

/// Whether the database is as this program needs it.
package enum DatabaseReadiness {
    /// What is wrong with it, by the name of the check; nil: nothing. Names no account and no statement.
    package static func fault(
        on connection: isolated MySQLConnection
    ) throws(MySQLError) -> (check: String, reason: String)? {
        let applied = try connection.query("SELECT name FROM integrator_migrations").map { row throws(MySQLError) in
            try row.string(0)
        }
        let missing = Migrations.all.map(\.name).filter { !applied.contains($0) }
        if !missing.isEmpty { return ("migrations", "not applied: \(missing.joined(separator: ", "))") }
        let isReadOnly = try connection.query("SELECT @@read_only").first?.string(0)
        return isReadOnly == "1" || isReadOnly == "ON" ? ("database", "takes no writes") : nil
    }
}
