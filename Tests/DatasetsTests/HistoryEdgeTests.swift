import TestSupport
import Testing
import Time

@testable import Datasets

/// What an event leaves of times.
@Suite(.timeLimit(.minutes(5))) struct HistoryEdgeTests {
    private static let now = Timestamp(seconds: 1_800_000_000)

    /// It was thought to have ended before.
    @Test(arguments: [DatasetEventType.datasetCompleted, .datasetFailed, .datasetCanceled])
    func aGuessedFailureEndsWhenItEnds(type: DatasetEventType) {
        var history = DatasetHistory.sample(
            status: .failed, error: DatasetError(code: DatasetError.unavailableCode, message: ""))
        history.finishedAt = Timestamp(seconds: 1)
        var context = HistoryContext(deadlineSeconds: 60)
        var event = DatasetEvent(type: type, datasetID: 70, sequence: 1)
        event.error = DatasetError(code: "oom", message: "")
        #expect(history.apply(event, at: Self.now, in: &context) == .applied)
        #expect(history.finishedAt == Self.now)
    }

    /// Whoever changes it next in the same transaction is judged by what the webhook has left.
    @Test func aTrainingWebhookClearsTheTimeThatWasAskedFor() {
        var history = DatasetHistory.sample(status: .completed)
        var context = HistoryContext(deadlineSeconds: 60)
        context.training = .requested
        context.trainingScheduledAt = Self.now
        let event = DatasetEvent(type: .trainingStarted, datasetID: 70, sequence: 1)
        #expect(history.apply(event, at: Self.now, in: &context) == .applied)
        #expect(context.training == .training && context.trainingScheduledAt == nil)
    }
}
