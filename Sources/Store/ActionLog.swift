package import MySQL
import Text
package import Time

/// Who did what on the operator's side: `integrator_actions`.
package enum ActionLog {
    /// An action as it was recorded.
    package struct Entry: Sendable {
        package var id: Int64
        package var actor: String
        package var action: String
        package var target: String
        /// nil: begun, and not known to have ended.
        package var changed: Int64?
        package var result: String?
        package var begunAt: Timestamp
        package var endedAt: Timestamp?
    }

    /// Notes that an action begins, before it does: so what was begun shows even if the process dies.
    /// - Returns: what `end` wants.
    package static func begin(
        _ action: String, _ target: String, by actor: String, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> Int64 {
        try connection.execute(
            """
            INSERT INTO integrator_actions (actor, action, target, begun_at) \
            VALUES (\(actor.limited(to: 100)), \(action), \(target.limited(to: 1000)), UTC_TIMESTAMP(6))
            """
        ).lastInsertID
    }

    /// Notes what became of it.
    package static func end(
        _ id: Int64, changed: Int, result: String?, on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        try connection.execute(
            """
            UPDATE integrator_actions SET changed = \(changed), result = \(result?.limited(to: 1000)), \
            ended_at = UTC_TIMESTAMP(6) WHERE id = \(id)
            """)
    }

    /// The newest first.
    package static func page(
        before: Int64?, limit: Int, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [Entry] {
        try connection.query(
            """
            SELECT id, actor, action, target, changed, result, begun_at, ended_at FROM integrator_actions \
            WHERE id < \(before ?? .max) ORDER BY id DESC LIMIT \(limit)
            """
        ).map { row throws(MySQLError) in
            Entry(
                id: try row.int64(0), actor: try row.string(1), action: try row.string(2), target: try row.string(3),
                changed: try row.optionalInt64(4), result: try row.optionalString(5), begunAt: try row.timestamp(6),
                endedAt: try row.optionalTimestamp(7))
        }
    }
}
