package import MySQL

/// A right on a table that the service needs. All of them stand in `fixtures/deploy/grants.sql` too.
package struct DatabaseRight: Sendable, Equatable {
    package enum Verb: String, Sendable {
        case select = "SELECT"
        case insert = "INSERT"
        case update = "UPDATE"
        case delete = "DELETE"
    }

    package let verb: Verb
    package let table: String
    /// Those that are updated.
    var columns: [String]
    /// The table is the console's: no more than these columns may be updated.
    let isShared: Bool

    private init(_ verb: Verb, _ table: String, columns: [String] = [], isShared: Bool = false) {
        self.verb = verb
        self.table = table
        self.columns = columns
        self.isShared = isShared
    }

    /// As it stands in a GRANT.
    package var text: String { isShared ? "\(verb.rawValue) (\(columns.joined(separator: ", ")))" : verb.rawValue }

    /// What `serve` and the operator's commands need; `migrate` needs others.
    package static let needed: [DatabaseRight] =
        [
            "users", "groups", "group_user", "subscriptions", "wishlist_products", "wishlist_categories",
            "wishlist_search_queries", "integrator_migrations",
        ].map { DatabaseRight(.select, $0) }
        + shared("personal_access_tokens", ["last_used_at"])
        + shared("wishlist_to_groups", ["training_status", "training_scheduled_at", "updated_at"])
        + own("wishlist_dataset_histories", [.select, .insert, .update], column: "status")
        + own("wishlist_dataset_events", [.select, .insert, .update, .delete], column: "outcome")
        + own("wishlist_dataset_parked", [.select, .insert, .delete])
        + own("wishlist_dataset_dead_letters", [.select, .insert, .update, .delete], column: "reason")
        + own("wishlist_dataset_requests", [.select, .insert, .delete])
        + own("wishlist_dataset_retryable", [.select, .insert, .update, .delete], column: "retryable")
        + own("wishlist_dataset_rejected", [.select, .insert, .delete])
        + own("integrator_actions", [.select, .insert, .update], column: "result")
        + own("integrator_refused_webhooks", [.select, .insert, .delete])
        + own("integrator_leases", [.select, .insert, .update, .delete], column: "renewed_at")
        + own("integrator_idempotency_keys", [.select, .insert, .update, .delete], column: "created_at")

    private static func shared(_ table: String, _ columns: [String]) -> [DatabaseRight] {
        [DatabaseRight(.select, table), DatabaseRight(.update, table, columns: columns, isShared: true)]
    }

    private static func own(_ table: String, _ verbs: [Verb], column: String = "") -> [DatabaseRight] {
        verbs.map { DatabaseRight($0, table, columns: $0 == .update ? [column] : []) }
    }

    /// A statement that needs this right, and neither reads nor changes a row: it is only explained.
    private var probe: SQL {
        switch verb {
        case .select: "EXPLAIN SELECT 1 FROM \(identifier: table) LIMIT 0"
        case .insert: "EXPLAIN INSERT INTO \(identifier: table) () VALUES ()"
        case .delete: "EXPLAIN DELETE FROM \(identifier: table)"
        case .update:
            // To read the old value would need another right.
            columns.dropFirst().reduce("EXPLAIN UPDATE \(identifier: table) SET \(identifier: columns[0]) = NULL") {
                "\($0), \(identifier: $1) = NULL"
            }
        }
    }

    /// What the user of a connection lacks.
    /// - Throws: what else goes wrong, a table that is not there among it.
    package static func lacking(on connection: MySQLConnection) async throws(MySQLError) -> [DatabaseRight] {
        var lacking: [DatabaseRight] = []
        for var right in needed {
            // To keep them as they are they have to be named: see `MySQLConnection.keepingTimes`.
            if right.isShared, right.verb == .update {
                let kept = try await connection.columns(of: right.table).filter(\.isSetOnUpdate).map(\.name)
                right.columns += kept.filter { !right.columns.contains($0) }
            }
            do throws(MySQLError) {
                _ = try await connection.query(right.probe)
            } catch  where error.isDenied {
                lacking.append(right)
            }
        }
        return lacking
    }
}

extension MySQLError {
    /// The user has not the right to do this to a table (1142) or a column (1143).
    package var isDenied: Bool { number == 1142 || number == 1143 }
}
