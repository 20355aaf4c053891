import MySQL
import TestSupport
import Testing
import Time

@testable import Datasets
@testable import Integrator
@testable import Lanes
@testable import Store

/// What one transaction of a lane decides, without a service beside: one condition after the other.
@Suite(.timeLimit(.minutes(5))) struct BatchConditionTests {
    private func with(_ body: (ServiceUnderTest, TestWishlist) async throws -> Void) async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            try await service.instance.stop()
            try await body(service, try await service.scene().wishlist)
        }
    }

    private func commit(
        _ webhooks: [TestWebhook] = [], _ changes: [Batch.OwnChange] = [], unparked: Set<Int64> = [],
        mayBeCommitted: Bool = false, on service: ServiceUnderTest
    ) async throws -> BatchTransaction.Effects {
        try await service.connection.run { connection in
            var batch = Batch()
            batch.webhooks = webhooks.map { webhook in
                .init(webhook: IncomingWebhook(id: webhook.id, body: webhook.body)) { _ in }
            }
            batch.changes = changes
            batch.unparked = unparked
            var transaction = BatchTransaction(
                settings: .init(instance: 1, deadlineSeconds: 60), batch: batch,
                mayBeCommitted: mayBeCommitted)
            do throws(MySQLError) {
                let effects = try transaction.run(on: connection)
                try connection.commit()
                return effects
            } catch {
                connection.rollback()
                throw error
            }
        }
    }

    private func change(_ type: DatasetEventType, of id: Int64, dataset: Int64? = nil) -> Batch.OwnChange {
        let event = DatasetEvent(type: type, datasetID: dataset)
        return Batch.OwnChange(
            historyID: id, event: event, key: ".\(type.rawValue).\(id)", body: Array("{}".utf8)
        ) { _ in }
    }

    /// Another session that holds the row of a history until it is closed.
    private func lock(_ history: TestHistory, _ service: ServiceUnderTest) async throws -> MySQLConnection {
        let other = try await MySQLConnection.connect(service.database)
        try await other.begin()
        _ = try await other.query("SELECT id FROM wishlist_dataset_histories WHERE id = \(history.id) FOR UPDATE")
        return other
    }

    // MARK: Rows that others have locked

    @Test func whatIsAboutALockedHistoryIsLeftByWhateverNamesIt() async throws {
        try await with { service, wishlist in
            let history = try await service.history(of: wishlist)
            let other = try await lock(history, service)
            let byDataset = TestWebhook(.datasetStarted, of: history, sequence: 1)
            let byReference = TestWebhook(
                .datasetStarted, dataset: Fresh.number(), sequence: 1, reference: history.reference)
            for webhook in [byDataset, byReference] {
                #expect(try await commit([webhook], on: service).answers == [nil])
            }
            let effects = try await commit([], [change(.datasetStalled, of: history.id)], on: service)
            #expect(effects.lockedChanges == [0])
            #expect(try await service.logRows().isEmpty)
            await other.close()
        }
    }

    /// A parked webhook names its dataset, and the reference of a history that is locked: it contradicts itself.
    @Test func aParkedWebhookWaitsForTheHistoryOfItsReference() async throws {
        try await with { service, wishlist in
            let (dataset, reference) = (Fresh.number(), "0190a1b2-0000-7000-8000-00000000000a")
            let parked = TestWebhook(.datasetStarted, dataset: dataset, sequence: 1, reference: reference)
            #expect(try await commit([parked], on: service).answers == [.parked])
            let named = try await service.history(of: wishlist, datasetID: dataset, reference: nil)
            let referred = try await service.history(
                of: try await service.wishlist(of: wishlist.groupID), reference: reference)
            let other = try await lock(referred, service)
            _ = try await commit(unparked: [dataset], on: service)
            #expect(try await service.logRow(parked)?.outcome == .parked)
            await other.close()
            _ = try await commit(unparked: [dataset], on: service)
            #expect(try await service.logRow(parked)?.outcome == .rejected)
            #expect(try await service.stored(named.id)?.revision == 0)
        }
    }

    // MARK: What came before

    @Test func anotherBodyUnderTheSameIDIsAConflict() async throws {
        try await with { service, wishlist in
            let history = try await service.history(of: wishlist)
            let first = TestWebhook(.datasetStarted, of: history, sequence: 1)
            let second = TestWebhook(.datasetStarted, of: history, sequence: 2, id: first.id)
            let together = try await commit([first, first, second], on: service)
            #expect(together.answers == [.applied, .duplicate, .duplicate])
            #expect(together.conflicts == [first.id])
            #expect(try await service.stored(history.id)?.sequence == 1)
        }
    }

    @Test func aChangeThatIsInTheLogIsMadeOnce() async throws {
        try await with { service, wishlist in
            let history = try await service.history(of: wishlist)
            for _ in 0..<2 {
                let effects = try await commit([], [change(.datasetStalled, of: history.id)], on: service)
                #expect(effects.changes.first??.isApplied == true)
            }
            #expect(try await service.stored(history.id)?.revision == 1)
        }
    }

    /// Nobody knows what the commit before this one has left to be sent.
    @Test func afterALostCommitTheLogIsRead() async throws {
        try await with { service, wishlist in
            let history = try await service.history(of: wishlist)
            let webhook = TestWebhook(.datasetStarted, of: history, sequence: 1)
            #expect(try await commit([webhook], on: service).unread.isEmpty)
            let again = try await commit([webhook], mayBeCommitted: true, on: service)
            #expect(again.answers == [.duplicate])
            #expect(again.unread == [history.id])
        }
    }

    // MARK: Parked webhooks

    /// Whoever parks, and whoever makes a dataset known, looks again after the commit: one of them sees the other.
    @Test func whoMakesADatasetKnownAppliesWhatWaitsForIt() async throws {
        try await with { service, wishlist in
            let dataset = Fresh.number()
            let history = try await service.history(of: wishlist, status: .pending, datasetID: nil)
            let parked = TestWebhook(.datasetStarted, dataset: dataset, sequence: 1)
            #expect(try await commit([parked], on: service).parked == [dataset])
            let effects = try await commit([], [change(.datasetQueued, of: history.id, dataset: dataset)], on: service)
            #expect(effects.unparked.map(\.outcome) == [.applied])
            #expect(effects.parked == [dataset])
            #expect(try await service.stored(history.id)?.status == .processing)
        }
    }

    @Test func trainingIsAppliedTogetherWithTheCompletionItWaitsFor() async throws {
        try await with { service, wishlist in
            let history = try await service.history(of: wishlist)
            let training = try await commit([.init(.trainingStarted, of: history, sequence: 2)], on: service)
            #expect(training.answers == [.parked])
            #expect(training.parked == [try #require(history.datasetID)])
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_parked") == 1)
            let completion = try await commit([.init(.datasetCompleted, of: history, sequence: 1)], on: service)
            #expect(completion.unparked.map(\.outcome) == [.applied])
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_parked") == 0)
            #expect(
                try await service.number("SELECT training_status FROM wishlist_to_groups WHERE id = \(wishlist.id)")
                    == 2)
        }
    }

    // MARK: Verdicts

    @Test func ofOneBatchTheSequenceDecides() async throws {
        try await with { service, wishlist in
            let history = try await service.history(of: wishlist)
            let webhooks = [2, 1].map { TestWebhook(.datasetProgress, of: history, sequence: $0) }
            #expect(try await commit(webhooks, on: service).answers == [.applied, .applied])
            #expect(try await service.stored(history.id)?.progress == 2)
        }
    }

    @Test func aReferenceOfAnotherHistoryIsRejected() async throws {
        try await with { service, wishlist in
            let named = try await service.history(of: wishlist, reference: nil)
            let other = try await service.history(of: try await service.wishlist(of: wishlist.groupID))
            let webhook = TestWebhook(
                .datasetStarted, dataset: named.datasetID, sequence: 1, reference: other.reference)
            guard case .rejected = try await commit([webhook], on: service).answers.first else {
                return #expect(Bool(false))
            }
            #expect(try await service.stored(named.id)?.revision == 0)
            #expect(
                try await service.number(
                    "SELECT COUNT(*) FROM wishlist_dataset_rejected WHERE dataset_id = \(named.datasetID)")
                    == 1)
        }
    }

    @Test func oneOfAWishlistIsRevived() async throws {
        try await with { service, wishlist in
            let active = try await service.history(of: wishlist, status: .processing)
            let stalled = try await service.history(of: wishlist, status: .stalled)
            #expect(
                try await commit([.init(.datasetProgress, of: stalled, sequence: 1)], on: service).answers == [.stale])
            try await service.execute("UPDATE wishlist_dataset_histories SET status = 6 WHERE id = \(active.id)")
            // Both at once.
            let both = [active, stalled].map { TestWebhook(.datasetProgress, of: $0, sequence: 2) }
            #expect(try await commit(both, on: service).answers == [.applied, .stale])
        }
    }

    /// A change of our own has no sequence: the row keeps its own.
    @Test func aChangeKeepsTheSequence() async throws {
        try await with { service, wishlist in
            let history = try await service.history(of: wishlist, sequence: 5)
            _ = try await commit([], [change(.datasetStalled, of: history.id)], on: service)
            let stored = try await service.stored(history.id)
            #expect(stored?.status == .stalled && stored?.sequence == 5)
        }
    }

    @Test func whatAnotherInstanceDeliversIsLeftToIt() async throws {
        try await with { service, wishlist in
            let history = try await service.history(of: wishlist)
            try await service.execute("UPDATE wishlist_dataset_histories SET dispatcher = 99 WHERE id = \(history.id)")
            let effects = try await commit([.init(.datasetStarted, of: history, sequence: 1)], on: service)
            #expect(effects.answers == [.applied])
            #expect(effects.outbox.isEmpty)
        }
    }
}

/// What a lane's writer does about errors, in a service.
@Suite(.timeLimit(.minutes(5))) struct WriterErrorTests {
    /// A known row lets a webhook with a new sequence pass unlooked-up: the unique key of the log finds it out.
    @Test func anOldIDWithANewSequenceIsADuplicate() async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            let first = TestWebhook(.datasetStarted, of: history, sequence: 1)
            #expect(try await service.post(first).outcome == "applied")
            let again = TestWebhook(.datasetProgress, of: history, sequence: 2, id: first.id)
            #expect(try await service.post(again).outcome == "duplicate")
        }
    }

    @Test func aLostConnectionIsNotTheSendersMatter() async throws {
        try await ServiceUnderTest.with { service in
            let history = try await service.history(of: try await service.scene().wishlist)
            #expect(try await service.post(TestWebhook(.datasetStarted, of: history, sequence: 1)).status == 200)
            let ids = try await service.query(
                "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
            ).map { try $0.int64(0) }
            #expect(!ids.isEmpty)
            for id in ids { _ = try? await service.execute("KILL CONNECTION \(id)") }
            #expect(try await service.post(TestWebhook(.datasetProgress, of: history, sequence: 2)).status == 200)
        }
    }
}
