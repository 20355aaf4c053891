import MySQL

/// The database of a soak: its wishlists, the rows of its datasets, and what is found there at the end.
struct SoakDatabase: Sendable {
    static let name = "integrator_soak"
    /// Wishlists whose datasets get webhooks from the load; the others' are created through the API.
    static let slots = 1000
    static let created = 50
    static let token = "1|soak"

    static func createdSlug(_ index: Int) -> String { "created-\(index % created + 1)" }

    let configuration: MySQLConfiguration

    init(socket: String) {
        var configuration = MySQLConfiguration(socket: socket, database: Self.name, username: "root")
        configuration.statementTimeout = .seconds(300)
        self.configuration = configuration
    }

    /// Fills the migrated tables, and has the database count what is pruned from the log.
    func fill() async throws {
        let connection = try await MySQLConnection.connect(configuration)
        let last = Self.slots + Self.created
        for statement: SQL in [
            "INSERT INTO users (id, name, email) VALUES (1, 'Ann', 'ann@example.test')",
            "INSERT INTO `groups` (id, name) VALUES (1, 'Soak')",
            "INSERT INTO group_user (group_id, user_id, role) VALUES (1, 1, 'owner')",
            """
            INSERT INTO subscriptions (group_id, type, stripe_id, stripe_status) VALUES (1, 'default', 'soak', 'active')
            """,
            """
            INSERT INTO personal_access_tokens (id, tokenable_type, tokenable_id, name, token, abilities) \
            VALUES (1, 'App\\\\Models\\\\User', 1, 'soak', SHA2('soak', 256), '["*"]')
            """,
            """
            INSERT INTO wishlist_to_groups (id, group_id, name, slug, status) SELECT seq, 1, CONCAT('Wishlist ', seq), \
            IF(seq > \(Self.slots), CONCAT('created-', seq - \(Self.slots)), CONCAT('soak-', seq)), 1 \
            FROM \(unescaped: "seq_1_to_\(last)")
            """,
            """
            INSERT INTO wishlist_products (wishlist_to_group_id, product_id, name) \
            SELECT seq, seq, 'Sofa' FROM \(unescaped: "seq_\(Self.slots + 1)_to_\(last)")
            """,
            """
            INSERT INTO wishlist_categories (wishlist_to_group_id, category_id, name) \
            SELECT seq, seq, 'Sofas' FROM \(unescaped: "seq_\(Self.slots + 1)_to_\(last)")
            """,
            """
            INSERT INTO wishlist_search_queries (wishlist_to_group_id, query) \
            SELECT seq, 'sofa' FROM \(unescaped: "seq_\(Self.slots + 1)_to_\(last)")
            """,
            """
            CREATE TABLE soak_removed (type VARCHAR(100) NOT NULL, is_load BOOLEAN NOT NULL, is_change BOOLEAN NOT NULL, \
            events BIGINT UNSIGNED NOT NULL, checksum BIGINT UNSIGNED NOT NULL, \
            PRIMARY KEY (type, is_load, is_change)) ENGINE = InnoDB
            """,
            """
            CREATE TRIGGER soak_count AFTER DELETE ON wishlist_dataset_events FOR EACH ROW \
            INSERT INTO soak_removed VALUES (COALESCE(OLD.type, ''), OLD.event_key LIKE '\(unescaped: Self.pattern)', \
            OLD.revision IS NOT NULL, 1, \(unescaped: SoakChecksum.of(column: "OLD.event_key"))) \
            ON DUPLICATE KEY UPDATE events = events + 1, checksum = checksum + \(unescaped: SoakChecksum.of(column: "OLD.event_key"))
            """,
        ] {
            try await connection.execute(statement)
        }
        await connection.close()
    }

    private static let pattern = "soak\\\\_%"

    /// Adds rows of datasets that the TV Python API has taken on, as though another instance had created them.
    func add(_ datasets: [SoakDataset]) async throws {
        guard !datasets.isEmpty else { return }
        let connection = try await MySQLConnection.connect(configuration)
        for dataset in datasets {
            try await connection.execute(
                """
                INSERT INTO wishlist_dataset_histories (wishlist_to_group_id, dataset_id, slug, status, reference, \
                created_by, heard_at, deadline_at, created_at, updated_at) VALUES (\(dataset.slot), \
                \(dataset.datasetID), \("soak-\(dataset.slot)"), 1, \(dataset.reference), 1, UTC_TIMESTAMP(6), \
                UTC_TIMESTAMP(6) + INTERVAL 30 MINUTE, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))
                """)
        }
        await connection.close()
    }

    struct Stored: Sendable {
        /// Of the load: how many, and the checksum of their ids.
        var webhooks = 0
        var checksum: UInt64 = 0
        /// Changes of histories, by the type of what made them.
        var changes: [String: Int] = [:]
    }

    /// All that was ever stored in the log: what is there, and what was pruned.
    func stored() async throws -> Stored {
        let connection = try await MySQLConnection.connect(configuration)
        let rows = try await connection.query(
            """
            SELECT type, is_load, is_change, CAST(SUM(events) AS UNSIGNED), CAST(SUM(checksum) AS UNSIGNED) FROM ( \
            SELECT COALESCE(type, '') type, event_key LIKE '\(unescaped: Self.pattern)' is_load, \
            revision IS NOT NULL is_change, COUNT(*) events, SUM(\(unescaped: SoakChecksum.of(column: "event_key"))) checksum \
            FROM wishlist_dataset_events GROUP BY 1, 2, 3 UNION ALL SELECT * FROM soak_removed) everything \
            GROUP BY 1, 2, 3
            """)
        var stored = Stored()
        for row in rows {
            let count = Int(try row.int64(3))
            if try row.int64(1) == 1 {
                stored.webhooks += count
                stored.checksum &+= UInt64(try row.int64(4))
            }
            if try row.int64(2) == 1 { stored.changes[try row.string(0), default: 0] += count }
        }
        await connection.close()
        return stored
    }

    /// What is left to do: notifications owed, or soon, as webhooks of a known dataset are parked; dead letters; and datasets
    /// made through the API that are not over.
    func left() async throws -> (owed: Int, dead: Int, active: Int) {
        let connection = try await MySQLConnection.connect(configuration)
        let rows = try await connection.query(
            """
            SELECT (SELECT COUNT(*) FROM wishlist_dataset_histories \
            WHERE dispatcher > 0 OR notified_revision < revision) \
            + (SELECT COUNT(*) FROM wishlist_dataset_parked p \
            JOIN wishlist_dataset_histories h ON h.dataset_id = p.dataset_id), \
            (SELECT COUNT(*) FROM wishlist_dataset_dead_letters), \
            (SELECT COUNT(*) FROM wishlist_dataset_histories WHERE status IN (0, 1, 2) AND slug LIKE 'created-%')
            """)
        await connection.close()
        return (Int(try rows[0].int64(0)), Int(try rows[0].int64(1)), Int(try rows[0].int64(2)))
    }

    /// The server's folder.
    func folder() async throws -> String {
        let connection = try await MySQLConnection.connect(configuration)
        let rows = try await connection.query("SELECT @@datadir")
        await connection.close()
        return try rows[0].string(0)
    }
}
