package import Datasets
package import MySQL
package import Time

/// One pass over an index of `wishlist_dataset_histories`, in the order of that index: no sorting, and as many rows read as
/// are returned, as long as all filters are in the index.
///
/// The index is named, so that a page costs tomorrow what it costs today. Sorting by `updated_at` takes two passes: an index
/// over a column that changes with every webhook would cost each of them, so the index has NULL for active datasets, of
/// which a wishlist has one (`quiet_updated_at`); they are read by their status and merged in (see `HistoryList`).
package struct HistoryScan: Sendable {
    /// Which rows of a list sorted by `updated_at`.
    enum Part {
        case all
        /// Those whose dataset is not active: the index has them in order.
        case quiet
        /// The few whose dataset is active; in no order that matters.
        case active
    }

    private let wishlistID: Int64
    private let query: HistoriesQuery
    private let part: Part
    /// A condition that rows are not deleted; begins with AND.
    private let visible: SQL

    init(wishlistID: Int64, query: HistoriesQuery, part: Part, visible: SQL = "") {
        self.wishlistID = wishlistID
        self.query = query
        self.part = part
        self.visible = visible
    }

    /// The passes that a query takes.
    package static func all(of wishlistID: Int64, _ query: HistoriesQuery, _ visible: SQL = "") -> [HistoryScan] {
        let parts: [Part] = query.sort == .updatedAt && query.datasetID == nil ? [.quiet, .active] : [.all]
        return parts.map { HistoryScan(wishlistID: wishlistID, query: query, part: $0, visible: visible) }
    }

    var isActivePart: Bool { part == .active }

    /// How many histories there are.
    package static func countStatement(of wishlistID: Int64, _ query: HistoriesQuery, _ visible: SQL = "") -> SQL {
        let scan = HistoryScan(wishlistID: wishlistID, query: query, part: .all, visible: visible)
        return "SELECT COUNT(*) FROM wishlist_dataset_histories h WHERE \(scan.filter)"
    }

    /// Positions: `id`, and what is sorted by.
    ///
    /// - Parameters:
    ///   - start: only what comes after it (or before it, of a cursor that points back).
    ///   - isReversed: against the order that was asked for.
    func positions(
        after start: HistoryPosition? = nil, isReversed: Bool = false, limit: Int, offset: Int = 0
    ) -> SQL {
        let isDescending = query.isDescending != isReversed
        var condition = filter
        if let start {
            condition.append(unescaped: " AND ")
            condition.append(Self.beyond(start, column, isDescending: isDescending))
        }
        let direction = isDescending ? "DESC" : "ASC"
        let order = column == "h.id" ? "h.id \(direction)" : "\(column) \(direction), h.id \(direction)"
        let skip = offset > 0 ? " OFFSET \(offset)" : ""
        return """
            SELECT h.id, \(unescaped: column) FROM wishlist_dataset_histories h FORCE INDEX (\(unescaped: index)) \
            WHERE \(condition) ORDER BY \(unescaped: order) LIMIT \(limit)\(unescaped: skip)
            """
    }

    /// Reads a row of `positions`.
    func position(from row: MySQLRow) throws(MySQLError) -> HistoryPosition {
        let key: HistoryPosition.Key =
            switch query.sort {
            case .id: .id
            case .createdAt, .updatedAt: .time(try row.time(1))
            case .status: .status(try row.number(1) ?? 0)
            }
        return HistoryPosition(key: key, id: try row.int64(0))
    }

    private var column: String {
        switch query.sort {
        case .updatedAt where part == .quiet: "h.quiet_updated_at"
        default: "h.\(query.sort.rawValue)"
        }
    }

    private var index: String {
        if query.datasetID != nil { return "histories_dataset_id" }
        if part == .active { return "histories_wishlist_status" }
        switch query.sort {
        case .id: return query.statuses.count == 1 ? "histories_wishlist_status" : "histories_wishlist"
        case .createdAt: return "histories_wishlist_created_at"
        case .updatedAt: return "histories_wishlist_updated_at"
        case .status: return "histories_wishlist_status"
        }
    }

    private static let active = HistoryStatus.allCases.filter(\.isActive).map(\.rawValue)

    /// The rows that are meant.
    private var filter: SQL {
        var sql: SQL = "h.wishlist_to_group_id = \(wishlistID)\(visible)"
        if !query.statuses.isEmpty { sql = "\(sql) AND h.status IN \(list: query.statuses.map(\.rawValue).sorted())" }
        if part == .quiet { sql = "\(sql) AND h.status NOT IN \(list: Self.active)" }
        if part == .active { sql = "\(sql) AND h.status IN \(list: Self.active)" }
        if let datasetID = query.datasetID { sql = "\(sql) AND h.dataset_id = \(datasetID)" }
        if let from = query.createdFrom {
            sql =
                from > .latestInTable ? "\(sql) AND FALSE" : "\(sql) AND h.created_at >= \(max(from, .earliestInTable))"
        }
        if let to = query.createdTo {
            sql = to < .earliestInTable ? "\(sql) AND FALSE" : "\(sql) AND h.created_at <= \(min(to, .latestInTable))"
        }
        return sql
    }

    /// What lies beyond a position. NULL is below all else.
    private static func beyond(_ start: HistoryPosition, _ column: String, isDescending: Bool) -> SQL {
        let (column, sign): (SQL, SQL) = ("\(unescaped: column)", isDescending ? "<" : ">")
        switch start.key {
        case .id: return "h.id \(sign) \(start.id)"
        case .status(let status):
            return "(\(column) \(sign) \(status) OR (\(column) = \(status) AND h.id \(sign) \(start.id)))"
        case .time(nil):
            let rest: SQL = isDescending ? "" : " OR \(column) IS NOT NULL"
            return "((\(column) IS NULL AND h.id \(sign) \(start.id))\(rest))"
        case .time(let time?):
            let rest: SQL = isDescending ? " OR \(column) IS NULL" : ""
            return "(\(column) \(sign) \(time) OR (\(column) = \(time) AND h.id \(sign) \(start.id))\(rest))"
        }
    }
}

extension Timestamp {
    /// What a column of type TIMESTAMP can hold in any time zone; a comparison with anything else is an error on some servers.
    package static let earliestInTable = Timestamp(seconds: 86_400)
    package static let latestInTable = Timestamp(microseconds: 2_147_483_647_999_999 - 86_400_000_000)
}
