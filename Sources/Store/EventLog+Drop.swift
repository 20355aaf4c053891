package import Datasets
package import MySQL
import Text

extension EventLog {
    /// Gives up webhooks that are parked or rejected: they stay in the log, so that the same webhook-id is a duplicate, as
    /// ignored, with the reason. In a transaction.
    /// - Returns: how many were given up; those that were something else meanwhile stay as they are.
    package static func drop(
        _ ids: [Int64], reason: String, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> Int {
        guard !ids.isEmpty else { return 0 }
        // In the order of whoever applies parked webhooks: first what waits, then the event.
        try connection.execute("DELETE FROM wishlist_dataset_parked WHERE event_id IN \(list: ids)")
        return try connection.execute(
            """
            UPDATE wishlist_dataset_events SET outcome = \(EventOutcome.ignored.rawValue), \
            reason = \(reason.limited(to: 1000)) WHERE id IN \(list: ids) \
            AND outcome IN (\(EventOutcome.parked.rawValue), \(EventOutcome.rejected.rawValue))
            """
        ).affectedRows
    }

    /// Those of these ids that there are, with what became of them.
    package static func outcomes(
        of ids: [Int64], on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [Int64: EventOutcome] {
        var outcomes: [Int64: EventOutcome] = [:]
        for row in try connection.query("SELECT id, outcome FROM wishlist_dataset_events WHERE id IN \(list: ids)") {
            outcomes[try row.int64(0)] = EventOutcome(rawValue: Int(try row.int64(1)))
        }
        return outcomes
    }
}
