package import MySQL

/// How the tables that the console has differ from those that this service is made for: read from `information_schema`, not
/// believed by their names.
package enum ConsoleSchema {
    package typealias Difference = SchemaDifference

    /// What is read of the console's own tables.
    private static let needed: [(table: String, columns: [String])] = [
        ("users", ["id", "name"]), ("groups", ["id", "name"]), ("group_user", ["group_id", "user_id", "role"]),
        ("subscriptions", ["group_id", "stripe_status", "trial_ends_at", "ends_at"]),
        (
            "personal_access_tokens",
            ["id", "tokenable_type", "tokenable_id", "token", "abilities", "last_used_at", "created_at"]
        ),
        ("wishlist_to_groups", ["id", "group_id", "name", "slug", "status", "updated_at", "deleted_at"]),
        ("wishlist_products", ["id", "wishlist_to_group_id", "product_id", "name", "sku", "url"]),
        ("wishlist_categories", ["id", "wishlist_to_group_id", "category_id", "name"]),
        ("wishlist_search_queries", ["id", "wishlist_to_group_id", "query"]),
        ("wishlist_dataset_histories", ["id", "wishlist_to_group_id", "dataset_id", "slug", "status"]),
    ]

    private static let remedies = [
        "group_user.role": "ALTER TABLE group_user ADD COLUMN role VARCHAR(32) NOT NULL DEFAULT 'editor'",
        "subscriptions.group_id": """
        subscriptions are billed to groups here: Cashier::useCustomerModel(Group::class), and ALTER TABLE subscriptions \
        ADD COLUMN group_id BIGINT UNSIGNED NULL, ADD INDEX (group_id, stripe_status)
        """,
    ]

    /// Tables and columns that are needed and not there.
    package static func missing(on connection: isolated MySQLConnection) throws(MySQLError) -> [Difference] {
        var missing: [Difference] = []
        for (table, _) in needed where try connection.columns(of: table).isEmpty {
            missing.append(noTable(table, remedy: "is DB_DATABASE the console's? Is SELECT on the table granted?"))
        }
        return try missing + missingColumns(on: connection)
    }

    private static func noTable(_ table: String, remedy: String) -> Difference {
        Difference(isFatal: true, text: "there is no table \(table)", remedy: remedy)
    }

    /// Columns that are needed and not there, of tables that are.
    private static func missingColumns(
        on connection: isolated MySQLConnection, but added: [String] = []
    ) throws(MySQLError) -> [Difference] {
        var missing: [Difference] = []
        for (table, names) in needed {
            let columns = Set(try connection.columns(of: table).map { $0.name.lowercased() })
            if columns.isEmpty { continue }
            for name in names where !columns.contains(name) && !added.contains("\(table).\(name)") {
                let hint = name == "group_id" && columns.contains("user_id") ? ", but user_id" : ""
                missing.append(
                    Difference(
                        isFatal: true, text: "\(table) has no column \(name)\(hint)",
                        remedy: remedies["\(table).\(name)"] ?? "the README's diagram has the tables as they have to be"
                    ))
            }
        }
        return missing
    }

    /// All differences, of the columns and indexes of the histories too.
    package static func differences(on connection: isolated MySQLConnection) throws(MySQLError) -> [Difference] {
        try missing(on: connection) + unusable(on: connection) + histories(on: connection) + indexes(on: connection)
    }

    // MARK: Before the migrations

    /// Columns of `needed` that the migrations add.
    private static let added = ["group_id", "updated_at", "deleted_at"].map { "wishlist_to_groups.\($0)" }

    /// What is in the way of the migrations: they would fail, or the service could not work with what they leave. Columns and
    /// indexes that the migrations would add themselves are compared by `Migrator.check`.
    package static func obstacles(on connection: isolated MySQLConnection) throws(MySQLError) -> [Difference] {
        var obstacles: [Difference] = []
        // In an empty schema the migrations make all tables. A console has them, under these names: an empty `groups` beside
        // its `teams` would take all that they have from its users.
        if try !connection.columns(of: "users").isEmpty, try !connection.query("SELECT 1 FROM users LIMIT 1").isEmpty {
            for (table, _) in needed where table != HistoryTable.name {
                guard try connection.columns(of: table).isEmpty else { continue }
                obstacles.append(
                    noTable(
                        table,
                        remedy: """
                            is DB_DATABASE the console's? Its own migrations make this table; one that has another name and is \
                            only read may be shown by a view: CREATE VIEW `\(table)` AS SELECT ...
                            """))
            }
        }
        let prefixed = try connection.query(
            """
            SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
            AND RIGHT(TABLE_NAME, 19) = '_wishlist_to_groups'
            """
        ).first?.string(0)
        if let prefixed, try connection.columns(of: "wishlist_to_groups").isEmpty {
            obstacles.append(
                Difference(
                    isFatal: true, text: "there is no table wishlist_to_groups, but \(prefixed)",
                    remedy: "tables with a prefix are not found: RENAME TABLE, and `prefix` in config/database.php"))
        }
        return try obstacles + missingColumns(on: connection, but: added) + unusable(on: connection)
            + unknown(on: connection)
    }

    // MARK: Types

    /// Times that are compared or written.
    private static let times: [(table: String, columns: [String])] = [
        ("subscriptions", ["trial_ends_at", "ends_at"]),
        ("personal_access_tokens", ["last_used_at", "expires_at", "created_at", "updated_at"]),
        ("wishlist_to_groups", ["training_scheduled_at", "updated_at"]),
        (
            HistoryTable.name,
            ["created_at", "create_until", "owed_since", "dispatch_until"]
                + HistoryColumn.written.filter(\.isTime).map(\.name)
        ),
    ]

    /// Whole numbers, keys among them, and the types that hold them.
    private static let numbers: [(table: String, columns: [String], types: Set<String>)] = [
        ("users", ["id"], HistoryColumn.small), ("groups", ["id"], HistoryColumn.small),
        ("group_user", ["group_id", "user_id"], HistoryColumn.small),
        ("subscriptions", ["group_id"], HistoryColumn.small), ("personal_access_tokens", ["id"], HistoryColumn.small),
        ("wishlist_to_groups", ["id", "group_id", "status", "training_status"], HistoryColumn.small),
        (HistoryTable.name, ["id", "wishlist_to_group_id", "status", "notifications"], HistoryColumn.small),
        (HistoryTable.name, ["created_by", "revision", "notified_revision"], HistoryColumn.medium),
        (HistoryTable.name, ["sequence", "dispatcher"], HistoryColumn.large),
    ]

    /// Columns of a type with which statements fail, or find what is not meant.
    private static func unusable(on connection: isolated MySQLConnection) throws(MySQLError) -> [Difference] {
        var unusable: [Difference] = []
        for (table, names) in times {
            for name in names {
                guard let column = try connection.column(name, of: table),
                    !["datetime", "timestamp"].contains(column.type)
                else { continue }
                unusable.append(unfit(column, of: table, needed: "DATETIME or TIMESTAMP"))
            }
        }
        for (table, names, types) in numbers {
            for name in names {
                guard let column = try connection.column(name, of: table), !types.contains(column.type) else {
                    continue
                }
                let needed = types == HistoryColumn.small ? "a whole number" : "BIGINT"
                unusable.append(unfit(column, of: table, needed: needed))
            }
        }
        if let reference = try connection.column("reference", of: HistoryTable.name), reference.textLimit < 36 {
            unusable.append(unfit(reference, of: HistoryTable.name, needed: "CHAR(36)"))
        }
        for (table, _) in needed {
            guard let deleted = try connection.column("deleted_at", of: table), !deleted.isNullable else { continue }
            unusable.append(
                Difference(
                    isFatal: true, text: "\(table).deleted_at is NOT NULL: all its rows look deleted",
                    remedy: "ALTER TABLE `\(table)` MODIFY COLUMN deleted_at \(deleted.fullType) NULL"))
        }
        return unusable
    }

    private static func unfit(_ column: MySQLColumnDefinition, of table: String, needed: String) -> Difference {
        Difference(
            isFatal: true, text: "\(table).\(column.name) is \(column.fullType), must be \(needed)",
            remedy: "bring its values into that form and ALTER TABLE \(table) MODIFY COLUMN \(column.name)")
    }

    // MARK: The histories

    /// What a new row of the histories says.
    private static let inserted: Set = [
        "wishlist_to_group_id", "slug", "status", "reference", "name", "notifications", "created_by", "create_until",
        "created_at", "updated_at",
    ]

    private static func histories(on connection: isolated MySQLConnection) throws(MySQLError) -> [Difference] {
        let table = HistoryTable.name
        var differences: [Difference] = []
        for column in HistoryColumn.written {
            guard let found = try connection.column(column.name, of: table), !column.isAsMade(found) else { continue }
            differences.append(
                Difference(
                    isFatal: false,
                    text: """
                        \(table).\(column.name) is \(found.fullType)\(found.isNullable ? "" : " NOT NULL")\(set(found))
                        """,
                    remedy: "ALTER TABLE \(table) MODIFY COLUMN \(column.name) \(column.definition)"))
        }
        // MariaDB's JSON is a LONGTEXT with a constraint.
        let made = try connection.query("SHOW CREATE TABLE \(identifier: table)").first?.text(1) ?? ""
        if let result = try connection.column("result", of: table),
            result.type != "longtext" || result.characterSet != "utf8mb4" || made.contains("json_valid(`result`)")
        {
            differences.append(
                Difference(
                    isFatal: false, text: "\(table).result is \(result.fullType)\(set(result))",
                    remedy: """
                        ALTER TABLE \(table) MODIFY COLUMN result LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL; \
                        results that do not fit stay in the log alone
                        """))
        }
        return try differences + unknown(on: connection)
    }

    /// Columns of the histories that an INSERT of ours does not name, and would have to.
    private static func unknown(on connection: isolated MySQLConnection) throws(MySQLError) -> [Difference] {
        try connection.columns(of: HistoryTable.name).filter { column in
            !column.isNullable && column.defaultValue == nil && !inserted.contains(column.name.lowercased())
                && column.name.lowercased() != "dataset_id" && !column.extra.contains("auto_increment")
                && !column.extra.contains("generated")
        }.map { column in
            Difference(
                isFatal: true,
                text: "\(HistoryTable.name).\(column.name) is NOT NULL without a default, and not known here",
                remedy: "ALTER TABLE \(HistoryTable.name) MODIFY COLUMN \(column.name) \(column.fullType) NULL")
        }
    }

    private static func set(_ column: MySQLColumnDefinition) -> String {
        column.characterSet.map { " in \($0)" } ?? ""
    }

    // MARK: Indexes

    private static let expected: [(table: String, name: String, columns: [String], isUnique: Bool)] = [
        (HistoryTable.name, "histories_dataset_id", ["dataset_id"], false),
        (HistoryTable.name, "histories_reference", ["reference"], true),
        (HistoryTable.name, "histories_wishlist", ["wishlist_to_group_id", "id"], false),
        (HistoryTable.name, "histories_deadline_at", ["deadline_at"], false),
        (HistoryTable.name, "histories_active_wishlist", ["active_wishlist_id"], true),
        (HistoryTable.name, "histories_wishlist_status", ["wishlist_to_group_id", "status"], false),
        (HistoryTable.name, "histories_wishlist_created_at", ["wishlist_to_group_id", "created_at"], false),
        (HistoryTable.name, "histories_wishlist_updated_at", ["wishlist_to_group_id", "quiet_updated_at"], false),
        (HistoryTable.name, "histories_dispatcher", ["dispatcher"], false),
        (HistoryTable.name, "histories_status", ["status"], false),
        ("wishlist_to_groups", "wishlists_group", ["group_id"], false),
    ]

    private static func indexes(on connection: isolated MySQLConnection) throws(MySQLError) -> [Difference] {
        var found: [String: (columns: [String], isUnique: Bool)] = [:]
        let rows = try connection.query(
            """
            SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, NON_UNIQUE = 0 FROM information_schema.STATISTICS \
            WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('wishlist_dataset_histories', 'wishlist_to_groups') \
            ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX
            """)
        for row in rows {
            let key = "\(try row.string(0)).\(try row.string(1))"
            let isUnique = try row.bool(3)
            found[key, default: ([], isUnique)].columns.append(try row.text(2)?.lowercased() ?? "")
        }
        return expected.compactMap { table, name, columns, isUnique in
            let index = found["\(table).\(name)"]
            if let index, index.columns == columns, index.isUnique == isUnique { return nil }
            let add = "ADD \(isUnique ? "UNIQUE " : "")INDEX \(name) (\(columns.joined(separator: ", ")))"
            guard let index else {
                return Difference(
                    isFatal: true, text: "\(table) has no index \(name)", remedy: "ALTER TABLE \(table) \(add)")
            }
            return Difference(
                isFatal: isUnique,
                text: "the index \(name) of \(table) is on (\(index.columns.joined(separator: ", ")))"
                    + "\(index.isUnique ? ", unique" : "")",
                remedy: "ALTER TABLE \(table) DROP INDEX \(name), \(add)")
        }
    }
}
