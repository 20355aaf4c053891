import MySQL
import Testing

@testable import Datasets
@testable import Lanes
@testable import Store

/// The row cache in transactions, one after the other, as a lane makes them.
@Suite(.timeLimit(.minutes(10))) struct KnownRowTests {
    /// A lane's part, without a service.
    ///
    /// `@unchecked Sendable`: what is known is touched on the connection's thread alone.
    private final class Writer: @unchecked Sendable {
        private let instance: UInt64
        private var known = RowCache()

        init(instance: UInt64) { self.instance = instance }

        /// Tries again what is set apart: the service beside may have the row locked for a moment.
        func commit(
            _ webhooks: [TestWebhook], on service: ServiceUnderTest
        ) async throws -> BatchTransaction.Effects {
            for _ in 0..<100 {
                let effects = try await attempt(webhooks, on: service)
                if effects.answers.contains(where: { $0 != nil }) { return effects }
                try await Task.sleep(for: .milliseconds(20))
            }
            return try await attempt(webhooks, on: service)
        }

        private func attempt(
            _ webhooks: [TestWebhook], on service: ServiceUnderTest
        ) async throws -> BatchTransaction.Effects {
            // Or the service beside would take over what it delivers.
            try await service.execute(Outbox.takeStatement(lease: instance))
            return try await service.connection.run { connection in
                var batch = Batch()
                batch.webhooks = webhooks.map { webhook in
                    .init(webhook: IncomingWebhook(id: webhook.id, body: webhook.body)) { _ in }
                }
                var transaction = BatchTransaction(
                    settings: .init(instance: instance, deadlineSeconds: 60), batch: batch)
                transaction.rowCache = self.known
                let effects = try transaction.run(on: connection)
                try connection.commit()
                self.known = transaction.rowCache
                return effects
            }
        }
    }

    private func with(_ body: (ServiceUnderTest, TestHistory) async throws -> Void) async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            let scene = try await service.scene()
            try await body(service, try await service.history(of: scene.wishlist))
        }
    }

    @Test func aKnownRowIsNotReadAgain() async throws {
        try await with { service, history in
            let writer = Writer(instance: 1)
            let first = try await writer.commit([.init(.datasetStarted, of: history, sequence: 1)], on: service)
            try await service.execute("UPDATE wishlist_to_groups SET slug = CONCAT(slug, '-new')")
            let second = try await writer.commit([.init(.datasetProgress, of: history, sequence: 2)], on: service)
            #expect(second.answers == [.applied])
            #expect(second.outbox.first?.address == first.outbox.first?.address)
            let other = Writer(instance: 1)
            let third = try await other.commit([.init(.datasetProgress, of: history, sequence: 3)], on: service)
            #expect(third.outbox.first?.address.slug.hasSuffix("-new") == true)
        }
    }

    @Test func whatAnotherInstanceChangedIsReadAgain() async throws {
        try await with { service, history in
            let (mine, other) = (Writer(instance: 1), Writer(instance: 2))
            _ = try await mine.commit([.init(.datasetStarted, of: history, sequence: 1)], on: service)
            let between = [TestWebhook(.datasetProgress, of: history, sequence: 5)]
            #expect(try await other.commit(between, on: service).answers == [.applied])
            let late = [
                TestWebhook(.datasetProgress, of: history, sequence: 4),
                TestWebhook(.datasetProgress, of: history, sequence: 6),
            ]
            #expect(try await mine.commit(late, on: service).answers == [.stale, .applied])
            #expect(try await service.stored(history.id)?.revision == 3)
        }
    }

    @Test func anIDThatIsInTheLogIsADuplicateForAKnownRow() async throws {
        try await with { service, history in
            let writer = Writer(instance: 1)
            let webhook = TestWebhook(.datasetStarted, of: history, sequence: 1)
            _ = try await writer.commit([webhook], on: service)
            #expect(try await writer.commit([webhook], on: service).answers == [.duplicate])
        }
    }

    @Test func aWebhookClearsARequestForRedeliveryThatCameMeanwhile() async throws {
        try await with { service, history in
            let writer = Writer(instance: 1)
            _ = try await writer.commit([.init(.datasetStarted, of: history, sequence: 1)], on: service)
            try await service.execute("UPDATE wishlist_dataset_histories SET redelivery_asked_at = UTC_TIMESTAMP(6)")
            _ = try await writer.commit([.init(.datasetProgress, of: history, sequence: 2)], on: service)
            let left = try await service.number(
                "SELECT COUNT(*) FROM wishlist_dataset_histories WHERE redelivery_asked_at IS NOT NULL")
            #expect(left == 0)
        }
    }

    @Test func aStatusThatSomebodyElseSetIsSeen() async throws {
        try await with { service, history in
            let writer = Writer(instance: 1)
            _ = try await writer.commit([.init(.datasetStarted, of: history, sequence: 1)], on: service)
            try await service.execute("UPDATE wishlist_dataset_histories SET status = 5 WHERE id = \(history.id)")
            let late = [TestWebhook(.datasetProgress, of: history, sequence: 2)]
            #expect(try await writer.commit(late, on: service).answers == [.stale])
        }
    }

    @Test func webhooksOfARowThatIsGoneAreParked() async throws {
        try await with { service, history in
            let writer = Writer(instance: 1)
            _ = try await writer.commit([.init(.datasetStarted, of: history, sequence: 1)], on: service)
            try await service.execute("DELETE FROM wishlist_dataset_histories WHERE id = \(history.id)")
            let late = [TestWebhook(.datasetProgress, of: history, sequence: 2)]
            #expect(try await writer.commit(late, on: service).answers == [.parked])
        }
    }
}
