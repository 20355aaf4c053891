import MySQL
import Testing

@testable import Datasets
@testable import Integrator
@testable import Lanes
@testable import Store

/// Histories are written from the log's rows: what that statement does not find is written otherwise.
@Suite(.timeLimit(.minutes(5))) struct FastUpdateTests {
    private func commit(_ webhooks: [TestWebhook], on service: ServiceUnderTest) async throws {
        try await service.connection.run { connection in
            var batch = Batch()
            batch.webhooks = webhooks.map { webhook in
                .init(webhook: IncomingWebhook(id: webhook.id, body: webhook.body)) { _ in }
            }
            var transaction = BatchTransaction(settings: .init(instance: 1, deadlineSeconds: 60), batch: batch)
            let effects = try transaction.run(on: connection)
            try connection.commit()
            #expect(effects.answers.allSatisfy { $0 == .applied })
        }
    }

    /// A trigger stands for whatever keeps the statement from finding a row of the log.
    @Test func rowsThatAreNotFoundAreWrittenAllTheSame() async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            try await service.instance.stop()
            let wishlist = try await service.scene().wishlist
            let histories = [
                try await service.history(of: wishlist),
                try await service.history(of: try await service.wishlist(of: wishlist.groupID)),
            ]
            try await service.execute(
                """
                CREATE TRIGGER none BEFORE INSERT ON wishlist_dataset_events FOR EACH ROW \
                SET NEW.revision = IF(NEW.history_id = \(histories[0].id), 0, NEW.revision)
                """)
            try await commit(histories.map { .init(.datasetStarted, of: $0, sequence: 7) }, on: service)
            for history in histories {
                let stored = try await service.stored(history.id)
                #expect(stored?.status == .processing && stored?.sequence == 7 && stored?.revision == 1)
            }
        }
    }

    /// As on a cluster whose nodes take turns.
    @Test func idsWithGapsAreNoHindrance() async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            try await service.instance.stop()
            let wishlist = try await service.scene().wishlist
            var histories: [TestHistory] = []
            for _ in 0..<3 {
                histories.append(try await service.history(of: try await service.wishlist(of: wishlist.groupID)))
            }
            try await service.execute("SET SESSION auto_increment_increment = 2, SESSION auto_increment_offset = 2")
            try await commit(
                histories.enumerated().map { .init(.datasetProgress, of: $1, sequence: Int64($0 + 1)) }, on: service)
            for (index, history) in histories.enumerated() {
                let stored = try await service.stored(history.id)
                #expect(stored?.status == .processing && stored?.sequence == Int64(index + 1))
                #expect(stored?.progress == index + 1 && stored?.revision == 1)
            }
        }
    }
}
