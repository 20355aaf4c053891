import MySQL
import Testing

@testable import Datasets
@testable import Integrator
@testable import Store

/// What `integrator prune` leaves: one condition after the other.
@Suite(.timeLimit(.minutes(5))) struct PruneLimitsTests {
    /// A history with two old events that have been notified, and what is left of them.
    private func kept(
        status: HistoryStatus, revision: Int64 = 3, notified: Int64 = 3, _ change: (SQL) -> SQL? = { _ in nil }
    ) async throws -> [Int64] {
        try await Scene.with { service, wishlist in
            let history = try await service.history(of: wishlist, status: status)
            try await service.execute(
                """
                UPDATE wishlist_dataset_histories SET revision = \(revision), notified_revision = \(notified) \
                WHERE id = \(history.id)
                """)
            for number in Int64(1)...2 {
                try await service.execute(
                    """
                    INSERT INTO wishlist_dataset_events (event_key, history_id, revision, outcome, body, recorded_at) \
                    VALUES (\("old_\(number)"), \(history.id), \(number), 0, '{}', UTC_TIMESTAMP(6) - INTERVAL 8 DAY)
                    """)
            }
            if let statement = change("SELECT id FROM wishlist_dataset_events WHERE revision = 1") {
                try await service.execute(statement)
            }
            _ = try await Pruning(pool: MySQLPool(service.database, maximumConnections: 1)).run(
                olderThan: 7 * 86_400, isDry: false)
            return try await service.logRows().compactMap(\.revision)
        }
    }

    @Test(arguments: HistoryStatus.allCases) func eventsOfAnActiveDatasetStay(status: HistoryStatus) async throws {
        #expect(try await kept(status: status) == (status.isActive ? [1, 2] : []))
    }

    @Test func whatIsOwedStays() async throws {
        #expect(try await kept(status: .completed, notified: 1) == [2])
    }

    @Test func theLastChangeStays() async throws {
        #expect(try await kept(status: .completed, revision: 2, notified: 2) == [2])
    }

    @Test func aDeadLetterStays() async throws {
        let kept = try await kept(status: .completed) { event in
            """
            INSERT INTO wishlist_dataset_dead_letters (event_id, history_id, revision, reason, refused_at) \
            SELECT id, history_id, revision, '', UTC_TIMESTAMP(6) FROM wishlist_dataset_events WHERE id = (\(event))
            """
        }
        #expect(kept == [1])
    }

    /// Replay puts an event there before it is judged.
    @Test func whatIsParkedStays() async throws {
        let kept = try await kept(status: .completed) { event in
            "INSERT INTO wishlist_dataset_parked (event_id, dataset_id) VALUES ((\(event)), 1)"
        }
        #expect(kept == [1])
    }

    @Test func whatIsYoungStays() async throws {
        let kept = try await kept(status: .completed) { _ in
            "UPDATE wishlist_dataset_events SET recorded_at = UTC_TIMESTAMP(6) - INTERVAL 6 DAY WHERE revision = 1"
        }
        #expect(kept == [1])
    }
}

/// A service's schema with a wishlist, and no instance beside.
private enum Scene {
    static func with<R>(_ body: (ServiceUnderTest, TestWishlist) async throws -> R) async throws -> R {
        try await ServiceUnderTest.with(registered: false) { service in
            try await service.instance.stop()
            return try await body(service, try await service.scene().wishlist)
        }
    }
}
