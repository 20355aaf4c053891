import Testing
import Time

@testable import Datasets

/// What a client wants the training to be.
@Suite(.timeLimit(.minutes(5))) struct TrainingRequestTests {
    private let time = Timestamp(seconds: 1_800_000_000)

    /// What was not asked for has no time to be kept, whatever the column holds.
    @Test(arguments: TrainingStatus.allCases) func onlyARequestKeepsItsTime(status: TrainingStatus) {
        let target = TrainingRequest(status: .requested).target(from: TrainingChange(status: status, scheduledAt: time))
        #expect(target == TrainingChange(status: .requested, scheduledAt: status == .requested ? time : nil))
        let other = TrainingRequest(status: .requested, schedule: .set(nil))
        #expect(other.target(from: TrainingChange(status: status, scheduledAt: time)).scheduledAt == nil)
    }
}
