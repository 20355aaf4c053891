import MySQL
import Sandbox
import Testing

@testable import Datasets
@testable import Integrator
@testable import Lanes
@testable import Store

/// A row that another session has locked delays its own dataset only (spec, section 4).
@Suite(.timeLimit(.minutes(5))) struct LockedRowTests {
    /// Another session that holds a row until it is closed.
    private func lock(_ sql: SQL, _ service: ServiceUnderTest) async throws -> MySQLConnection {
        let connection = try await MySQLConnection.connect(service.database)
        try await connection.begin()
        #expect(try await connection.query("\(sql) FOR UPDATE").count == 1)
        return connection
    }

    private func lock(_ history: TestHistory, _ service: ServiceUnderTest) async throws -> MySQLConnection {
        try await lock("SELECT id FROM wishlist_dataset_histories WHERE id = \(history.id)", service)
    }

    /// Neighbours wait far less than anybody holds a row here; one or two may, for a machine that is busy.
    private func expectPrompt(_ histories: [TestHistory], _ service: ServiceUnderTest) async throws {
        var slow: [Duration] = []
        for sequence in Int64(1)...5 {
            for history in histories {
                let start = ContinuousClock.now
                let webhook = TestWebhook(.datasetProgress, of: history, sequence: sequence)
                #expect(try await service.post(webhook).outcome == "applied")
                let time = ContinuousClock.now - start
                if time > .seconds(2) { slow.append(time) }
            }
        }
        #expect(slow.count <= 2, "\(slow)")
    }

    @Test func neighboursGoOn() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let histories = try await service.manyHistories(9)
            let locked = histories[0]
            let other = try await lock(locked, service)
            // In the order in which they come; the last one would make those before it stale.
            var own: [Task<String?, any Error>] = []
            for sequence in Int64(1)...3 {
                own.append(
                    Task { try await service.post(TestWebhook(.datasetQueued, of: locked, sequence: sequence)).outcome }
                )
                try await Task.sleep(for: .milliseconds(50))
            }
            try await expectPrompt(Array(histories.dropFirst()), service)
            let start = ContinuousClock.now
            #expect(try await service.create(scene.wishlist, token: scene.token).status == 201)
            #expect(ContinuousClock.now - start < .seconds(5))
            #expect(try await service.stored(locked.id)?.revision == 0)
            await other.close()
            for task in own { #expect(try await task.value == "applied") }
            #expect(try await service.stored(locked.id)?.revision == 3)
        }
    }

    @Test func whoWaitsTooLongIsToldSo() async throws {
        try await ServiceUnderTest.with { service in
            let locked = try await service.history(of: try await service.scene().wishlist)
            let other = try await lock(locked, service)
            let webhook = TestWebhook(.datasetStarted, of: locked, sequence: 1)
            let start = ContinuousClock.now
            #expect(try await service.post(webhook).status == 503)
            #expect(ContinuousClock.now - start >= Lane.patience)
            await other.close()
            #expect(try await service.post(webhook).outcome == "applied")
        }
    }

    /// A training webhook sets the wishlist's status.
    @Test func aLockedWishlistDelaysItsTrainingOnly() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist, status: .completed)
            let neighbours = try await service.manyHistories(4)
            let other = try await lock("SELECT id FROM wishlist_to_groups WHERE id = \(scene.wishlist.id)", service)
            let training = Task {
                try await service.post(TestWebhook(.trainingStarted, of: history, sequence: 1)).outcome
            }
            try await Task.sleep(for: .milliseconds(100))
            try await expectPrompt(neighbours, service)
            #expect(try await service.stored(history.id)?.revision == 0)
            await other.close()
            #expect(try await training.value == "applied")
        }
    }
}
