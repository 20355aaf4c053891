package import JSON
import Text
package import Time

/// One row of `wishlist_dataset_histories`: the state of a dataset, and who delivers its notifications.
package struct DatasetHistory: Sendable, Equatable {
    /// Which notifications the creator of the dataset wants (spec, section 2).
    package enum NotificationPreference: Int, Sendable, CaseIterable {
        case all = 0
        case milestones = 1
        case none = 2

        /// Whether an event of this type is to be notified.
        package func wants(_ type: DatasetEventType) -> Bool {
            switch self {
            case .all: true
            case .milestones: type != .datasetProgress
            case .none: false
            }
        }
    }

    /// What never changes of a history. A class, so that a copy of the history is a small matter.
    package final class Origin: Sendable {
        package let id: Int64
        package let wishlistID: Int64
        package let reference: String?
        package let slug: String
        package let name: String?
        package let preference: NotificationPreference
        package let createdBy: Int64?
        package let createdAt: Timestamp?

        package init(
            id: Int64, wishlistID: Int64, reference: String?, slug: String, name: String?,
            preference: NotificationPreference, createdBy: Int64?, createdAt: Timestamp?
        ) {
            self.id = id
            self.wishlistID = wishlistID
            self.reference = reference
            self.slug = slug
            self.name = name
            self.preference = preference
            self.createdBy = createdBy
            self.createdAt = createdAt
        }
    }

    package let origin: Origin
    package var datasetID: Int64?
    package var status: HistoryStatus
    package var progress: Int?
    package var stage: String?
    package var message: String?
    package var error: DatasetError?
    /// The highest sequence of the webhooks applied, and of those of a training that a client has canceled; 0: none yet.
    package var sequence: Int64
    /// Counts the changes of this row.
    package var revision: Int64
    package var startedAt: Timestamp?
    package var finishedAt: Timestamp?
    package var updatedAt: Timestamp?

    /// When the last sign of life came from the TV Python API.
    package var heardAt: Timestamp?
    /// When to look whether the dataset has stalled; not moved by each webhook (an indexed column), so a look may find
    /// that there was a sign of life since: see `Deadlines`.
    package var deadlineAt: Timestamp?
    package var redeliveryAskedAt: Timestamp?

    package var delivery: DeliveryState

    package init(
        origin: Origin, datasetID: Int64? = nil, status: HistoryStatus, progress: Int? = nil, stage: String? = nil,
        message: String? = nil, error: DatasetError? = nil, sequence: Int64, revision: Int64,
        startedAt: Timestamp? = nil, finishedAt: Timestamp? = nil, updatedAt: Timestamp? = nil,
        heardAt: Timestamp? = nil, deadlineAt: Timestamp? = nil, redeliveryAskedAt: Timestamp? = nil,
        delivery: DeliveryState
    ) {
        self.origin = origin
        self.datasetID = datasetID
        self.status = status
        self.progress = progress
        self.stage = stage
        self.message = message
        self.error = error
        self.sequence = sequence
        self.revision = revision
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.updatedAt = updatedAt
        self.heardAt = heardAt
        self.deadlineAt = deadlineAt
        self.redeliveryAskedAt = redeliveryAskedAt
        self.delivery = delivery
    }

    package var id: Int64 { origin.id }
    package var wishlistID: Int64 { origin.wishlistID }
    package var reference: String? { origin.reference }
    package var slug: String { origin.slug }
    package var name: String? { origin.name }
    package var preference: NotificationPreference { origin.preference }
    package var createdBy: Int64? { origin.createdBy }
    package var createdAt: Timestamp? { origin.createdAt }
}

extension DatasetHistory.Origin: Equatable {
    package static func == (a: DatasetHistory.Origin, b: DatasetHistory.Origin) -> Bool {
        a === b
            || a.id == b.id && a.wishlistID == b.wishlistID && a.reference == b.reference && a.slug == b.slug
                && a.name == b.name && a.preference == b.preference && a.createdBy == b.createdBy
                && a.createdAt == b.createdAt
    }
}

extension DatasetError {
    /// As much of it as the columns take.
    package var limited: DatasetError {
        DatasetError(
            code: code.limited(to: 100), message: message.limited(to: DatasetHistory.messageLength),
            retryable: retryable)
    }

    /// Reads the error of a logged body.
    package init(logged error: JSONView) {
        self =
            DatasetError(
                code: error["code"]?.string ?? "", message: error["message"]?.string ?? "",
                retryable: error["retryable"]?.bool
            ).limited
    }
}

/// What happens to an event in the light of its history.
package enum Verdict: Sendable, Equatable {
    /// The history changed, and took its next revision.
    case applied
    /// Older than what is known, or the status does not allow it: stored, changes nothing that is seen.
    case stale
    /// Its cause has not come yet: stored, to be applied after that.
    case parked
    /// It contradicts what is known: stored for the operator.
    case rejected(String)
}

/// What an event's verdict depends on besides its own history.
package struct HistoryContext: Sendable {
    /// Another dataset of the wishlist is active.
    package var otherIsActive = false
    /// The history is the wishlist's latest.
    package var isLatest = true
    /// The wishlist's training status, and when training is scheduled.
    package var training = TrainingStatus.none
    package var trainingScheduledAt: Timestamp?
    /// How long the TV Python API may be silent.
    package var deadlineSeconds: Int64

    package init(deadlineSeconds: Int64) { self.deadlineSeconds = deadlineSeconds }
}

extension DatasetHistory {
    /// Longest texts that the columns take, in characters; the log keeps the bytes as they came.
    package static let stageLength = 100
    package static let messageLength = 1000

    /// Applies an event, if it is to be applied, and says what became of it (spec, section 3). Pure: the same history,
    /// event and context always give the same verdict. `context.training` follows a training event.
    package mutating func apply(_ event: DatasetEvent, at now: Timestamp, in context: inout HistoryContext)
        -> Verdict
    {
        if let contradiction = contradiction(of: event) { return .rejected(contradiction) }
        if let sequence = event.sequence, sequence <= self.sequence { return .stale }
        // The reservation is what creates: the first change of all, made once.
        if event.type == .datasetCreated && revision > 0 { return .stale }
        if event.isAcknowledgement && !isUnanswered {
            // Webhooks have told it meanwhile, or more.
            if datasetID != nil { return .stale }
            take(event, at: now)
            return .applied
        }
        if let training = event.type.trainingStatus {
            if status != .completed { return status.isFinal && !isGuessedFailure ? .stale : .parked }
            guard context.isLatest else { return .stale }
            guard context.training.mayBeSet(byWebhook: training) else {
                // What it has overtaken is stale too, whatever a client sets meanwhile.
                sequence = event.sequence ?? sequence
                return .stale
            }
            context.training = training
            context.trainingScheduledAt = nil
        } else if event.type == .trainingUpdated, let training = event.training {
            guard context.training.clientTransitions.contains(training.status) else { return .stale }
            context.training = training.status
            context.trainingScheduledAt = training.scheduledAt
        } else if let next = event.type.historyStatus {
            guard status.mayBecome(next, unavailable: isGuessedFailure) else {
                return .stale
            }
            let revives = next.isActive && !status.isActive
            if revives && context.otherIsActive {
                // An acknowledgement still tells the dataset's id.
                if !event.isAcknowledgement || datasetID != nil { return .stale }
            } else {
                enter(next, at: now, deadlineSeconds: context.deadlineSeconds)
            }
        }
        take(event, at: now)
        return .applied
    }

    /// How the reason begins where an event names two datasets.
    package static let twoDatasets = "reference and dataset_id name two datasets: "

    /// Why the event cannot be about this history; nil if it can.
    private func contradiction(of event: DatasetEvent) -> String? {
        if let known = reference, let told = event.reference, known != told {
            return Self.twoDatasets + "data.dataset_id belongs to another reference"
        }
        if let known = datasetID, let told = event.datasetID, known != told {
            return Self.twoDatasets + "data.reference belongs to dataset \(known)"
        }
        return nil
    }

    /// Nothing has shown yet that the create call got through.
    private var isUnanswered: Bool { status == .pending || isGuessedFailure }

    /// The create call got no usable answer in time: the dataset may be there all the same.
    private var isGuessedFailure: Bool { status == .failed && error?.code == DatasetError.unavailableCode }

    private mutating func enter(_ next: HistoryStatus, at now: Timestamp, deadlineSeconds: Int64) {
        if next != .failed { error = nil }
        if next == .processing && startedAt == nil { startedAt = now }
        finishedAt = next.isFinal ? now : nil
        if next == .completed { progress = 100 }
        if !next.isActive {
            deadlineAt = nil
        } else if deadlineAt == nil || !status.isActive {
            deadlineAt = now.adding(seconds: deadlineSeconds)
        }
        status = next
    }

    private mutating func take(_ event: DatasetEvent, at now: Timestamp) {
        if let told = event.datasetID { datasetID = told }
        if let told = event.sequence {
            sequence = told
            heardAt = now
            redeliveryAskedAt = nil
        }
        if let told = event.progress { progress = told }
        if case .set(let told) = event.stage { stage = told?.limited(to: Self.stageLength) }
        if case .set(let told) = event.message { message = told?.limited(to: Self.messageLength) }
        if event.type.historyStatus == .failed { error = event.error?.limited }
        revision += 1
        updatedAt = now
    }
}
