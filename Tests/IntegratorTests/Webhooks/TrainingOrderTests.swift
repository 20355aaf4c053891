import Datasets
import MySQL
import Store
import Testing

/// The order in which webhooks arrive does not decide where a training ends (spec, section 3).
@Suite(.timeLimit(.minutes(10))) struct TrainingOrderTests {
    private static let all: [(DatasetEventType, Int64)] = [
        (.datasetCompleted, 1), (.trainingStarted, 2), (.trainingCompleted, 3), (.trainingStarted, 4),
        (.trainingFailed, 5),
    ]

    private static func permutations<T>(_ items: [T]) -> [[T]] {
        items.isEmpty
            ? [[]]
            : items.indices.flatMap { index in
                var rest = items
                let first = rest.remove(at: index)
                return permutations(rest).map { [first] + $0 }
            }
    }

    private func training(_ service: ServiceUnderTest, of wishlist: TestWishlist) async throws -> TrainingStatus? {
        try await service.number("SELECT training_status FROM wishlist_to_groups WHERE id = \(wishlist.id)")
            .flatMap { TrainingStatus(rawValue: Int($0)) }
    }

    @Test func theTrialsOrder() async throws {
        try await ServiceUnderTest.with { service in
            let wishlist = try await service.scene().wishlist
            let history = try await service.history(of: wishlist)
            var outcomes: [String?] = []
            for (type, sequence) in [
                (DatasetEventType.datasetCompleted, Int64(1)), (.trainingCompleted, 3), (.trainingStarted, 2),
            ] {
                outcomes.append(try await service.post(TestWebhook(type, of: history, sequence: sequence)).outcome)
            }
            #expect(outcomes == ["applied", "applied", "stale"])
            #expect(try await training(service, of: wishlist) == .trained)
        }
    }

    @Test func everyOrderEndsTheSame() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for order in Self.permutations(Self.all) {
                    let wishlist = try await service.wishlist(of: scene.wishlist.groupID, products: 0)
                    let history = try await service.history(of: wishlist)
                    group.addTask {
                        var told: [String] = []
                        for (type, sequence) in order {
                            let answer = try await service.post(TestWebhook(type, of: history, sequence: sequence))
                            told.append("\(sequence) \(answer.outcome ?? answer.text)")
                        }
                        let stored = try await service.stored(history.id)
                        #expect(stored?.status == .completed && stored?.sequence == 5, "\(told)")
                        #expect(try await training(service, of: wishlist) == .failed, "\(told)")
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_parked") == 0)
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_events WHERE outcome = 3") == 0)
        }
    }

    /// Side by side, so that some share transactions and others do not.
    @Test func togetherTheyEndTheSame() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            for _ in 0..<40 {
                let wishlist = try await service.wishlist(of: scene.wishlist.groupID, products: 0)
                let history = try await service.history(of: wishlist)
                let webhooks = Self.all.shuffled().map { TestWebhook($0.0, of: history, sequence: $0.1) }
                let told = try await service.post(webhooks).map { $0.outcome ?? $0.text }
                // One that was parked while the dataset became complete is applied a moment later.
                try await service.waitForNumber(0, "SELECT COUNT(*) FROM wishlist_dataset_parked")
                #expect(try await service.stored(history.id)?.sequence == 5, "\(told)")
                #expect(try await training(service, of: wishlist) == .failed, "\(told)")
            }
        }
    }

    /// Whatever clients set between, a training that has been told to be over never goes on.
    @Test(arguments: [["requested"], ["canceled"], ["requested", "canceled"], ["canceled", "requested"]])
    func noOrderTrainsForEver(clients: [String]) async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            for order in Self.permutations(Array(Self.all.prefix(3))) {
                for place in 0...order.count {
                    let wishlist = try await service.wishlist(of: scene.wishlist.groupID, products: 0)
                    let history = try await service.history(of: wishlist)
                    var told: [String] = []
                    for (index, (type, sequence)) in order.enumerated() {
                        if index == place { told += try await set(clients, wishlist, scene, service) }
                        let answer = try await service.post(TestWebhook(type, of: history, sequence: sequence))
                        told.append("\(sequence) \(answer.outcome ?? answer.text)")
                    }
                    if place == order.count { told += try await set(clients, wishlist, scene, service) }
                    let end = try await training(service, of: wishlist)
                    #expect(end != .training && end != TrainingStatus.none, "\(told)")
                    #expect(try await service.stored(history.id)?.sequence == 3, "\(told)")
                }
            }
        }
    }

    private func set(
        _ statuses: [String], _ wishlist: TestWishlist, _ scene: TestScene, _ service: ServiceUnderTest
    ) async throws -> [String] {
        var told: [String] = []
        for status in statuses {
            let answer = try await service.api(
                "PATCH", "/api/v1/wishlist-to-group/\(wishlist.slug)/update-training-status", token: scene.token,
                body: #"{"training_status": "\#(status)"}"#)
            told.append("\(status) \(answer.status)")
            #expect([200, 400, 409].contains(answer.status), "\(answer.text)")
        }
        return told
    }

    /// What one instance has found overtaken, another that knows the row finds overtaken too.
    @Test func anotherInstanceSeesWhatIsOvertaken() async throws {
        try await ServiceUnderTest.with { first in
            try await first.withAnotherInstance { second in
                let scene = try await first.scene()
                let history = try await first.history(of: scene.wishlist)
                #expect(
                    try await first.post(TestWebhook(.datasetCompleted, of: history, sequence: 1)).outcome == "applied")
                try await first.waitUntilSettled(history.id)
                _ = try await set(["requested", "canceled"], scene.wishlist, scene, first)
                try await first.waitUntilSettled(history.id)
                #expect(
                    try await second.post(TestWebhook(.trainingCompleted, of: history, sequence: 3)).outcome == "stale")
                // A change of our own does not look at sequences: the first instance knows the row as before.
                #expect(
                    try await first.post(TestWebhook(.trainingStarted, of: history, sequence: 2)).outcome == "stale")
                _ = try await set(["requested"], scene.wishlist, scene, first)
                let late = TestWebhook(.trainingStarted, of: history, sequence: 2)
                #expect(try await first.post(late).outcome == "stale")
                #expect(try await training(first, of: scene.wishlist) == .requested)
            }
        }
    }
}
