package import Datasets
package import MySQL

/// `wishlist_dataset_histories.deadline_at`: when a dataset of which nothing is heard is called stalled (spec, section 3).
extension HistoryTable {
    /// The histories whose deadline is past or at most `lead` microseconds ahead, in its order, after the last of them that
    /// is known: `columns`, and `db_now`.
    package static func nearDeadlineStatement(within lead: Int64, after last: DatasetHistory?, limit: Int) -> SQL {
        var further: SQL = ""
        if let last, let deadline = last.deadlineAt {
            further =
                "AND h.deadline_at >= \(deadline) AND NOT (h.deadline_at = \(deadline) AND h.id <= \(last.id))"
        }
        return """
            SELECT \(HistoryTable.columns), UTC_TIMESTAMP(6) AS db_now \
            FROM wishlist_dataset_histories h FORCE INDEX (histories_deadline_at) \
            WHERE h.deadline_at <= UTC_TIMESTAMP(6) + INTERVAL \(lead) MICROSECOND \(further) \
            ORDER BY h.deadline_at, h.id LIMIT \(limit)
            """
    }

    /// Microseconds until the first of the other histories is so near its deadline.
    package static func nextDeadlineStatement(beyond lead: Int64) -> SQL {
        """
        SELECT TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), h.deadline_at) - \(lead) \
        FROM wishlist_dataset_histories h FORCE INDEX (histories_deadline_at) \
        WHERE h.deadline_at > UTC_TIMESTAMP(6) + INTERVAL \(lead) MICROSECOND ORDER BY h.deadline_at LIMIT 1
        """
    }

    /// Moves deadlines to where the last sign of life puts them; of histories that are not active there is none.
    package static func moveDeadlines(
        _ ids: some Collection<Int64>, deadlineSeconds: Int64, on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        try connection.execute(
            """
            UPDATE wishlist_dataset_histories SET deadline_at = IF(status IN (1, 2), \
            GREATEST(deadline_at, COALESCE(heard_at + INTERVAL \(deadlineSeconds) SECOND, deadline_at)), NULL)\
            \(try keepingTimes(on: connection)) WHERE id IN \(list: ids)
            """)
    }

    /// Notes that webhooks are asked for again, if nobody has noted it and nothing has come: of several instances one does.
    package static func noteRedelivery(
        _ history: DatasetHistory, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> Bool {
        try connection.execute(
            """
            UPDATE wishlist_dataset_histories SET redelivery_asked_at = UTC_TIMESTAMP(6)\
            \(try keepingTimes(on: connection)) WHERE id = \(history.id) AND status IN (1, 2) \
            AND sequence = \(history.sequence) AND revision = \(history.revision) AND redelivery_asked_at IS NULL
            """
        ).affectedRows == 1
    }

    /// Takes that note back, if the deadline has not passed.
    package static func withdrawRedelivery(
        _ history: DatasetHistory, deadlineSeconds: Int64, on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        try connection.execute(
            """
            UPDATE wishlist_dataset_histories SET redelivery_asked_at = NULL\(try keepingTimes(on: connection)) \
            WHERE id = \(history.id) AND revision = \(history.revision) AND UTC_TIMESTAMP(6) < GREATEST(deadline_at, \
            COALESCE(heard_at + INTERVAL \(deadlineSeconds) SECOND, deadline_at))
            """)
    }
}
