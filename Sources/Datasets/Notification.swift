package import Time

/// What a dataset was like after one of its changes, to be told to those who watch it (spec, section 5).
///
/// It is rendered when it is sent: most progress is overtaken before.
package struct Notification: Sendable {
    /// The history as it was at `revision`.
    package var history: DatasetHistory
    package var type: DatasetEventType
    /// What a training event set; nil for all others.
    package var training: TrainingChange?
    /// The socket that caused the change and is not to be told (Laravel Echo's `X-Socket-ID`).
    package var exceptSocketID: String?
    /// It was in a batch that was refused, and is sent on its own to find out whether it was the cause.
    package var alone = false

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
    package var arisenAt: Timestamp { history.updatedAt ?? history.createdAt ?? .now() }
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

/// Who is told: the channels' names come from the wishlist.
package struct WishlistAddress: Sendable, Equatable {
    package var slug: String
    package var groupID: Int64?

    package init(slug: String, groupID: Int64?) {
        self.slug = slug
        self.groupID = groupID
    }
}

/// What a transaction leaves to be sent: the notifications of one history that arose in it.
package struct Handoff: Sendable {
    package var historyID: Int64
    /// The lane that writes the history.
    package var laneKey: Int64
    package var address: WishlistAddress
    /// The revisions after `from`, up to and with `to`, are represented: those without a notification are not wanted.
    package var from: Int64
    package var to: Int64
    /// The history's watermark: up to here all is settled.
    package var notified: Int64
    package var notifications: [Notification]
    /// It was read back from the log.
    package var isRecovered = false

    package init(
        historyID: Int64, laneKey: Int64, address: WishlistAddress, from: Int64, to: Int64, notified: Int64,
        notifications: [Notification], isRecovered: Bool = false
    ) {
        self.historyID = historyID
        self.laneKey = laneKey
        self.address = address
        self.from = from
        self.to = to
        self.notified = notified
        self.notifications = notifications
        self.isRecovered = isRecovered
    }
}

/// What has been dealt with, to be noted in the history's row by the lane that writes it.
package struct Settlement: Sendable, Equatable {
    package struct DeadLetter: Sendable, Equatable {
        package var revision: Int64
        package var reason: String

        package init(revision: Int64, reason: String) {
            self.revision = revision
            self.reason = reason
        }
    }

    package var historyID: Int64
    package var laneKey: Int64
    /// All notifications up to here are settled.
    package var upTo: Int64
    /// This instance has been given everything up to here.
    package var covered: Int64
    /// When the oldest of those still waiting here arose.
    package var oldest: Timestamp?
    package var deadLetters: [DeadLetter] = []

    package init(
        historyID: Int64, laneKey: Int64, upTo: Int64, covered: Int64, oldest: Timestamp? = nil,
        deadLetters: [DeadLetter] = []
    ) {
        self.historyID = historyID
        self.laneKey = laneKey
        self.upTo = upTo
        self.covered = covered
        self.oldest = oldest
        self.deadLetters = deadLetters
    }

    /// Takes up a later settlement of the same history.
    package mutating func merge(_ later: Settlement) {
        upTo = max(upTo, later.upTo)
        covered = max(covered, later.covered)
        oldest = later.oldest
        deadLetters += later.deadLetters
    }
}

/// What a transaction noted of a settlement.
package struct Settled: Sendable {
    package var historyID: Int64
    /// More is owed, and this instance has the claim to it.
    package var isOwed: Bool
    /// The history's revision now.
    package var revision: Int64

    package init(historyID: Int64, isOwed: Bool, revision: Int64) {
        self.historyID = historyID
        self.isOwed = isOwed
        self.revision = revision
    }
}
