import MySQL

extension MySQLConnection {
    /// A condition that a row of a console's table is not deleted, where the table has Laravel's `deleted_at`; begins with AND.
    /// - Parameter alias: of the table in the statement, and a dot; empty: it has none.
    func notDeleted(_ table: String, alias: String = "") throws(MySQLError) -> SQL {
        try column("deleted_at", of: table) == nil ? "" : " AND \(unescaped: alias)deleted_at IS NULL"
    }
}
