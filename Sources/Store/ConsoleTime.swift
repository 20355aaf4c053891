package import MySQL

/// Times in columns that the console has: `created_at`, `updated_at`, `expires_at`, `ends_at` and the like.
///
/// Laravel writes the digits of UTC, through a session whose time zone is its connection's `timezone`, or else what the server
/// hands out. A DATETIME keeps these digits. A TIMESTAMP keeps the moment that they are in the session's zone, and gives the
/// same digits to a session of the same zone alone. So our sessions have that zone too (`DB_TIMEZONE`): what is read are the
/// digits that Laravel wrote, whatever the column's type is, and it reads what we write.
package enum ConsoleTime {
    /// Digits that a TIMESTAMP takes. In a zone with summer time an hour a year does not exist, and the server refuses the
    /// digits of that hour: then the end of that hour is written.
    static func storable(_ time: SQL) -> SQL { "FROM_UNIXTIME(UNIX_TIMESTAMP(\(time)))" }

    /// The present time as it is written to a column of the console.
    package static let now = storable("UTC_TIMESTAMP(6)")

    // MARK: What cannot be

    /// Minutes that clocks may differ.
    private static let tolerance: Int64 = 5
    /// So many of the newest rows are looked at.
    private static let looked: Int64 = 100

    /// What is in the tables and cannot be if they are read in the right time zone, a sentence each. Times that are read too
    /// early, of a console that is behind, look like older times: of those nothing can be said.
    package static func contradictions(on connection: isolated MySQLConnection) throws(MySQLError) -> [String] {
        var found: [String] = []
        for table in ["personal_access_tokens", "users", "wishlist_to_groups", "wishlist_dataset_histories"]
        where try connection.column("created_at", of: table) != nil {
            let ahead = try connection.query(
                """
                SELECT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), MAX(t.created_at)) \
                FROM (SELECT created_at FROM \(identifier: table) ORDER BY id DESC LIMIT \(looked)) t
                """
            ).first?.number(0)
            if let ahead, ahead > tolerance {
                found.append("\(table).created_at is \(ahead) minutes ahead of the clock")
            }
        }
        let early = try connection.query(
            """
            SELECT MAX(TIMESTAMPDIFF(MINUTE, t.last_used_at, t.created_at)) FROM (SELECT last_used_at, created_at \
            FROM personal_access_tokens ORDER BY id DESC LIMIT \(looked)) t
            """
        ).first?.number(0)
        if let early, early > tolerance {
            found.append("personal_access_tokens.last_used_at is \(early) minutes before created_at")
        }
        return found
    }
}
