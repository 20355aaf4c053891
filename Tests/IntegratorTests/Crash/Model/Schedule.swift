import Sandbox

@testable import Datasets
@testable import Integrator

extension SplitMix64 {
    fileprivate mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

/// What happens to one wishlist: how its datasets stand at first, and which webhooks come in which order. The same seed,
/// the same schedule.
struct Schedule {
    struct Start {
        var status: HistoryStatus
        var isUnavailable = false
        /// The service knows the dataset's id already.
        var isNamed: Bool
        /// From before this service: without a reference.
        var isOld = false
        var preference: DatasetHistory.NotificationPreference
    }

    struct Delivery {
        var dataset: Int
        var type: DatasetEventType
        var sequence: Int64
        var hasReference: Bool
        /// The reference is that of the dataset with this number instead: two datasets are named.
        var crossed: Int?
        /// Which of two instances it goes to first.
        var instance: Int
    }

    var starts: [Start] = []
    var deliveries: [Delivery] = []

    init(seed: UInt64) {
        var random = SplitMix64(state: seed)
        let count = Int.random(in: 1...3, using: &random)
        var streams: [[Delivery]] = []
        for dataset in 0..<count {
            starts.append(Self.start(isLast: dataset == count - 1, &random))
            streams.append(Self.stream(dataset, &random))
        }
        // Woven into each other.
        while !streams.allSatisfy(\.isEmpty) {
            let index = Int.random(in: 0..<count, using: &random)
            if !streams[index].isEmpty { deliveries.append(streams[index].removeFirst()) }
        }
        for index in deliveries.indices where count > 1 && random.chance(3) {
            deliveries[index].crossed = Int.random(in: 0..<count, using: &random)
        }
    }

    /// One dataset of a wishlist can be active: the last.
    private static func start(isLast: Bool, _ random: inout SplitMix64) -> Start {
        let preference = DatasetHistory.NotificationPreference.allCases.randomElement(using: &random) ?? .all
        let statuses: [HistoryStatus] =
            isLast
            ? [.pending, .queued, .queued, .processing, .stalled, .failed] : [.stalled, .failed, .failed, .completed]
        let status = statuses.randomElement(using: &random) ?? .queued
        let isOld = status != .pending && random.chance(15)
        return Start(
            status: status, isUnavailable: status == .failed && random.chance(70),
            isNamed: isOld || status != .pending && !(status == .failed && random.chance(50)), isOld: isOld,
            preference: preference)
    }

    private static func stream(_ dataset: Int, _ random: inout SplitMix64) -> [Delivery] {
        var types: [DatasetEventType] = [.datasetQueued, .datasetStarted]
        types += Array(repeating: .datasetProgress, count: Int.random(in: 0...5, using: &random))
        let ends: [DatasetEventType] = [.datasetCompleted, .datasetCompleted, .datasetFailed, .datasetCanceled]
        let end = ends.randomElement(using: &random) ?? .datasetCompleted
        types.append(end)
        if end == .datasetCompleted, random.chance(60) {
            types.append(.trainingStarted)
            types.append(random.chance(70) ? .trainingCompleted : .trainingFailed)
        }
        var stream: [Delivery] = []
        for (index, type) in types.enumerated() where !random.chance(8) {
            let delivery = Delivery(
                dataset: dataset, type: type, sequence: Int64(index + 1), hasReference: random.chance(50),
                instance: Int.random(in: 0...1, using: &random))
            stream.append(delivery)
            if random.chance(15) { stream.append(delivery) }
        }
        for index in stream.indices.dropLast() where random.chance(20) { stream.swapAt(index, index + 1) }
        // Some come again much later.
        for delivery in stream where random.chance(5) { stream.append(delivery) }
        return stream
    }
}
