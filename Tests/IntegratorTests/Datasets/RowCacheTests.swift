@testable import Datasets
@testable import Lanes
import MySQL
import Testing

@testable import Integrator

/// What a lane takes for known, and what it reads again.
@Suite struct RowCacheTests {
    private let address = WishlistAddress(slug: "shoes", groupID: 1)
    private let start = ContinuousClock.now

    private func known(_ history: DatasetHistory) -> RowCache {
        var known = RowCache()
        known.note(slot(history))
        return known
    }

    private func slot(_ history: DatasetHistory) -> WorkingSet.Slot {
        WorkingSet.Slot(row: history, address: address, readAt: start)
    }

    @Test func aHistoryIsKnownForItsLifetime() {
        let known = known(.sample())
        #expect(known.id(ofDataset: 70, at: start) == 7)
        let end = start + RowCache.lifetime
        #expect(known.isFresh(7, at: end - .milliseconds(1)))
        #expect(!known.isFresh(7, at: end))
        #expect(known.id(ofDataset: 70, at: end) == nil)
        #expect(known.id(ofDataset: 71, at: start) == nil)
    }

    @Test func committingItAgainDoesNotMakeItYounger() {
        var known = RowCache()
        let slot = slot(.sample())
        for revision in 1...2 {
            slot.history.revision = Int64(revision)
            known.note(slot)
        }
        #expect(!known.isFresh(7, at: start + RowCache.lifetime))
    }

    @Test func nothingIsLeftOfItsTransaction() {
        var known = RowCache()
        let slot = slot(.sample())
        slot.history.revision = 5
        slot.result = [1]
        slot.mayDiffer = true
        slot.entries = [
            .init(.webhook(0), key: "a", body: [], event: DatasetEvent(type: .datasetStarted, datasetID: 70))
        ]
        known.note(slot)
        let left = known.slot(7, like: .init(slot.history), slot.history.delivery)
        #expect(left?.row?.revision == 5)
        #expect(left?.result == nil && left?.mayDiffer == false && left?.entries.isEmpty == true)
    }

    /// It is written without a new revision: what the locked row says counts.
    @Test func whatTheRowSaysOfItsDeliveryIsTaken() {
        let known = known(.sample(revision: 3))
        let delivery = DeliveryState(watermark: 3, dispatcher: 2)
        let slot = known.slot(7, like: .init(.sample(revision: 3)), delivery)
        #expect(slot?.history.delivery == delivery)
        #expect(slot?.row?.delivery == delivery)
    }

    @Test func whatHasNoDatasetOrNoAddressIsNotKnown() {
        #expect(!known(.sample(datasetID: nil)).isFresh(7, at: start))
        var known = RowCache()
        known.note(WorkingSet.Slot(row: .sample(), readAt: start))
        #expect(!known.isFresh(7, at: start))
    }

    @Test func whatEverybodyChangesIsCompared() {
        let known = known(.sample(revision: 3))
        let same = RowCache.Mark(.sample(revision: 3))
        #expect(known.slot(7, like: same, DeliveryState())?.address == address)
        let changes: [(inout RowCache.Mark) -> Void] = [
            { $0.status += 1 }, { $0.revision += 1 }, { $0.isRedeliveryAsked = true }, { $0.sequence += 1 },
        ]
        for change in changes {
            var mark = same
            change(&mark)
            #expect(known.slot(7, like: mark, DeliveryState()) == nil)
        }
    }

    @Test func onlySoManyAreKnown() {
        var known = RowCache()
        for id in 1...Int64(RowCache.capacity + 1) {
            known.note(slot(.sample(id: id, datasetID: id)))
        }
        #expect(!known.isFresh(1, at: start))
        #expect(known.isFresh(Int64(RowCache.capacity + 1), at: start))
    }
}

/// The same in transactions, one after the other, as a lane makes them.
@Suite struct KnownRowTests {
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
            try await service.connection.run { connection in
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
