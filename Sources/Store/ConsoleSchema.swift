package import MySQL

/// How the tables that the console has differ from those that this service is made for: read from `information_schema`, not
/// believed by their names.
package enum ConsoleSchema {
    /// Something that is otherwise than it should be.
    package struct Difference: Sendable, Equatable {
        /// Calls fail until it is mended; otherwise something is cut or slow.
        package var isFatal: Bool
        /// Names the table and the column.
        package var text: String
        package var remedy: String
    }

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
        for (table, names) in needed {
            let columns = Set(try connection.columns(of: table).map { $0.name.lowercased() })
            if columns.isEmpty {
                missing.append(
                    Difference(
                        isFatal: true, text: "there is no table \(table)",
                        remedy: "is DB_DATABASE the console's? Is SELECT on the table granted?"))
                continue
            }
            for name in names where !columns.contains(name) {
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
        try missing(on: connection) + histories(on: connection) + indexes(on: connection)
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
        for column in try connection.columns(of: table)
        where !column.isNullable && column.defaultValue == nil && !inserted.contains(column.name.lowercased())
            && !column.extra.contains("auto_increment") && !column.extra.contains("generated")
        {
            differences.append(
                Difference(
                    isFatal: true, text: "\(table).\(column.name) is NOT NULL without a default, and not known here",
                    remedy: "ALTER TABLE \(table) MODIFY COLUMN \(column.name) \(column.fullType) NULL"))
        }
        return differences
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
