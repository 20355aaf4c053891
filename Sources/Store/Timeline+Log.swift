package import Datasets
import JSON
package import MySQL

extension EventLog {
    /// As `changes`, a part of them, with the body only of those types whose timeline entry needs it: bodies may be
    /// large.
    package static func timelineStatement(of historyID: Int64, _ part: Timeline.Part, limit: Int) -> SQL {
        let columns: SQL = """
            SELECT revision, type, dataset_id, status, progress, stage, message, \
            IF(type IN \(list: Timeline.typesWithBody.map(\.rawValue)), body, '{}') AS body, recorded_at \
            FROM wishlist_dataset_events WHERE history_id = \(historyID)
            """
        return switch part {
        case .after(let revision): "\(columns) AND revision > \(revision) ORDER BY revision LIMIT \(limit)"
        case .before(let revision):
            "\(columns) AND revision < \(revision) ORDER BY revision DESC LIMIT \(limit)"
        }
    }
}

extension Timeline {
    /// Reads rows.
    /// - Parameter rows: of `EventLog.timeline`, one more than `limit` if there are more.
    package init(of history: DatasetHistory, _ part: Part, _ rows: MySQLRows, limit: Int) throws(MySQLError) {
        let events = try rows.prefix(limit).map { row throws(MySQLError) in
            let notification = try Notification(history: history, logged: row)
            var error = notification.history.error
            if notification.type == .trainingFailed,
                let logged = (try? JSONDocument(parsing: try row.bytes("body")))?.root["data"]?["error"]
            {
                error = DatasetError(logged: logged)
            }
            return Event(notification, error: error)
        }
        self.init(of: history, part, events, hasMore: rows.count > limit)
    }
}
