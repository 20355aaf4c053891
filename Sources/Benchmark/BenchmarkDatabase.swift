import MySQL

/// The database that is measured, filled anew for each measurement.
struct BenchmarkDatabase: Sendable {
    /// A dataset that is being processed: webhooks may come for it.
    struct Dataset: Sendable {
        let historyID: Int64
        let datasetID: Int64
        let reference: String
    }

    static let name = "integrator_benchmark"
    static let token = "1|benchmark"
    static let slug = "benchmark-1"
    /// The first wishlist has so many of the histories, for deep pages.
    private static let deepPart = 10

    let configuration: MySQLConfiguration

    init(socket: String) {
        configuration = MySQLConfiguration(socket: socket, database: Self.name, username: "root")
    }

    /// The server's process.
    func serverProcess() async throws -> Int32 {
        let file = try await value("SELECT @@pid_file") { row in try row.string(0) }
        guard let text = try? TextFile.read(file), let pid = Int32(text.filter(\.isNumber)) else {
            throw BenchmarkError("cannot read \(file)")
        }
        return pid
    }

    /// Fills the migrated tables: so many histories, of which `active` are being processed, each of a wishlist of its own,
    /// and so many events in the log.
    func fill(histories: Int, active: Int, events: Int = 0) async throws -> [Dataset] {
        let connection = try await connect(statementTimeout: .seconds(900))
        for table in [
            "wishlist_dataset_histories", "wishlist_dataset_events", "wishlist_dataset_parked",
            "wishlist_dataset_rejected", "wishlist_to_groups", "group_user", "personal_access_tokens", "users",
            "groups", "subscriptions",
        ] {
            try await connection.execute("TRUNCATE TABLE \(identifier: table)")
        }
        try await connection.execute("INSERT INTO users (id, name, email) VALUES (1, 'Ann', 'ann@example.test')")
        try await connection.execute("INSERT INTO `groups` (id, name) VALUES (1, 'Benchmark')")
        try await connection.execute("INSERT INTO group_user (group_id, user_id, role) VALUES (1, 1, 'owner')")
        try await connection.execute(
            """
            INSERT INTO personal_access_tokens (id, tokenable_type, tokenable_id, name, token, abilities) \
            VALUES (1, 'App\\\\Models\\\\User', 1, 'benchmark', SHA2('benchmark', 256), '["*"]')
            """)
        try await connection.execute(
            """
            INSERT INTO wishlist_to_groups (id, group_id, name, slug, status) \
            SELECT seq, 1, CONCAT('Wishlist ', seq), CONCAT('benchmark-', seq), 1 FROM \(unescaped: "seq_1_to_\(active)")
            """)
        try await fillHistories(histories, active: active, on: connection)
        try await fillEvents(events, histories: histories, active: active, on: connection)
        let datasets = try await connection.query(
            "SELECT id, dataset_id, reference FROM wishlist_dataset_histories WHERE status = 2 ORDER BY id"
        ).map { row in
            Dataset(historyID: try row.int64(0), datasetID: try row.int64(1), reference: try row.string(2))
        }
        await connection.close()
        return datasets
    }

    private func fillHistories(_ count: Int, active: Int, on connection: MySQLConnection) async throws {
        for range in Self.ranges(count) {
            try await connection.execute(
                """
                INSERT INTO wishlist_dataset_histories (id, wishlist_to_group_id, dataset_id, slug, status, reference, \
                name, created_by, progress, stage, message, sequence, revision, notified_revision, heard_at, deadline_at, \
                started_at, finished_at, created_at, updated_at) \
                SELECT seq, @wishlist := IF(seq > \(count - active), seq - \(count - active), \
                IF(seq % \(Self.deepPart) = 0, 1, 1 + seq % \(active))), 1000000 + seq, \
                CONCAT('benchmark-', @wishlist), IF(seq > \(count - active), 2, 3), \
                CONCAT('0190a1b2-0000-7000-8000-', LPAD(LOWER(HEX(seq)), 12, '0')), NULL, 1, 50, 'embedding', \
                'Embedding products', 0, 0, 0, UTC_TIMESTAMP(6), \
                IF(seq > \(count - active), UTC_TIMESTAMP(6) + INTERVAL 1 DAY, NULL), UTC_TIMESTAMP(6), \
                IF(seq > \(count - active), NULL, UTC_TIMESTAMP(6)), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) \
                FROM \(unescaped: "seq_\(range.lowerBound)_to_\(range.upperBound)")
                """)
        }
    }

    /// Of histories that are over, several for each.
    private func fillEvents(_ count: Int, histories: Int, active: Int, on connection: MySQLConnection) async throws {
        let finished = max(1, histories - active)
        for range in Self.ranges(count) {
            Progress.show("events in the log: \(range.upperBound)")
            try await connection.execute(
                """
                INSERT INTO wishlist_dataset_events (event_key, history_id, revision, dataset_id, sequence, type, outcome, \
                status, progress, stage, message, body, recorded_at) \
                SELECT CONCAT('msg_', LEFT(MD5(seq), 26)), 1 + (seq - 1) % \(finished), 1 + (seq - 1) DIV \(finished), \
                1000001 + (seq - 1) % \(finished), 1 + (seq - 1) DIV \(finished), 'dataset.progress', 0, 2, 50, \
                'embedding', 'Embedding products', REPEAT('{"data": 123456}', 15), UTC_TIMESTAMP(6) \
                FROM \(unescaped: "seq_\(range.lowerBound)_to_\(range.upperBound)")
                """)
        }
    }

    private static func ranges(_ count: Int) -> [ClosedRange<Int>] {
        stride(from: 1, through: count, by: 100_000).map { $0...min($0 + 99_999, count) }
    }

    /// Rows in the log after an id, and the highest id.
    func events(after id: Int64) async throws -> (count: Int, last: Int64) {
        let connection = try await connect(statementTimeout: .seconds(60))
        let rows = try await connection.query(
            "SELECT COUNT(*), COALESCE(MAX(id), \(id)) FROM wishlist_dataset_events WHERE id > \(id)")
        await connection.close()
        return (Int(try rows[0].int64(0)), try rows[0].int64(1))
    }

    /// Waits until most of what was written has reached its place on the disk, half a minute at most.
    func settle() async throws {
        for _ in 0..<60 {
            let dirty = try await value("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'") { row in
                try row.string(1)
            }
            if Int(dirty) ?? 0 < 2000 { return }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    func connect(statementTimeout: Duration = .seconds(10)) async throws -> MySQLConnection {
        var configuration = configuration
        configuration.statementTimeout = statementTimeout
        return try await MySQLConnection.connect(configuration)
    }

    private func value<T: Sendable>(_ sql: SQL, _ read: (MySQLRow) throws -> T) async throws -> T {
        let connection = try await connect()
        let rows = try await connection.query(sql)
        await connection.close()
        guard let row = rows.first else { throw BenchmarkError("no answer to \(sql)") }
        return try read(row)
    }
}

extension MySQLConfiguration {
    /// Makes the database anew, empty.
    func createDatabase() async throws {
        var server = self
        server.database = ""
        let connection = try await MySQLConnection.connect(server)
        try await connection.execute("DROP DATABASE IF EXISTS \(identifier: database)")
        try await connection.execute(
            "CREATE DATABASE \(identifier: database) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        await connection.close()
    }
}
