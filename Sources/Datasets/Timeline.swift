import JSON
import Time

/// What happened to a dataset, change by change: for clients that missed notifications (spec, section 2).
package struct Timeline: Sendable {
    /// Which changes are wanted.
    package enum Part: Sendable, Equatable {
        /// Those after a revision, the oldest first.
        case after(Int64)
        /// Those before a revision, the newest first; `Int64.max`: from the newest end.
        case before(Int64)
    }

    /// Types whose entry shows more than the log's columns have.
    package static let typesWithBody: [DatasetEventType] = [.datasetFailed, .trainingFailed, .trainingUpdated]

    /// A change as its notification had it, and why the dataset or its training failed.
    package struct Event: Sendable {
        var notification: Notification
        var error: DatasetError?

        package init(_ notification: Notification, error: DatasetError?) {
            self.notification = notification
            self.error = error
        }
    }

    private let history: DatasetHistory
    private let part: Part
    private let events: [Event]
    private let hasMore: Bool

    /// - Parameter hasMore: there are more in the direction of the part.
    package init(of history: DatasetHistory, _ part: Part, _ events: [Event], hasMore: Bool) {
        self.history = history
        self.part = part
        self.events = events
        self.hasMore = hasMore
    }

    /// `data`, and how to go on in the same direction: `links.next`, and `meta.next_after` or `meta.next_before`, null at
    /// the end.
    /// - Parameter link: the URL of another part.
    package func json(perPage: Int, link: (Part) -> String) -> [UInt8] {
        var (after, before): (Int64?, Int64?)
        var next: Part?
        let last = hasMore ? events.last?.notification.revision : nil
        switch part {
        case .after(let revision): (after, next) = (revision, last.map(Part.after))
        case .before(let revision): (before, next) = (revision == .max ? nil : revision, last.map(Part.before))
        }
        var json = JSONWriter()
        json.object { json in
            json.key("data")
            json.array { json in for event in events { Self.write(event, to: &json) } }
            json.key("links")
            json.object { $0.field("next", next.map(link)) }
            json.key("meta")
            json.object { json in
                json.field("history_id", history.id)
                // An event that came between the two reads counts too.
                json.field("revision", max(history.revision, events.map(\.notification.revision).max() ?? 0))
                json.field("after", after)
                json.field("next_after", after == nil ? nil : last)
                json.field("before", before)
                json.field("next_before", after == nil ? last : nil)
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
            json.field("error", event.error)
            if let training = notification.training {
                json.field("training_status", training.status.rawValue)
                json.field("training_status_label", training.status.label)
                json.field("training_scheduled_at", training.scheduledAt?.iso8601)
            }
            json.field("created_at", history.updatedAt?.iso8601)
        }
    }
}
