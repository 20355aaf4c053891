package import MySQL

/// Statements of the service's own account in its schema that run at this moment.
package struct RunningStatements: Sendable {
    /// How many have run for at least the time that was asked for.
    package var count: Int
    /// Seconds that the longest has run for.
    package var longest: Int64
    /// What one of them waits for, in the server's words; nil if it says nothing.
    package var state: String?

    /// Those of at least so many seconds. Without the right PROCESS a server shows an account its own connections only, so
    /// others are left out everywhere.
    package init(ofSeconds seconds: Int64, on connection: isolated MySQLConnection) throws(MySQLError) {
        let row = try connection.query(
            """
            SELECT COUNT(*), COALESCE(MAX(time), 0), MAX(state) FROM information_schema.processlist \
            WHERE command IN ('Query', 'Execute') AND time >= \(seconds) AND id <> CONNECTION_ID() \
            AND user = SUBSTRING_INDEX(USER(), '@', 1) AND db = DATABASE()
            """
        )[0]
        count = Int(try row.int64(0))
        longest = try row.int64(1)
        state = try row.optionalString(2).flatMap { $0.isEmpty ? nil : $0 }
    }
}
