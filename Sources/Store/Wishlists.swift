package import Datasets
package import MySQL
import Time

/// Who may see which wishlist, and whether the group has paid (spec, sections 2 and 6). Read only.
package struct Wishlists: Sendable {
    let pool: MySQLPool

    package init(pool: MySQLPool) {
        self.pool = pool
    }

    /// The wishlist, if there is one of this slug and the user is a member of its group; neither may be deleted.
    package func find(slug: String, user: Int64) async throws -> Wishlist? {
        let row = try await pool.withConnection { connection in
            // A slug is compared as bytes: `A` is another than `a`, whatever the column's collation says.
            let isMeant = try connection.equality(of: "slug", in: "wishlist_to_groups", alias: "w.", to: slug)
            return try connection.query(
                """
                SELECT \(Self.columns) FROM wishlist_to_groups w JOIN `groups` g ON g.id = w.group_id \
                JOIN group_user m ON m.group_id = w.group_id AND m.user_id = \(user) \
                WHERE \(isMeant) AND w.deleted_at IS NULL\(try Self.membersOnly(on: connection))
                """
            ).first
        }
        return try row.map(Self.wishlist(from:))
    }

    /// A condition that group `g` and membership `m` are not deleted, where the console deletes softly; begins with AND.
    static func membersOnly(on connection: isolated MySQLConnection) throws(MySQLError) -> SQL {
        "\(try connection.notDeleted("groups", alias: "g."))\(try connection.notDeleted("group_user", alias: "m."))"
    }

    /// What `wishlist(from:)` reads; `w` is the wishlist, `m` the membership.
    package static let columns: SQL = """
        w.id, w.slug, w.name, w.group_id, w.status, w.training_status, w.training_scheduled_at, m.role
        """

    /// Reads a row of `columns`.
    package static func wishlist(from row: MySQLRow) throws(MySQLError) -> Wishlist {
        Wishlist(
            id: try row.int64(0), slug: try row.text(1) ?? "", name: try row.text(2) ?? "", groupID: try row.int64(3),
            status: try row.number(4) ?? 0,
            training: TrainingStatus(rawValue: Int(clamping: try row.number(5) ?? 0)) ?? .none,
            trainingScheduledAt: try row.time(6), role: Wishlist.Role(rawValue: try row.text(7) ?? "") ?? .viewer)
    }

    /// Whether the user is a member of the group.
    package func isMember(user: Int64, group: Int64) async throws -> Bool {
        try await pool.withConnection { connection in
            try !connection.query(
                """
                SELECT 1 FROM group_user m JOIN `groups` g ON g.id = m.group_id \
                WHERE m.group_id = \(group) AND m.user_id = \(user)\(try Self.membersOnly(on: connection))
                """
            ).isEmpty
        }
    }

    /// Whether the subscription `s` is valid.
    static func isValid(on connection: isolated MySQLConnection) -> SQL {
        let now = connection.consoleTime.boundary()
        return """
            (s.trial_ends_at > \(now) OR s.ends_at > \(now) \
            OR (s.ends_at IS NULL AND s.stripe_status IN ('active', 'trialing')))
            """
    }

    /// The names of users.
    package static func names(
        ofUsers ids: Set<Int64>, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [Int64: String] {
        var names: [Int64: String] = [:]
        if ids.isEmpty { return names }
        for row in try connection.query("SELECT id, name FROM users WHERE id IN \(list: ids.sorted())") {
            names[try row.int64(0)] = try row.text(1)
        }
        return names
    }

    /// The user's name.
    package func name(ofUser user: Int64) async throws -> String {
        let sql: SQL = "SELECT name FROM users WHERE id = \(user)"
        return try await pool.withConnection { try $0.query(sql).first?.text(0) } ?? ""
    }

    /// Whether one of the group's subscriptions is valid: on trial, in its grace period, or active.
    package func hasValidSubscription(group: Int64) async throws -> Bool {
        try await pool.withConnection { connection in
            try !connection.query(
                """
                SELECT 1 FROM subscriptions s WHERE s.group_id = \(group) AND \(Self.isValid(on: connection)) LIMIT 1
                """
            ).isEmpty
        }
    }
}
