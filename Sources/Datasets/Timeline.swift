import JSON
import Time

/// What happened to a dataset, change by change: for clients that missed notifications (spec, section 2).
package struct Timeline: Sendable {
    /// Types of which more is told than the log's columns say.
    package static let typesWithBody: [DatasetEventType] = [.datasetFailed, .trainingFailed, .trainingUpdated]

    /// A change, as its notification told it, and why the dataset or its training failed.
    package struct Event: Sendable {
        var notification: Notification
        var error: DatasetError?

        package init(_ notification: Notification, error: DatasetError?) {
            self.notification = notification
            self.error = error
        }
    }

    private let history: DatasetHistory
    private let events: [Event]
    private let hasMore: Bool

    package init(of history: DatasetHistory, _ events: [Event], hasMore: Bool) {
        self.history = history
        self.events = events
        self.hasMore = hasMore
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
