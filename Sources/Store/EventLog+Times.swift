package import MySQL

extension EventLog {
    /// A change whose notification Pusher has taken.
    package struct NotifiedChange: Sendable {
        package var historyID: Int64
        package var revision: Int64
        /// How long ago, by the monotonic clock of the instance that sent it.
        package var age: Duration

        package init(historyID: Int64, revision: Int64, age: Duration) {
            self.historyID = historyID
            self.revision = revision
            self.age = age
        }
    }

    /// Keeps when Pusher had taken these notifications, by the database's clock: for whoever looks at one webhook. The rows of
    /// the histories must be locked.
    package static func keepTimes(
        of changes: [NotifiedChange], on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        guard !changes.isEmpty else { return }
        var rows: SQL = ""
        for (place, change) in changes.enumerated() {
            if place > 0 { rows.append(" UNION ALL " as SQL) }
            let microseconds = Int64(change.age / .microseconds(1))
            rows.append(
                "SELECT \(change.historyID) AS history_id, \(change.revision) AS revision, \(microseconds) AS age"
                    as SQL)
        }
        try connection.execute(
            """
            UPDATE (\(rows)) n STRAIGHT_JOIN wishlist_dataset_events e \
            ON e.history_id = n.history_id AND e.revision = n.revision \
            SET e.notified_at = UTC_TIMESTAMP(6) - INTERVAL n.age MICROSECOND
            """)
    }
}
