import MySQL
import Telemetry
import Testing

@testable import Datasets
@testable import Delivery
@testable import Integrator

/// What the keeper of the outbox could not note or read while the database was away, it notes and reads later.
@Suite(.timeLimit(.minutes(2))) struct SettlementTests {
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
                try await service.number("SELECT notified_revision FROM wishlist_dataset_histories WHERE dispatcher = 0")
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
}
