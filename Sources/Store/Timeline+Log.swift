package import Datasets
import JSON
package import MySQL

extension EventLog {
    /// As `changes`, with the body only of those types of which something is told from it: bodies may be large.
    package static func timeline(of historyID: Int64, after revision: Int64, limit: Int) -> SQL {
        """
        SELECT revision, type, dataset_id, status, progress, stage, message, \
        IF(type IN \(list: Timeline.typesWithBody.map(\.rawValue)), body, '{}') AS body, recorded_at \
        FROM wishlist_dataset_events WHERE history_id = \(historyID) AND revision > \(revision) \
        ORDER BY revision LIMIT \(limit)
        """
    }
}

extension Timeline {
    /// Reads rows.
    /// - Parameter rows: of `EventLog.timeline`, one more than `limit` if there are more.
    package init(of history: DatasetHistory, _ rows: MySQLRows, limit: Int) throws(MySQLError) {
        let events = try rows.prefix(limit).map { row throws(MySQLError) in
            let notification = try Notification(history: history, logged: row)
            var error = notification.history.error
            if notification.type == .trainingFailed,
                let told = (try? JSONDocument(parsing: try row.bytes("body")))?.root["data"]?["error"]
            {
                error = DatasetError(code: told["code"]?.string ?? "", message: told["message"]?.string ?? "").limited
            }
            return Event(notification, error: error)
        }
        self.init(of: history, events, hasMore: rows.count > limit)
    }
}
