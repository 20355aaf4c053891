package import Time

/// A dataset as it was after one of its changes, to be published to its subscribers (spec, section 5).
///
/// It is rendered when it is sent: most progress is overtaken before.
package struct Notification: Sendable {
    /// The history as it was at `revision`.
    package var history: DatasetHistory
    package var type: DatasetEventType
    /// What a training event set; nil for all others.
    package var training: TrainingChange?
    /// The socket that caused the change and does not get the notification (Laravel Echo's `X-Socket-ID`).
    package var exceptSocketID: String?
    /// It was in a batch that was refused, and is sent on its own to find out whether it was the cause.
    package var isSentAlone = false

    package init(
        history: DatasetHistory, type: DatasetEventType, training: TrainingChange? = nil, exceptSocketID: String? = nil
    ) {
        self.history = history
        self.type = type
        self.training = training
        self.exceptSocketID = exceptSocketID
    }

    package var historyID: Int64 { history.id }
    package var revision: Int64 { history.revision }
    /// The same at every delivery of this notification.
    package var eventID: String { "\(historyID)-\(revision)" }
    package var isProgress: Bool { type == .datasetProgress }
}

/// A wishlist's training status after a change.
package struct TrainingChange: Sendable, Equatable {
    package var status: TrainingStatus
    package var scheduledAt: Timestamp?

    package init(status: TrainingStatus, scheduledAt: Timestamp? = nil) {
        self.status = status
        self.scheduledAt = scheduledAt
    }
}

/// What the names of the channels are made of.
package struct WishlistAddress: Sendable, Equatable {
    package var slug: String
    package var groupID: Int64?

    package init(slug: String, groupID: Int64?) {
        self.slug = slug
        self.groupID = groupID
    }
}

/// What a transaction leaves to be sent of one history.
package struct OutboxEntry: Sendable {
    package var historyID: Int64
    package var address: WishlistAddress
    /// The revisions after `from`, up to and with `to`, are represented: those without a notification are not wanted.
    package var from: Int64
    package var to: Int64
    /// The history's revision.
    package var latest: Int64
    /// The delivery watermark in the history's row.
    package var watermark: Int64
    package var notifications: [Notification]
    /// It was read from the log.
    package var isFromLog: Bool

    package init(
        historyID: Int64, address: WishlistAddress, from: Int64, to: Int64, latest: Int64? = nil, watermark: Int64,
        notifications: [Notification], isFromLog: Bool = false
    ) {
        self.historyID = historyID
        self.address = address
        self.from = from
        self.to = to
        self.latest = latest ?? to
        self.watermark = watermark
        self.notifications = notifications
        self.isFromLog = isFromLog
    }
}
