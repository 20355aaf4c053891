import Testing

@testable import Datasets

/// Spec, section 3.
@Suite(.timeLimit(.minutes(10))) struct HistoryStatusTests {
    /// What each status may become.
    private static let table: [HistoryStatus: Set<HistoryStatus>] = [
        .pending: Set(HistoryStatus.allCases),
        .queued: [.queued, .processing, .completed, .failed, .canceled, .stalled],
        .processing: [.processing, .completed, .failed, .canceled, .stalled],
        .completed: [],
        .failed: [],
        .canceled: [],
        .stalled: [.queued, .processing, .completed, .failed, .canceled],
    ]

    @Test(arguments: HistoryStatus.allCases, HistoryStatus.allCases)
    func everyPair(from: HistoryStatus, to: HistoryStatus) throws {
        let allowed = try #require(Self.table[from])
        #expect(from.mayBecome(to) == allowed.contains(to))
        // Only a failure that was a guess may be taken back.
        let afterGuess = from == .failed || allowed.contains(to)
        #expect(from.mayBecome(to, unavailable: true) == afterGuess)
    }

    @Test func numbersAndNames() {
        let names = ["pending", "queued", "processing", "completed", "failed", "canceled", "stalled"]
        #expect(HistoryStatus.allCases.map(\.label) == names)
        #expect(HistoryStatus.allCases.map(\.rawValue) == Array(0...6))
        for (number, name) in names.enumerated() {
            #expect(HistoryStatus(text: name) == HistoryStatus(rawValue: number))
            #expect(HistoryStatus(text: "\(number)") == HistoryStatus(rawValue: number))
        }
        for wrong in ["", "7", "-1", "Queued", " queued", "01"] { #expect(HistoryStatus(text: wrong) == nil) }
    }

    @Test func activeAndFinal() {
        #expect(HistoryStatus.allCases.filter(\.isActive) == [.pending, .queued, .processing])
        #expect(HistoryStatus.allCases.filter(\.isFinal) == [.completed, .failed, .canceled])
    }
}

/// Spec, section 3, second table.
@Suite(.timeLimit(.minutes(10))) struct TrainingStatusTests {
    private static let byClient: [TrainingStatus: Set<TrainingStatus>] = [
        .none: [.requested],
        .requested: [.requested, .none, .canceled],
        .training: [.canceled],
        .trained: [.requested],
        .failed: [.requested],
        .canceled: [.requested],
    ]
    private static let byWebhook: [TrainingStatus: Set<TrainingStatus>] = [
        .none: [.training, .trained, .failed, .canceled],
        .requested: [.training, .trained, .failed, .canceled],
        .training: [.training, .trained, .failed, .canceled],
        .trained: [.training, .trained, .failed, .canceled],
        .failed: [.training, .trained, .failed, .canceled],
        .canceled: [.canceled],
    ]

    @Test(arguments: TrainingStatus.allCases, TrainingStatus.allCases)
    func everyPair(from: TrainingStatus, to: TrainingStatus) {
        #expect(from.clientTransitions.contains(to) == Self.byClient[from]?.contains(to))
        #expect(from.mayBeSet(byWebhook: to) == Self.byWebhook[from]?.contains(to))
    }

    @Test func numbersAndNames() {
        let names = ["none", "requested", "training", "trained", "failed", "canceled"]
        #expect(TrainingStatus.allCases.map(\.label) == names)
        #expect(TrainingStatus.allCases.map(\.rawValue) == Array(0...5))
        #expect(TrainingStatus(text: "trained") == .trained)
        #expect(TrainingStatus(text: "3") == .trained)
        for wrong in ["", "6", "Trained"] { #expect(TrainingStatus(text: wrong) == nil) }
    }
}
