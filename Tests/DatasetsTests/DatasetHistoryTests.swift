import TestSupport
import Testing
import Time

@testable import Datasets

/// The state machine: what an event makes of a history.
@Suite(.timeLimit(.minutes(10))) struct DatasetHistoryTests {
    private static let now = Timestamp(seconds: 1_800_000_000)
    private static let unavailable = DatasetError(code: "tv_api_unavailable", message: "timeout")

    private func event(_ type: DatasetEventType, sequence: Int64? = 5) -> DatasetEvent {
        var event = DatasetEvent(type: type, datasetID: 70, sequence: sequence)
        if type.historyStatus == .failed { event.error = DatasetError(code: "oom", message: "Out of memory") }
        if type == .trainingUpdated { event.training = TrainingChange(status: .requested) }
        return event
    }

    private func apply(
        _ event: DatasetEvent, to history: inout DatasetHistory, _ change: (inout HistoryContext) -> Void = { _ in }
    ) -> Outcome {
        var context = HistoryContext(deadlineSeconds: 60)
        change(&context)
        return history.apply(event, at: Self.now, in: &context)
    }

    /// The types that give a history another status, in every status.
    @Test(arguments: HistoryStatus.allCases, DatasetEventType.allCases)
    func everyTypeInEveryStatus(status: HistoryStatus, type: DatasetEventType) throws {
        guard let next = type.historyStatus else { return }
        var history = DatasetHistory.sample(status: status, sequence: 4, revision: 3)
        let outcome = apply(event(type), to: &history)
        guard status.mayBecome(next) else {
            #expect(outcome == .stale)
            #expect(history == DatasetHistory.sample(status: status, sequence: 4, revision: 3))
            return
        }
        #expect(outcome == .applied)
        #expect(history.status == next)
        #expect(history.sequence == 5)
        #expect(history.revision == 4)
        #expect(history.updatedAt == Self.now)
        #expect(history.heardAt == Self.now)
        #expect(history.finishedAt == (next.isFinal ? Self.now : nil))
        #expect(history.startedAt == (next == .processing ? Self.now : nil))
        #expect(history.error == (next == .failed ? DatasetError(code: "oom", message: "Out of memory") : nil))
        #expect(history.deadlineAt == (next.isActive ? Self.now.adding(seconds: 60) : nil))
    }

    @Test(arguments: [(4, false), (5, false), (6, true)])
    func sequenceHasToBeGreater(sequence: Int64, isApplied: Bool) {
        var history = DatasetHistory.sample(status: .processing, sequence: 5)
        #expect(apply(event(.datasetProgress, sequence: sequence), to: &history) == (isApplied ? .applied : .stale))
        #expect(history.sequence == max(5, sequence))
    }

    // MARK: Revival

    @Test(arguments: [DatasetEventType.datasetQueued, .datasetStarted, .datasetProgress])
    func stalledComesBackUnlessAnotherIsActive(type: DatasetEventType) {
        var history = DatasetHistory.sample(status: .stalled)
        #expect(apply(event(type), to: &history) { $0.otherIsActive = true } == .stale)
        #expect(history.status == .stalled)
        #expect(apply(event(type), to: &history) == .applied)
        #expect(history.status == type.historyStatus)
        #expect(history.deadlineAt == Self.now.adding(seconds: 60))
    }

    @Test func aGuessedFailureComesBackUnlessAnotherIsActive() {
        var history = DatasetHistory.sample(status: .failed, datasetID: nil, error: Self.unavailable)
        history.finishedAt = Timestamp(seconds: 1)
        #expect(apply(event(.datasetStarted), to: &history) { $0.otherIsActive = true } == .stale)
        #expect(apply(event(.datasetStarted), to: &history) == .applied)
        #expect(history.status == .processing)
        #expect(history.datasetID == 70)
        #expect(history.error == nil)
        #expect(history.finishedAt == nil)
    }

    @Test(arguments: [DatasetEventType.datasetCompleted, .datasetFailed, .datasetCanceled])
    func anEndIsTakenEvenIfAnotherIsActive(type: DatasetEventType) {
        for error in [nil, Self.unavailable] {
            var history = DatasetHistory.sample(status: error == nil ? .stalled : .failed, error: error)
            #expect(apply(event(type), to: &history) { $0.otherIsActive = true } == .applied)
            #expect(history.status == type.historyStatus)
        }
    }

    @Test func aRealFailureStays() {
        var history = DatasetHistory.sample(status: .failed, error: DatasetError(code: "tv_api_rejected", message: ""))
        for type in DatasetEventType.webhooks { #expect(apply(event(type), to: &history) == .stale) }
        #expect(history.revision == 0)
    }

    // MARK: The answer of the create call

    @Test func acknowledgementOfAPendingRow() {
        var history = DatasetHistory.sample(status: .pending, datasetID: nil)
        #expect(apply(event(.datasetQueued, sequence: nil), to: &history) == .applied)
        #expect(history.status == .queued)
        #expect(history.datasetID == 70)
        #expect(history.sequence == 0)
        #expect(history.heardAt == nil)
        #expect(history.deadlineAt == Self.now.adding(seconds: 60))
    }

    @Test(arguments: HistoryStatus.allCases.filter { $0 != .pending })
    func acknowledgementSetsNothingBack(status: HistoryStatus) {
        var history = DatasetHistory.sample(status: status, datasetID: nil, sequence: 9, revision: 2)
        #expect(apply(event(.datasetQueued, sequence: nil), to: &history) == .applied)
        #expect(history.status == status)
        #expect(history.datasetID == 70)
        #expect(history.sequence == 9)
        #expect(history.revision == 3)
        // What webhooks have told already is no change.
        #expect(apply(event(.datasetQueued, sequence: nil), to: &history) == .stale)
        #expect(history.revision == 3)
    }

    @Test func theReservationIsTheFirstChange() {
        var created = event(.datasetCreated, sequence: nil)
        created.datasetID = nil
        var history = DatasetHistory.sample(status: .pending, datasetID: nil)
        #expect(apply(created, to: &history) == .applied)
        #expect(history.status == .pending)
        #expect(history.revision == 1)
        #expect(history.deadlineAt == nil)
        #expect(apply(created, to: &history) == .stale)
        #expect(history.revision == 1)
    }

    @Test func acknowledgementOfAGuessedFailure() {
        var history = DatasetHistory.sample(status: .failed, datasetID: nil, error: Self.unavailable)
        var other = history
        #expect(apply(event(.datasetQueued, sequence: nil), to: &history) == .applied)
        #expect(history.status == .queued)
        #expect(history.error == nil)
        // With another dataset active it only gets its id.
        #expect(apply(event(.datasetQueued, sequence: nil), to: &other) { $0.otherIsActive = true } == .applied)
        #expect(other.status == .failed)
        #expect(other.error == Self.unavailable)
        #expect(other.datasetID == 70)
        #expect(apply(event(.datasetQueued, sequence: nil), to: &other) { $0.otherIsActive = true } == .stale)
    }

    // MARK: Contradictions

    @Test func referenceOfAnotherDataset() {
        var history = DatasetHistory.sample(reference: "a")
        var event = event(.datasetProgress)
        event.reference = "b"
        guard case .rejected(let reason) = apply(event, to: &history) else { return #expect(Bool(false)) }
        #expect(reason.contains("reference"))
        #expect(history == .sample(reference: "a"))
        event.reference = "a"
        #expect(apply(event, to: &history) == .applied)
    }

    @Test func datasetOfAnotherReference() {
        var history = DatasetHistory.sample(datasetID: 71, reference: "a")
        var event = event(.datasetProgress)
        event.reference = "a"
        guard case .rejected(let reason) = apply(event, to: &history) else { return #expect(Bool(false)) }
        #expect(reason.contains("71"))
        #expect(history == .sample(datasetID: 71, reference: "a"))
    }

    // MARK: Fields

    @Test func textsAreKeptClearedAndSet() {
        var history = DatasetHistory.sample(status: .processing)
        history.stage = "embedding"
        history.message = "Embedding"
        history.progress = 10
        #expect(apply(event(.datasetProgress, sequence: 1), to: &history) == .applied)
        #expect(history.stage == "embedding")
        #expect(history.message == "Embedding")
        #expect(history.progress == 10)
        var clearing = event(.datasetProgress, sequence: 2)
        clearing.stage = .set(nil)
        clearing.message = .set("Next")
        clearing.progress = 20
        #expect(apply(clearing, to: &history) == .applied)
        #expect(history.stage == nil)
        #expect(history.message == "Next")
        #expect(history.progress == 20)
    }

    @Test func textsAreCutAtWhatTheColumnsTake() {
        var history = DatasetHistory.sample(status: .processing)
        var long = event(.datasetFailed)
        long.stage = .set(String(repeating: "é", count: 101))
        long.message = .set(String(repeating: "🦊", count: 1001))
        long.error = DatasetError(
            code: String(repeating: "c", count: 101), message: String(repeating: "m", count: 1001))
        #expect(apply(long, to: &history) == .applied)
        #expect(history.stage == String(repeating: "é", count: 100))
        #expect(history.message == String(repeating: "🦊", count: 1000))
        #expect(history.error?.code.count == 100)
        #expect(history.error?.message.count == 1000)
    }

    @Test func completionIsHundredPercentUnlessTold() {
        var history = DatasetHistory.sample(status: .processing)
        history.progress = 40
        #expect(apply(event(.datasetCompleted), to: &history) == .applied)
        #expect(history.progress == 100)
    }

    @Test func startAndEndAreKept() {
        let earlier = Timestamp(seconds: 1_700_000_000)
        var history = DatasetHistory.sample(status: .processing)
        history.startedAt = earlier
        history.deadlineAt = earlier
        history.redeliveryAskedAt = earlier
        #expect(apply(event(.datasetProgress, sequence: 1), to: &history) == .applied)
        #expect(history.startedAt == earlier)
        // An indexed column: it is not moved by each webhook.
        #expect(history.deadlineAt == earlier)
        #expect(history.redeliveryAskedAt == nil)
        #expect(apply(event(.datasetCompleted, sequence: 2), to: &history) == .applied)
        #expect(history.finishedAt == Self.now)
        #expect(history.deadlineAt == nil)
        #expect(history.startedAt == earlier)
    }

    @Test func changesOfOurOwnAreNoSignOfLife() {
        var history = DatasetHistory.sample(status: .processing)
        history.redeliveryAskedAt = Self.now
        #expect(apply(event(.datasetStalled, sequence: nil), to: &history) == .applied)
        #expect(history.status == .stalled)
        #expect(history.heardAt == nil)
        #expect(history.redeliveryAskedAt == Self.now)
    }

    // MARK: Training

    @Test(arguments: HistoryStatus.allCases)
    func trainingWebhookWaitsForCompletion(status: HistoryStatus) {
        var history = DatasetHistory.sample(status: status)
        let outcome = apply(event(.trainingStarted), to: &history)
        switch status {
        case .completed: #expect(outcome == .applied)
        case .failed, .canceled: #expect(outcome == .stale)
        default: #expect(outcome == .parked)
        }
        #expect(history.status == status)
        #expect(history.revision == (outcome == .applied ? 1 : 0))
    }

    /// The dataset may still turn out to be at work, and then to have been completed.
    @Test func trainingWebhookWaitsForAGuessedFailure() {
        var history = DatasetHistory.sample(status: .failed, error: Self.unavailable)
        #expect(apply(event(.trainingStarted), to: &history) == .parked)
    }

    @Test func trainingFollowsTheTableAndTheLatestDataset() {
        for from in TrainingStatus.allCases {
            for type in [DatasetEventType.trainingStarted, .trainingCompleted, .trainingFailed] {
                var history = DatasetHistory.sample(status: .completed)
                var context = HistoryContext(deadlineSeconds: 60)
                context.training = from
                let outcome = history.apply(event(type), at: Self.now, in: &context)
                let to = type.trainingStatus ?? .none
                #expect(outcome == (from != .canceled ? .applied : .stale))
                #expect(context.training == (outcome == .applied ? to : from))
            }
        }
        var history = DatasetHistory.sample(status: .completed)
        #expect(apply(event(.trainingStarted), to: &history) { $0.isLatest = false } == .stale)
        #expect(history == DatasetHistory.sample(status: .completed))
    }

    /// The highest sequence wins, also over what a client sets between: what it has overtaken never comes back.
    @Test func overtakenTrainingWebhooksAreStale() {
        var history = DatasetHistory.sample(status: .completed, sequence: 1)
        #expect(apply(event(.trainingCompleted, sequence: 3), to: &history) == .applied)
        #expect(apply(event(.trainingStarted, sequence: 2), to: &history) { $0.training = .trained } == .stale)
        #expect(apply(event(.trainingStarted, sequence: 2), to: &history) { $0.training = .requested } == .stale)
        #expect(history.sequence == 3 && history.revision == 1)

        history = DatasetHistory.sample(status: .completed, sequence: 1)
        #expect(apply(event(.trainingCompleted, sequence: 3), to: &history) { $0.training = .canceled } == .stale)
        #expect(apply(event(.trainingStarted, sequence: 2), to: &history) { $0.training = .requested } == .stale)
        #expect(history.sequence == 3 && history.revision == 0)
    }

    /// The error of a training is not the dataset's.
    @Test func failedTrainingLeavesTheDatasetCompleted() {
        var history = DatasetHistory.sample(status: .completed)
        var failed = event(.trainingFailed)
        failed.error = DatasetError(code: "x", message: "y")
        #expect(apply(failed, to: &history) { $0.training = .training } == .applied)
        #expect(history.status == .completed)
        #expect(history.error == nil)
    }

    @Test(arguments: TrainingStatus.allCases, TrainingStatus.allCases)
    func clientsTraining(from: TrainingStatus, to: TrainingStatus) {
        var history = DatasetHistory.sample(status: .completed)
        var update = event(.trainingUpdated, sequence: nil)
        update.training = TrainingChange(status: to)
        var context = HistoryContext(deadlineSeconds: 60)
        context.training = from
        let outcome = history.apply(update, at: Self.now, in: &context)
        #expect(outcome == (from.clientTransitions.contains(to) ? .applied : .stale))
        #expect(context.training == (outcome == .applied ? to : from))
        #expect(history.revision == (outcome == .applied ? 1 : 0))
    }

    @Test func whoWantsWhichNotifications() {
        for type in DatasetEventType.allCases {
            #expect(DatasetHistory.NotificationPreference.all.wants(type))
            #expect(!DatasetHistory.NotificationPreference.none.wants(type))
            #expect(DatasetHistory.NotificationPreference.milestones.wants(type) == (type != .datasetProgress))
        }
    }
}
