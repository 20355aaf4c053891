/// What can happen to a dataset: the types of the webhooks (spec, section 4) and of the changes that the service makes
/// itself, as they stand in `wishlist_dataset_events.type`.
package enum DatasetEventType: String, Sendable, CaseIterable {
    case datasetCreated = "dataset.created"
    case datasetQueued = "dataset.queued"
    case datasetStarted = "dataset.started"
    case datasetProgress = "dataset.progress"
    case datasetCompleted = "dataset.completed"
    case datasetFailed = "dataset.failed"
    case datasetCanceled = "dataset.canceled"
    case datasetStalled = "dataset.stalled"
    case trainingStarted = "training.started"
    case trainingCompleted = "training.completed"
    case trainingFailed = "training.failed"
    case trainingUpdated = "training.updated"

    /// The types that the TV Python API sends; all others are the service's own.
    package static let webhooks: [DatasetEventType] = [
        .datasetQueued, .datasetStarted, .datasetProgress, .datasetCompleted, .datasetFailed, .datasetCanceled,
        .trainingStarted, .trainingCompleted, .trainingFailed,
    ]

    /// The status that the history takes; nil where it keeps its own.
    package var historyStatus: HistoryStatus? {
        switch self {
        case .datasetQueued: .queued
        case .datasetStarted, .datasetProgress: .processing
        case .datasetCompleted: .completed
        case .datasetFailed: .failed
        case .datasetCanceled: .canceled
        case .datasetStalled: .stalled
        case .datasetCreated, .trainingStarted, .trainingCompleted, .trainingFailed, .trainingUpdated: nil
        }
    }

    /// The training status that the wishlist takes by this webhook; nil for all that are not about training.
    package var trainingStatus: TrainingStatus? {
        switch self {
        case .trainingStarted: .training
        case .trainingCompleted: .trained
        case .trainingFailed: .failed
        default: nil
        }
    }

    /// Whether it changes the wishlist's training status.
    package var isAboutTraining: Bool { trainingStatus != nil || self == .trainingUpdated }

    /// The name of the event on Pusher (spec, section 5).
    package var notificationName: String {
        isAboutTraining ? DatasetEventType.trainingUpdated.rawValue : rawValue
    }
}

/// Why a dataset or a training failed.
package struct DatasetError: Sendable, Equatable {
    /// `error_code` of failures that may turn out not to be: the create call got no usable answer in time.
    package static let unavailableCode = "tv_api_unavailable"
    /// `error_code` where the TV Python API refused the create call.
    package static let rejectedCode = "tv_api_rejected"

    package var code: String
    package var message: String
    /// Whether another try may end better; nil: nobody has said.
    package var retryable: Bool?

    /// - Parameter retryable: nil: what is known of the service's own codes.
    package init(code: String, message: String, retryable: Bool? = nil) {
        self.code = code
        self.message = message
        switch code {
        case Self.unavailableCode: self.retryable = retryable ?? true
        case Self.rejectedCode: self.retryable = retryable ?? false
        default: self.retryable = retryable
        }
    }
}

/// One thing that happened to a dataset: reported by a webhook, or done by the service itself.
package struct DatasetEvent: Sendable, Equatable {
    /// A field that an event may leave as it is, clear, or set.
    package enum Field: Sendable, Equatable {
        case unchanged
        case set(String?)
    }

    package var type: DatasetEventType
    /// The TV Python API's id; nil only in events of our own from before it is known.
    package var datasetID: Int64?
    package var reference: String?
    /// Orders the webhooks of one dataset, from 1; nil for changes of our own.
    package var sequence: Int64?
    /// Percent, 0 to 100.
    package var progress: Int?
    package var stage: Field = .unchanged
    package var message: Field = .unchanged
    /// The bytes of `data.result`, a JSON object.
    package var result: [UInt8]?
    package var error: DatasetError?
    /// What a client set the training status to; only of `training.updated`.
    package var training: TrainingChange?

    /// The answer of the create call, and no webhook: of those each has a sequence.
    var isAcknowledgement: Bool { type == .datasetQueued && sequence == nil }

    package init(type: DatasetEventType, datasetID: Int64?, reference: String? = nil, sequence: Int64? = nil) {
        self.type = type
        self.datasetID = datasetID
        self.reference = reference
        self.sequence = sequence
    }
}
