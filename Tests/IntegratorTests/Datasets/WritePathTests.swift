import MySQL
import Testing
import Time

@testable import Datasets
@testable import Lanes
@testable import Store

/// The two ways in which a lane writes a history: from the rows of the log, and by value where the ids of the log may have
/// gaps. Both make the same row, and the row cache holds it.
@Suite(.timeLimit(.minutes(5))) struct WritePathTests {
    @Test func bothMakeTheSameRow() async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            let group = try await service.group()
            for type in DatasetEventType.webhooks {
                for status in HistoryStatus.allCases where status != .pending {
                    var rows: [[String: String]] = []
                    for isFromLog in [true, false] {
                        let history = try await history(status, of: group, on: service)
                        let webhook = TestWebhook(type, of: history, sequence: 5)
                        let (isApplied, usesLog, cached) = try await commit(webhook, isFromLog: isFromLog, on: service)
                        #expect(usesLog == (isApplied && isFromLog), "\(type) of \(status)")
                        #expect(try await service.stored(history.id) == cached, "\(type) of \(status)")
                        rows.append(try await row(history.id, on: service))
                    }
                    #expect(rows[0] == rows[1], "\(type) of \(status)")
                }
            }
        }
    }

    /// A history with a value in each column that a webhook may change or clear.
    private func history(
        _ status: HistoryStatus, of group: Int64, on service: ServiceUnderTest
    ) async throws -> TestHistory {
        let wishlist = try await service.wishlist(of: group, products: 0, categories: 0, queries: 0)
        let history = try await service.history(of: wishlist, status: status, sequence: 2)
        let past: SQL = "'2026-01-01 00:00:00.5'"
        try await service.execute(
            """
            UPDATE wishlist_dataset_histories SET progress = 10, stage = 'x', message = 'y', revision = 2, \
            notified_revision = 2, heard_at = \(past), redelivery_asked_at = \(past), updated_at = \(past), \
            error_code = IF(status = 4, 'oom', NULL), error_message = IF(status = 4, 'm', NULL) WHERE id = \(history.id)
            """)
        return history
    }

    /// Commits it as a lane does, with ids that have gaps if it is not to be written from the log.
    private func commit(
        _ webhook: TestWebhook, isFromLog: Bool, on service: ServiceUnderTest
    ) async throws -> (isApplied: Bool, usesLog: Bool, cached: DatasetHistory?) {
        try await service.execute("SET SESSION auto_increment_increment = \(isFromLog ? 1 : 2)")
        // Or the service beside would take over what it delivers.
        try await service.execute(Outbox.takeStatement(lease: 7))
        return try await service.connection.run { connection in
            var batch = Batch()
            let received = IncomingWebhook(id: webhook.id, body: webhook.body)
            batch.webhooks = [.init(webhook: received) { _ in }]
            var transaction = BatchTransaction(settings: .init(instance: 7, deadlineSeconds: 60), batch: batch)
            let effects = try transaction.run(on: connection)
            try connection.commit()
            return (
                effects.answers == [.applied], transaction.lastEvents.count > 0, transaction.workingSet.slots[0].row
            )
        }
    }

    /// All columns but those that say which history it is. Times of the transaction are given by their distance from it.
    private func row(_ id: Int64, on service: ServiceUnderTest) async throws -> [String: String] {
        let rows = try await service.query("SELECT * FROM wishlist_dataset_histories WHERE id = \(id)")
        let row = try #require(rows.first)
        let updatedAt = try row.timestamp("updated_at")
        var values: [String: String] = [:]
        let own: Set = [
            "id", "wishlist_to_group_id", "active_wishlist_id", "dataset_id", "slug", "reference", "created_at",
        ]
        for name in rows.columns where !own.contains(name) {
            let column = MySQLColumn(name)
            if name.hasSuffix("_at"), let time = try row.optionalTimestamp(column), time >= updatedAt {
                values[name] = "\(time.microseconds - updatedAt.microseconds) µs later"
            } else {
                values[name] = try row.optionalString(column) ?? "NULL"
            }
        }
        return values
    }
}
