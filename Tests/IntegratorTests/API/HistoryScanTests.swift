import MySQL
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator
@testable import Store

/// What pages of histories cost the database.
@Suite(.timeLimit(.minutes(10))) struct HistoryScanTests {
    /// Every sort reads its index in order, from where the page begins: nothing is sorted, and no more rows are read than are
    /// returned, on the first page and far down.
    @Test(arguments: HistoriesQuery.Sort.allCases, [false, true])
    func pagesAreReadInTheOrderOfAnIndex(sort: HistoriesQuery.Sort, isDescending: Bool) async throws {
        try await ServiceSchema.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            // Two wishlists, 3000 histories each.
            try await connection.execute(
                """
                INSERT INTO wishlist_dataset_histories \
                (wishlist_to_group_id, dataset_id, slug, status, created_at, updated_at) \
                SELECT 1 + seq % 2, seq, 's', 3 + seq % 4, '2026-01-01' + INTERVAL seq MINUTE, \
                '2026-06-01' + INTERVAL seq * 7919 % 6000 MINUTE FROM \(SQL.numbers(upTo: 6000))
                """)
            try await connection.execute("ANALYZE TABLE wishlist_dataset_histories")
            var query = HistoriesQuery()
            query.sort = sort
            query.isDescending = isDescending
            let scan = try #require(HistoryScan.all(of: 1, query).first)
            let middle = try await connection.query(scan.positions(limit: 1, offset: 1500)).first
            let start = try scan.position(from: #require(middle))
            for (place, isReversed) in [(nil, false), (start, false), (start, true)] {
                let sql = scan.positions(after: place, isReversed: isReversed, limit: 16)
                let plan = try await connection.query("EXPLAIN FORMAT=TRADITIONAL \(sql)")
                for row in plan {
                    let extra = try row.optionalString("Extra") ?? ""
                    #expect(!extra.contains("filesort") && !extra.contains("temporary"), "\(sort) \(extra)")
                }
                try await connection.execute("FLUSH STATUS")
                #expect(try await connection.query(sql).count == 16)
                var reads: Int64 = 0
                for row in try await connection.query("SHOW STATUS LIKE 'Handler_read%'") {
                    reads += Int64(try row.string(1)) ?? 0
                }
                #expect(reads <= 20, "\(sort): \(reads) rows read")
            }
            await connection.close()
        }
    }

    /// One status in the order of the ids is an index of its own.
    @Test func aRareStatusIsNotSearchedFor() async throws {
        try await ServiceSchema.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            try await connection.execute(
                """
                INSERT INTO wishlist_dataset_histories (wishlist_to_group_id, dataset_id, slug, status) \
                SELECT 1, seq, 's', IF(seq % 1000 = 0, 4, 3) FROM \(SQL.numbers(upTo: 5000))
                """)
            var query = HistoriesQuery()
            query.statuses = [.failed]
            let scan = try #require(HistoryScan.all(of: 1, query).first)
            try await connection.execute("FLUSH STATUS")
            #expect(try await connection.query(scan.positions(limit: 16)).count == 5)
            let reads = try await connection.query("SHOW STATUS LIKE 'Handler_read%'")
            #expect(try reads.reduce(0) { try $0 + (Int($1.string(1)) ?? 0) } <= 8)
            await connection.close()
        }
    }

    /// A webhook of an active dataset must not have to change the index for `updated_at`.
    @Test func theIndexForUpdatedAtRestsWhileADatasetIsActive() async throws {
        try await ServiceSchema.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            try await connection.execute(
                """
                INSERT INTO wishlist_dataset_histories (id, wishlist_to_group_id, slug, status, updated_at) VALUES \
                (1, 1, 's', 2, '2026-01-01'), (2, 1, 's', 3, '2026-01-02'), (3, 1, 's', 6, '2026-01-03')
                """)
            let rows = try await connection.query(
                "SELECT quiet_updated_at = updated_at FROM wishlist_dataset_histories ORDER BY id")
            #expect(try rows.map { try $0.optionalInt64(0) } == [nil, 1, 1])
            await connection.close()
        }
    }
}
