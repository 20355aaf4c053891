import Time
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

/// What happened to a dataset, change by change: for clients that missed notifications (spec, section 2).
package struct Timeline: Sendable {
    static let typesWithBody: [DatasetEventType] = [.datasetFailed, .trainingFailed, .trainingUpdated]

    private struct Event: Sendable {
        var notification: Notification
        var error: DatasetError?
    }

    private let history: DatasetHistory
    private let events: [Event]
    private let hasMore: Bool

    /// - Parameter rows: of `EventLog.timeline`, one more than `limit` if there are more.
    package init(of history: DatasetHistory, _ rows: MySQLRows, limit: Int) throws(MySQLError) {
        self.history = history
        hasMore = rows.count > limit
        events = try rows.prefix(limit).map { row throws(MySQLError) in
            let notification = try Notification(history: history, logged: row)
            var error = notification.history.error
            if notification.type == .trainingFailed,
                let told = (try? JSONDocument(parsing: try row.bytes("body")))?.root["data"]?["error"]
            {
                error = DatasetError(code: told["code"]?.string ?? "", message: told["message"]?.string ?? "").limited
            }
            return Event(notification: notification, error: error)
        }
    }

    /// `data`, and how to go on: `links.next` and `meta.next_after`, null at the end.
    /// - Parameter link: the URL of what comes after a revision.
    package func json(after: Int64, perPage: Int, link: (Int64) -> String) -> [UInt8] {
        let nextAfter = hasMore ? events.last?.notification.revision : nil
        var json = JSONWriter()
        json.object { json in
            json.key("data")
            json.array { json in for event in events { Self.write(event, to: &json) } }
            json.key("links")
            json.object { $0.field("next", nextAfter.map(link)) }
            json.key("meta")
            json.object { json in
                json.field("history_id", history.id)
                json.field("revision", history.revision)
                json.field("after", after)
                json.field("next_after", nextAfter)
                json.field("per_page", perPage)
            }
        }
        return json.bytes
    }

    private static func write(_ event: Event, to json: inout JSONWriter) {
        let (notification, history) = (event.notification, event.notification.history)
        json.object { json in
            json.field("event_id", notification.eventID)
            json.field("revision", notification.revision)
            json.field("type", notification.type.rawValue)
            json.field("dataset_id", history.datasetID)
            json.field("status", history.status.rawValue)
            json.field("status_label", history.status.label)
            json.field("progress", history.progress)
            json.field("stage", history.stage)
            json.field("message", history.message)
            json.key("error")
            if let error = event.error {
                json.object { json in
                    json.field("code", error.code)
                    json.field("message", error.message)
                }
            } else {
                json.null()
            }
            if let training = notification.training {
                json.field("training_status", training.status.rawValue)
                json.field("training_status_label", training.status.label)
                json.field("training_scheduled_at", training.scheduledAt?.iso8601)
            }
            json.field("created_at", history.updatedAt?.iso8601)
        }
    }
}
