import MySQL
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import Store

/// What was acknowledged, stored, applied, owed and delivered, and whether it adds up.
extension ServiceUnderTest {
    /// Histories of one wishlist each, all queued.
    func manyHistories(_ count: Int) async throws -> [TestHistory] {
        let group = try await group()
        var histories: [TestHistory] = []
        for _ in 0..<count {
            histories.append(
                try await history(of: try await wishlist(of: group, products: 0, categories: 0, queries: 0)))
        }
        return histories
    }

    /// As if the time had passed after which others may take over from instances that have died: from these, or from all if
    /// none lives. One that lives may be sending, and must keep its lease.
    func endLeases(of dead: [UInt64]? = nil) async throws {
        if let dead { #expect(!dead.isEmpty && !dead.contains(0)) }
        let whose: SQL = dead.map { "instance IN \(list: $0.map { Int64($0) })" as SQL } ?? "TRUE"
        for sql: SQL in [
            "DELETE FROM integrator_leases WHERE \(whose)",
            """
            UPDATE wishlist_dataset_histories SET create_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND \
            WHERE create_until IS NOT NULL
            """,
        ] {
            // Others lock the same rows in another order.
            try await waitUntil("no deadlock") {
                do {
                    try await execute(sql)
                    return true
                } catch let error as MySQLError where error.kind == .conflict {
                    return false
                }
            }
        }
    }

    /// Waits until nothing is owed.
    func waitUntilNothingIsOwed(timeout: Duration = .seconds(60)) async throws {
        try await waitForNumber(
            0, "SELECT COUNT(*) FROM wishlist_dataset_histories WHERE dispatcher > 0", timeout: timeout)
    }

    /// Each acknowledged webhook is in the log once, with the outcome that was told; each dataset is complete.
    func checkStored(_ load: WebhookLoad) async throws {
        #expect(load.acknowledged.count == load.total)
        var logged: [String: EventOutcome] = [:]
        for row in try await query("SELECT event_key, outcome FROM wishlist_dataset_events") {
            logged[String(decoding: try row.bytes(0), as: UTF8.self)] = EventOutcome(
                rawValue: Int(try row.int64(1)))
        }
        let lost = load.acknowledged.keys.filter { key in logged[key] == nil }
        #expect(lost.isEmpty, "acknowledged and lost")
        Chaos.count(.webhooksAcknowledged, load.acknowledged.count)
        Chaos.count(.webhooksStored, load.acknowledged.count - lost.count)
        Chaos.count(.webhooksLost, lost.count)
        // A duplicate's first answer was lost on the way: the log tells what it was.
        let told = load.acknowledged.filter { $0.value != "duplicate" }
        let wrong = told.filter { told in logged[told.key]?.label != told.value }
        #expect(wrong.isEmpty, "told otherwise than stored")
        for history in load.histories {
            let stored = try #require(try await stored(history.id))
            #expect(stored.status == .completed)
            #expect(stored.sequence == load.length)
            let counts = try #require(
                try await query(
                    """
                    SELECT COUNT(*), COUNT(DISTINCT revision), COALESCE(MAX(revision), 0) FROM wishlist_dataset_events \
                    WHERE history_id = \(history.id) AND revision IS NOT NULL
                    """
                ).first)
            let applied = Int(try counts.int64(0))
            Chaos.count(.webhooksApplied, applied)
            Chaos.count(.webhooksCountedTwice, max(0, Int(stored.revision) - applied))
            #expect(applied == Int(stored.revision))
            #expect(try counts.int64(1) == stored.revision)
            #expect(try counts.int64(2) == stored.revision)
        }
    }

    /// Of each history Pusher has got each change that is no progress, and the last one.
    /// - Parameter inOrder: and in order when first sent.
    func checkDelivered(_ load: WebhookLoad, inOrder: Bool = true) async throws {
        let all = sandbox.pusher.events.all.compactMap(PushedEvent.init)
        let pushed = Dictionary(grouping: all) { $0.historyID ?? 0 }
        for history in load.histories {
            var seen: [Int64] = []
            for event in pushed[history.id] ?? [] where !seen.contains(event.revision) { seen.append(event.revision) }
            if inOrder { #expect(seen == seen.sorted(), "history \(history.id)") }
            var milestones: Set<Int64> = []
            var progress: Set<Int64> = []
            for row in try await query(
                """
                SELECT revision, type = 'dataset.progress' FROM wishlist_dataset_events \
                WHERE history_id = \(history.id) AND revision IS NOT NULL
                """)
            {
                if try row.int64(1) == 1 {
                    progress.insert(try row.int64(0))
                } else {
                    milestones.insert(try row.int64(0))
                }
            }
            let lost = milestones.subtracting(seen)
            #expect(lost == [], "history \(history.id)")
            Chaos.count(.notificationsOwed, milestones.count)
            Chaos.count(.notificationsDelivered, milestones.count - lost.count)
            Chaos.count(.notificationsLost, lost.count)
            Chaos.countProgress(owed: progress, seen: seen)
            #expect(
                try await number("SELECT MAX(revision) FROM wishlist_dataset_events WHERE history_id = \(history.id)")
                    == (inOrder ? seen.last : seen.max()))
        }
    }
}
