import MySQL
import Telemetry
import TestSupport
import Testing

@testable import Datasets
@testable import Delivery
@testable import Integrator
@testable import Store

/// What the keeper of the outbox could not note or read while the database was away, it notes and reads later.
@Suite(.timeLimit(.minutes(5))) struct SettlementTests {
    /// An instance's memory and its keeper, with a history that has two changes and names this instance.
    private func with(
        _ body: (ServiceUnderTest, Dispatcher, OutboxKeeper, TestHistory) async throws -> Void
    ) async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            try await service.instance.stop()
            let dispatcher = Dispatcher()
            let keeper = OutboxKeeper(
                pool: MySQLPool(service.database, maximumConnections: 1), dispatcher: dispatcher,
                log: Logger(sink: LogSink { _ in }))
            #expect(await keeper.renew())
            let history = try await service.history(of: try await service.scene().wishlist)
            try await service.execute(
                """
                UPDATE wishlist_dataset_histories SET revision = 2, dispatcher = \(dispatcher.number) \
                WHERE id = \(history.id)
                """)
            try await body(service, dispatcher, keeper, history)
        }
    }

    private func duringAnOutage(_ service: ServiceUnderTest, _ body: () async throws -> Void) async throws {
        try await service.execute("RENAME TABLE wishlist_dataset_histories TO away")
        await #expect(throws: MySQLError.self) { try await body() }
        try await service.execute("RENAME TABLE away TO wishlist_dataset_histories")
    }

    @Test func aWatermarkThatWasNotWrittenIsWrittenLater() async throws {
        try await with { service, dispatcher, keeper, history in
            // Delivered already: all that is left is to note it.
            let entry = OutboxEntry(
                historyID: history.id, address: WishlistAddress(slug: "s", groupID: nil), from: 0, to: 2, watermark: 0,
                notifications: [])
            dispatcher.take([entry], for: dispatcher.number)
            try await duringAnOutage(service) {
                _ = try await keeper.release(for: dispatcher.number, since: .now)
            }
            #expect(dispatcher.withQueue { !$0.isEmpty })
            _ = try await keeper.release(for: dispatcher.number, since: .now)
            #expect(dispatcher.withQueue { $0.isEmpty })
            #expect(
                try await service.number(
                    "SELECT notified_revision FROM wishlist_dataset_histories WHERE dispatcher = 0")
                    == 2)
        }
    }

    @Test func whatCouldNotBeReadIsReadLater() async throws {
        try await with { service, dispatcher, keeper, history in
            try await duringAnOutage(service) {
                try await keeper.load([history.id: 0], for: dispatcher.number)
            }
            #expect(dispatcher.withQueue { $0.takeLoads(limit: 9) } == [history.id: 0])
        }
    }

    // MARK: Whose it is

    private func state(_ history: TestHistory, _ service: ServiceUnderTest) async throws -> [Int64?] {
        let row = try await service.query(
            "SELECT dispatcher, notified_revision FROM wishlist_dataset_histories WHERE id = \(history.id)"
        ).first
        return [try row?.optionalInt64(0), try row?.optionalInt64(1)]
    }

    private func events(_ count: Int64, of history: TestHistory, _ service: ServiceUnderTest) async throws {
        try await service.execute(
            """
            INSERT INTO wishlist_dataset_events (event_key, history_id, revision, type, outcome, status, body, recorded_at) \
            WITH RECURSIVE numbers AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < \(count)) \
            SELECT CONCAT('e', n), \(history.id), n, IF(n = 1, 'dataset.started', 'dataset.progress'), 0, 2, '{}', \
            UTC_TIMESTAMP(6) FROM numbers
            """)
        try await service.execute(
            "UPDATE wishlist_dataset_histories SET revision = \(count) WHERE id = \(history.id)")
    }

    @Test func whatAnotherHasTakenOverIsNotReleased() async throws {
        try await with { service, dispatcher, keeper, history in
            dispatcher.take(
                [
                    OutboxEntry(
                        historyID: history.id, address: WishlistAddress(slug: "s", groupID: nil), from: 0, to: 2,
                        watermark: 0, notifications: [])
                ], for: dispatcher.number)
            try await service.execute("UPDATE wishlist_dataset_histories SET dispatcher = 99 WHERE id = \(history.id)")
            _ = try await keeper.release(for: dispatcher.number, since: .now)
            #expect(try await state(history, service) == [99, 0])
            #expect(dispatcher.withQueue { $0.isEmpty })
            // Nor is it read.
            try await events(2, of: history, service)
            try await keeper.load([history.id: 0], for: dispatcher.number)
            #expect(dispatcher.counts.waiting == 0)
            #expect(try await state(history, service) == [99, 0])
        }
    }

    @Test func aHistoryThatWasDeletedIsForgotten() async throws {
        try await with { service, dispatcher, keeper, history in
            dispatcher.take(
                [
                    OutboxEntry(
                        historyID: history.id, address: WishlistAddress(slug: "s", groupID: nil), from: 0, to: 2,
                        watermark: 0, notifications: [])
                ], for: dispatcher.number)
            try await service.execute("DELETE FROM wishlist_dataset_histories WHERE id = \(history.id)")
            _ = try await keeper.release(for: dispatcher.number, since: .now)
            #expect(dispatcher.withQueue { $0.isEmpty })
        }
    }

    @Test func whatNobodyWantsIsNotReadFromTheLogEither() async throws {
        try await with { service, dispatcher, keeper, history in
            try await service.execute(
                "UPDATE wishlist_dataset_histories SET notifications = 1 WHERE id = \(history.id)")
            try await events(5, of: history, service)
            try await keeper.load([history.id: 0], for: dispatcher.number)
            #expect(dispatcher.counts.waiting == 1 && dispatcher.counts.overtaken == 0)
        }
    }

    /// So many changes are read at once: the rest is owed still.
    @Test func aLongLogIsReadInParts() async throws {
        try await with { service, dispatcher, keeper, history in
            try await events(250, of: history, service)
            try await keeper.load([history.id: 0], for: dispatcher.number)
            guard case .send(let notifications) = await dispatcher.next(maximum: 10) else {
                return #expect(Bool(false))
            }
            #expect(notifications.map(\.notification.revision) == [1, 200])
            var outcome = Dispatcher.Outcome(historyID: history.id)
            outcome.delivered = 2
            _ = dispatcher.finish([outcome], pause: nil)
            #expect(dispatcher.withQueue { $0.takeLoads(limit: 9) } == [history.id: 200])
        }
    }

    /// While Pusher fails, one is enough to find out when it does no longer.
    @Test func whilePusherFailsOneIsTakenOver() async throws {
        try await with { service, dispatcher, keeper, history in
            try await events(1, of: history, service)
            let scene = try await service.scene()
            for _ in 0..<2 {
                let other = try await service.history(of: try await service.wishlist(of: scene.wishlist.groupID))
                try await service.execute("DELETE FROM wishlist_dataset_events")
                try await events(1, of: other, service)
            }
            try await keeper.load([history.id: 0], for: dispatcher.number)
            try await service.execute("UPDATE wishlist_dataset_histories SET dispatcher = 77")
            dispatcher.withQueue { $0.forgetAll() }
            dispatcher.take(
                [
                    OutboxEntry(
                        historyID: 1, address: WishlistAddress(slug: "s", groupID: nil), from: 0, to: 1, watermark: 0,
                        notifications: [notification(.datasetStarted, of: 1, revision: 1)])
                ], for: dispatcher.number)
            _ = await dispatcher.next(maximum: 1)
            _ = dispatcher.finish([.init(historyID: 1)], pause: .failing)
            var watch = LeaseWatch()
            #expect(try await keeper.sweep(for: dispatcher.number, &watch))
            #expect(
                try await service.number(
                    "SELECT COUNT(*) FROM wishlist_dataset_histories WHERE dispatcher = \(dispatcher.number)") == 1)
        }
    }

    /// It was renewed after it was looked at.
    @Test func aLeaseThatWasRenewedIsNotRemoved() async throws {
        try await with { service, dispatcher, _, _ in
            let removal = try await service.execute(
                Outbox.removeStatement(lease: dispatcher.number, renewedAt: "2026-11-23 16:00:00"))
            #expect(removal.affectedRows == 0)
            #expect(try await service.number("SELECT COUNT(*) FROM integrator_leases") == 1)
        }
    }
}
