@testable import Datasets
@testable import Integrator
@testable import Store

/// What the specification says of a wishlist's datasets and their webhooks (sections 3 and 4), as simply as it can be said:
/// webhooks come one after the other, nothing fails. Written from the specification, not from the service.
struct WishlistModel {
    struct Webhook: Sendable {
        var id: String
        var type: DatasetEventType
        var dataset: Int64
        /// Sent along, or left away.
        var reference: String?
        var sequence: Int64
    }

    struct Dataset {
        /// The history's, in the order in which they were made.
        var historyID: Int64
        /// As the TV Python API calls it.
        var name: Int64
        /// Nil: from before this service.
        var reference: String?
        /// The service has been told the name.
        var isNamed: Bool
        var status: HistoryStatus
        /// `failed`, because no answer came.
        var isUnavailable: Bool
        var preference: DatasetHistory.NotificationPreference
        var sequence: Int64 = 0
        var revision: Int64 = 0
        var progress: Int?
        /// The name of the event of each revision that is to be notified.
        var notifications: [Int64: String] = [:]
    }

    struct Entry: Equatable {
        var outcome: EventOutcome
        var revision: Int64?
    }

    var datasets: [Dataset]
    var training = TrainingStatus.none
    /// By `webhook-id`.
    var log: [String: Entry] = [:]
    private var parked: [Webhook] = []

    init(_ datasets: [Dataset]) {
        self.datasets = datasets
    }

    /// Takes a webhook and says what its sender is told.
    mutating func deliver(_ webhook: Webhook) -> String {
        if let entry = log[webhook.id] { return entry.outcome == .rejected ? "rejected" : "duplicate" }
        guard let index = find(webhook) else {
            log[webhook.id] = Entry(outcome: .parked)
            parked.append(webhook)
            return "parked"
        }
        var due = [webhook]
        if !namesTwo(webhook, index), !datasets[index].isNamed || webhook.type == .datasetCompleted {
            due += parked.filter { $0.dataset == webhook.dataset }
            parked.removeAll { $0.dataset == webhook.dataset }
        }
        for webhook in due.sorted(by: { $0.sequence < $1.sequence }) { apply(webhook, index) }
        return log[webhook.id]?.outcome.label ?? "?"
    }

    private func find(_ webhook: Webhook) -> Int? {
        if let index = datasets.firstIndex(where: { $0.isNamed && $0.name == webhook.dataset }) { return index }
        guard let reference = webhook.reference else { return nil }
        return datasets.firstIndex { $0.reference == reference }
    }

    /// Its reference and its dataset are not of one and the same dataset.
    private func namesTwo(_ webhook: Webhook, _ index: Int) -> Bool {
        let dataset = datasets[index]
        if dataset.isNamed, dataset.name != webhook.dataset { return true }
        guard let reference = webhook.reference, reference != dataset.reference else { return false }
        return dataset.reference != nil || datasets.contains { $0.reference == reference }
    }

    private mutating func apply(_ webhook: Webhook, _ index: Int) {
        let outcome = judge(webhook, index)
        log[webhook.id] = Entry(outcome: outcome)
        if outcome == .parked { parked.append(webhook) }
        guard outcome == .applied else { return }
        (datasets[index].isNamed, datasets[index].name) = (true, webhook.dataset)
        datasets[index].sequence = webhook.sequence
        datasets[index].revision += 1
        let revision = datasets[index].revision
        log[webhook.id]?.revision = revision
        var name = webhook.type.rawValue
        switch webhook.type {
        case .trainingStarted: (training, name) = (.training, "training.updated")
        case .trainingCompleted: (training, name) = (.trained, "training.updated")
        case .trainingFailed: (training, name) = (.failed, "training.updated")
        case .datasetQueued: datasets[index].status = .queued
        case .datasetStarted: datasets[index].status = .processing
        case .datasetProgress:
            datasets[index].status = .processing
            datasets[index].progress = Int(min(webhook.sequence, 100))
        case .datasetCompleted:
            datasets[index].status = .completed
            datasets[index].progress = 100
        case .datasetFailed: datasets[index].status = .failed
        case .datasetCanceled: datasets[index].status = .canceled
        case .datasetCreated, .datasetStalled, .trainingUpdated: break
        }
        if !name.hasPrefix("training") { datasets[index].isUnavailable = false }
        switch datasets[index].preference {
        case .none: break
        case .milestones where webhook.type == .datasetProgress: break
        case .milestones, .all: datasets[index].notifications[revision] = name
        }
    }

    private func judge(_ webhook: Webhook, _ index: Int) -> EventOutcome {
        if namesTwo(webhook, index) { return .rejected }
        let dataset = datasets[index]
        if webhook.sequence <= dataset.sequence { return .stale }
        switch webhook.type {
        case .trainingStarted, .trainingCompleted, .trainingFailed:
            guard dataset.status == .completed else {
                // A failure that is a guess may turn out to be none: the dataset may still become complete.
                let isOver = dataset.status == .canceled || dataset.status == .failed && !dataset.isUnavailable
                return isOver ? .stale : .parked
            }
            // Clients cancel nothing here.
            return index == datasets.count - 1 ? .applied : .stale
        default: break
        }
        let next: HistoryStatus =
            switch webhook.type {
            case .datasetQueued: .queued
            case .datasetStarted, .datasetProgress: .processing
            case .datasetCompleted: .completed
            case .datasetFailed: .failed
            default: .canceled
            }
        let mayBecome =
            switch dataset.status {
            case .pending, .stalled: true
            case .queued: true
            case .processing: next != .queued
            case .completed, .canceled: false
            case .failed: dataset.isUnavailable
            }
        guard mayBecome else { return .stale }
        let revives = [.failed, .stalled].contains(dataset.status) && [.queued, .processing].contains(next)
        let otherIsActive = datasets.enumerated().contains { other in
            other.offset != index && other.element.reference != nil
                && [.pending, .queued, .processing].contains(other.element.status)
        }
        return revives && otherIsActive ? .stale : .applied
    }
}
