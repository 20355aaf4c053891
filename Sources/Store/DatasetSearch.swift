package import Datasets
package import MySQL
package import Time

/// Which histories are meant, across all customers.
package struct DatasetFilter: Sendable, Equatable {
    /// The TV Python API's number.
    package var dataset: Int64?
    package var history: Int64?
    package var reference: String?
    package var slug: String?
    package var wishlist: Int64?
    package var group: Int64?
    package var statuses: [HistoryStatus] = []
    /// Only those that are active and of which nothing has been heard for too long.
    package var isLate = false

    package init() {}
}

/// A history as an operator sees it.
package struct DatasetFinding: Sendable {
    package var history: DatasetHistory
    package var wishlistSlug: String?
    package var wishlistName: String?
    package var groupID: Int64?
    /// When the lease of the instance that calls the TV Python API runs out; nil: nobody has to.
    package var createUntil: Timestamp?
    /// When the first change arose that is not known to be delivered; nil: all are.
    package var owedSince: Timestamp?
    /// The database's clock.
    package var now: Timestamp
}

/// Searches for histories whose cost does not grow with their number: each by an index, newest first.
package enum DatasetSearch {
    /// Late ones looked at: more are not shown.
    private static let late = 1000

    private static let select: SQL = """
        SELECT \(HistoryTable.columns), w.slug AS wishlist_slug, w.name AS wishlist_name, w.group_id AS wishlist_group, \
        h.create_until AS claim_until, UTC_TIMESTAMP(6) AS db_now, \
        IF(h.dispatcher > 0 AND h.notified_revision < h.revision, (SELECT o.recorded_at FROM wishlist_dataset_events o \
        WHERE o.history_id = h.id AND o.revision = h.notified_revision + 1 LIMIT 1), NULL) AS owed_at
        """

    /// - Parameters:
    ///   - before: only those with a lower id.
    ///   - deadlineSeconds: `DATASET_DEADLINE_SECONDS`, for those that are late.
    package static func page(
        _ filter: DatasetFilter, before: Int64? = nil, limit: Int, deadlineSeconds: Int64,
        on connection: isolated MySQLConnection
    ) throws(MySQLError) -> (found: [DatasetFinding], next: Int64?) {
        if filter.isLate {
            return try late(filter, before: before, limit: limit, deadlineSeconds, on: connection)
        }
        var (index, condition) = ("PRIMARY", "TRUE" as SQL)
        var from: SQL = "wishlist_dataset_histories h"
        var rest: SQL = ""
        if let history = filter.history {
            condition = "h.id = \(history)"
        } else if let reference = filter.reference {
            index = "histories_reference"
            condition = try connection.equality(
                of: "reference", in: "wishlist_dataset_histories", alias: "h.", to: reference)
        } else if let dataset = filter.dataset {
            (index, condition) = ("histories_dataset_id", "h.dataset_id = \(dataset)")
        } else if let wishlist = filter.wishlist {
            (index, condition) = ("histories_wishlist", "h.wishlist_to_group_id = \(wishlist)")
        } else if let slug = filter.slug {
            let isMeant = try connection.equality(of: "slug", in: "wishlist_to_groups", alias: "s.", to: slug)
            index = "histories_wishlist"
            condition = "h.wishlist_to_group_id = (SELECT s.id FROM wishlist_to_groups s WHERE \(isMeant) LIMIT 1)"
        } else if let group = filter.group {
            index = "histories_wishlist"
            from = """
                wishlist_to_groups g FORCE INDEX (wishlists_group) STRAIGHT_JOIN wishlist_dataset_histories h
                """
            condition = "g.group_id = \(group) AND h.wishlist_to_group_id = g.id"
        } else if !filter.statuses.isEmpty {
            return try byStatus(filter, before: before, limit: limit, on: connection)
        }
        if !filter.statuses.isEmpty { rest = " AND h.status IN \(list: filter.statuses.map(\.rawValue))" }
        let ids: SQL = """
            SELECT h.id FROM \(from) FORCE INDEX (\(unescaped: index)) WHERE \(condition) AND h.id < \(before ?? .max)\(rest) \
            ORDER BY h.id DESC LIMIT \(limit + 1)
            """
        return try read(ids, limit: limit, on: connection)
    }

    /// How many are active, late and stalled; counted up to `limit`.
    package static func counts(
        deadlineSeconds: Int64, limit: Int64 = 10_000, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> (byStatus: [HistoryStatus: Int64], late: Int) {
        var counts: [HistoryStatus: Int64] = [:]
        for status in HistoryStatus.allCases {
            let row = try connection.query(
                """
                SELECT COUNT(*) FROM (SELECT 1 FROM wishlist_dataset_histories FORCE INDEX (histories_status) \
                WHERE status = \(status.rawValue) LIMIT \(limit)) t
                """
            ).first
            counts[status] = try row?.int64(0) ?? 0
        }
        let late = try late(DatasetFilter(), before: nil, limit: self.late, deadlineSeconds, on: connection)
        return (counts, late.found.count)
    }

    /// Each status is a pass of its own over the index, in its order.
    private static func byStatus(
        _ filter: DatasetFilter, before: Int64?, limit: Int, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> (found: [DatasetFinding], next: Int64?) {
        var ids: SQL = ""
        for (index, status) in filter.statuses.enumerated() {
            if index > 0 { ids.append(unescaped: " UNION ALL ") }
            ids.append(
                """
                (SELECT h.id FROM wishlist_dataset_histories h FORCE INDEX (histories_status) \
                WHERE h.status = \(status.rawValue) AND h.id < \(before ?? .max) ORDER BY h.id DESC LIMIT \(limit + 1))
                """ as SQL)
        }
        return try read(ids, limit: limit, on: connection)
    }

    private static func late(
        _ filter: DatasetFilter, before: Int64?, limit: Int, _ deadlineSeconds: Int64,
        on connection: isolated MySQLConnection
    ) throws(MySQLError) -> (found: [DatasetFinding], next: Int64?) {
        let lead = DatasetHistory.redeliveryLead(of: deadlineSeconds)
        let ids: SQL = """
            (SELECT h.id FROM wishlist_dataset_histories h FORCE INDEX (histories_deadline_at) \
            WHERE h.deadline_at <= UTC_TIMESTAMP(6) + INTERVAL \(lead) MICROSECOND ORDER BY h.deadline_at \
            LIMIT \(late)) UNION (SELECT h.id FROM wishlist_dataset_histories h FORCE INDEX (histories_status) \
            WHERE h.status = \(HistoryStatus.pending.rawValue) AND h.create_until < UTC_TIMESTAMP(6) LIMIT \(late))
            """
        var found = try read(ids, limit: 2 * late, on: connection).found.filter {
            $0.isLate(deadlineSeconds: deadlineSeconds) && $0.history.id < before ?? .max
        }
        let isMore = found.count > limit
        found = Array(found.prefix(limit))
        return (found, isMore ? found.last?.history.id : nil)
    }

    private static func read(
        _ ids: SQL, limit: Int, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> (found: [DatasetFinding], next: Int64?) {
        let sql: SQL = """
            \(select) FROM (\(ids)) AS meant STRAIGHT_JOIN wishlist_dataset_histories h ON h.id = meant.id \
            LEFT JOIN wishlist_to_groups w ON w.id = h.wishlist_to_group_id ORDER BY h.id DESC LIMIT \(limit + 1)
            """
        var found = try connection.query(sql).map { row throws(MySQLError) in
            DatasetFinding(
                history: try HistoryTable.history(from: row), wishlistSlug: try row.text("wishlist_slug"),
                wishlistName: try row.text("wishlist_name"), groupID: try row.number("wishlist_group"),
                createUntil: try row.optionalTimestamp("claim_until"), owedSince: try row.optionalTimestamp("owed_at"),
                now: try row.timestamp("db_now"))
        }
        let isMore = found.count > limit
        found = Array(found.prefix(limit))
        return (found, isMore ? found.last?.history.id : nil)
    }
}

extension DatasetFinding {
    /// Nothing has been heard for so long that webhooks have been asked for again, or are about to be; or nobody has the
    /// create call in hand.
    package func isLate(deadlineSeconds: Int64) -> Bool {
        switch history.silenceStep(at: now, deadlineSeconds: deadlineSeconds) {
        case .ask, .stall: true
        case .wait: history.redeliveryAskedAt != nil
        case .nothing: history.status == .pending && createUntil.map { $0 < now } ?? true
        }
    }
}
