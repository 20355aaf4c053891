import MySQL
import TestSupport
import Testing
import Time

@testable import Datasets
@testable import Integrator
@testable import Operations
@testable import Store
@testable import Web

/// What a page of the log costs (spec, section 10): the same in a long log as in a short one, and at any depth.
@Suite(.timeLimit(.minutes(3))) struct LogSearchTests {
    private static let count = 60_000

    private func reads(_ connection: MySQLConnection) async throws -> Int {
        var reads = 0
        for row in try await connection.query("SHOW STATUS LIKE 'Handler_read%'") {
            reads += Int(try row.string(1)) ?? 0
        }
        return reads
    }

    /// One in a thousand is rejected, one in ten thousand of a rare type.
    private func fill(_ connection: MySQLConnection) async throws {
        try await connection.execute(
            """
            INSERT INTO wishlist_dataset_histories (id, wishlist_to_group_id, dataset_id, slug, status) \
            SELECT seq, 1 + seq MOD 50, 1000 + seq, 's', IF(seq = 7, 6, 3) FROM \(SQL.numbers(upTo: 500))
            """)
        try await connection.execute(
            """
            INSERT INTO wishlist_dataset_events (event_key, history_id, revision, dataset_id, outcome, type, body, \
            recorded_at) SELECT CONCAT('e', seq), IF(seq MOD 1000 = 0, NULL, 1 + seq MOD 500), \
            IF(seq MOD 1000 = 0, NULL, seq), 1001 + seq MOD 500, IF(seq MOD 1000 = 0, 4, 0), \
            IF(seq MOD 10000 = 1, 'training.failed', 'dataset.progress'), '{}', \
            UTC_TIMESTAMP(6) - INTERVAL (\(Self.count) - seq) SECOND FROM \(SQL.numbers(upTo: Self.count))
            """)
        try await connection.execute("ANALYZE TABLE wishlist_dataset_events, wishlist_dataset_histories")
    }

    @Test func aPageReadsLittle() async throws {
        try await ServiceSchema.with { configuration in
            let connection = try await MySQLConnection.connect(configuration.patient)
            try await fill(connection)
            var since = LogFilter()
            since.since = Timestamp.now().adding(seconds: -20_000)
            since.until = Timestamp.now().adding(seconds: -10_000)
            let filters: [(LogFilter, rows: Int, reads: Int)] = [
                (LogFilter(), 50, 60), (filter { $0.key = "e77" }, 1, 5), (filter { $0.history = 8 }, 50, 400),
                (filter { $0.dataset = 1008 }, 50, 600), (filter { $0.outcomes = [.rejected] }, 50, 60),
                (filter { $0.outcomes = [.parked, .ignored] }, 0, 10),
                (filter { $0.type = "dataset.progress" }, 50, 1100),
                (since, 50, 500),
            ]
            for (filter, rows, limit) in filters {
                for before in [nil, 30_000] as [Int64?] {
                    try await connection.execute("FLUSH STATUS")
                    let page = try await connection.run { connection in
                        try EventLog.page(filter, before: before, limit: 50, on: connection)
                    }
                    let read = try await reads(connection)
                    if before == nil { #expect(page.entries.count == rows, "\(filter.text)") }
                    #expect(read <= limit, "\(filter.text) before \(before ?? 0): \(read) rows read")
                }
            }
            await connection.close()
        }
    }

    private func filter(_ change: (inout LogFilter) -> Void) -> LogFilter {
        var filter = LogFilter()
        change(&filter)
        return filter
    }

    /// What no index helps to find is searched for step by step, and each step says where the next begins.
    @Test func aRareTypeIsFoundInBoundedSteps() async throws {
        try await ServiceSchema.with { configuration in
            let connection = try await MySQLConnection.connect(configuration.patient)
            try await fill(connection)
            let rare = filter { $0.type = "training.failed" }
            var found: [Int64] = []
            var next: Int64?
            var steps = 0
            repeat {
                let before = next
                try await connection.execute("FLUSH STATUS")
                let page = try await connection.run { connection in
                    try EventLog.page(rare, before: before, limit: 50, on: connection)
                }
                #expect(try await reads(connection) < 45_000)
                found += page.entries.map(\.id)
                next = page.next
                #expect((page.searchedTo != nil) == (next != nil))
                steps += 1
            } while next != nil && steps < 10
            #expect(found.count == 6)
            #expect(found == found.sorted(by: >))
            #expect((3...4).contains(steps))
            await connection.close()
        }
    }

    @Test func datasetsAreFoundByAnIndex() async throws {
        try await ServiceSchema.with { configuration in
            let connection = try await MySQLConnection.connect(configuration.patient)
            try await fill(connection)
            func reads(_ change: (inout DatasetFilter) -> Void) async throws -> Int {
                var filter = DatasetFilter()
                change(&filter)
                let meant = filter
                try await connection.execute("FLUSH STATUS")
                _ = try await connection.run { connection in
                    try DatasetSearch.page(meant, limit: 10, deadlineSeconds: 1800, on: connection)
                }
                return try await self.reads(connection)
            }
            for (name, count) in [
                ("status", try await reads { $0.statuses = [.stalled] }),
                ("number", try await reads { $0.dataset = 1300 }),
                ("wishlist", try await reads { $0.wishlist = 3 }), ("all", try await reads { _ in }),
                ("late", try await reads { $0.isLate = true }),
            ] {
                #expect(count <= 80, "\(name): \(count) rows read")
            }
            await connection.close()
        }
    }
}
