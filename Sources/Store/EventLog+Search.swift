package import MySQL
package import Time

/// Some events, newest first, and where to go on.
package struct LogPage: Sendable {
    package var entries: [LogEntry] = []
    /// The next page has the events below this id; nil: there are no more.
    package var next: Int64?
    /// The search ended here for its cost, not because the page was full: older events were not looked at.
    package var searchedTo: Timestamp?
}

/// Searches in the log whose cost does not grow with its length. There is an index on the webhook-id, on the history, and on
/// the outcome; for all else a page looks at so many rows at most, and says how far it has come.
extension EventLog {
    /// Rows looked at by one page: first few, then more if they do not fill it.
    private static let windows: [Int64] = [1000, 20_000]
    /// Histories that a dataset, a reference or a slug may stand for.
    private static let histories = 200

    /// The events that are meant, newest first.
    /// - Parameter before: only those with a lower id.
    package static func page(
        _ filter: LogFilter, before: Int64? = nil, limit: Int, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> LogPage {
        let ids = try range(of: filter, before: before, on: connection)
        if filter.key != nil || filter.namesHistories {
            return try page(found: meant(filter, ids, limit, on: connection), filter, ids, limit, on: connection)
        }
        let sources: [EventOutcome?] =
            filter.outcomes.isEmpty || filter.outcomes.contains(.applied) ? [nil] : filter.outcomes.map { $0 }
        let isSelective = filter.type != nil || (sources == [nil] && !filter.outcomes.isEmpty)
        var page = LogPage()
        for window in isSelective ? windows : [.max] {
            var horizon: Int64?
            var entries: [LogEntry] = []
            for source in sources {
                let from = try isSelective ? start(of: source, ids, window, on: connection) : nil
                let part = (from ?? ids.lowerBound)..<ids.upperBound
                entries += try read(source, filter, part, limit + 1, on: connection)
                if let from { horizon = max(horizon ?? 0, from) }
            }
            entries.sort { $0.id > $1.id }
            if let horizon { entries.removeAll { $0.id < horizon } }
            page = LogPage(entries: Array(entries.prefix(limit)))
            if entries.count > limit {
                page.next = page.entries.last?.id
                return page
            }
            guard let horizon else { return page }
            page.next = horizon
            page.searchedTo = try time(of: horizon, on: connection)
        }
        return page
    }

    /// The oldest events that are meant and that changed nothing, for a replay.
    package static func unapplied(
        _ filter: LogFilter, limit: Int64, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [Int64] {
        var filter = filter
        let open = EventOutcome.allCases.filter { $0 != .applied }
        filter.outcomes = filter.outcomes.isEmpty ? open : filter.outcomes.filter { $0 != .applied }
        if filter.outcomes.isEmpty { return [] }
        let ids = try range(of: filter, before: nil, on: connection)
        var sources: [SQL] = filter.outcomes.map {
            "wishlist_dataset_events e FORCE INDEX (events_outcome) WHERE e.outcome = \($0.rawValue) AND"
        }
        if filter.key != nil || filter.namesHistories {
            sources = ["\(try meant(filter, ids, nil, on: connection)) WHERE"]
        }
        var found: Set<Int64> = []
        for source in sources {
            let sql: SQL = "SELECT e.id FROM \(source) \(filter.conditions(ids)) ORDER BY e.id LIMIT \(limit)"
            for row in try connection.query(sql) { found.insert(try row.int64(0)) }
        }
        return Array(found.sorted().prefix(Int(limit)))
    }

    /// One event with its body, by its id or its webhook-id.
    package static func entry(
        _ which: String, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> (entry: LogEntry, body: [UInt8])? {
        let select: SQL = "SELECT \(LogEntry.columns), e.body FROM wishlist_dataset_events e WHERE"
        var row = try connection.query("\(select) e.event_key = \(which)").first
        if row == nil, let id = Int64(which) { row = try connection.query("\(select) e.id = \(id)").first }
        guard let row else { return nil }
        return (try LogEntry(from: row), try row.bytes("body"))
    }

    // MARK: Parts

    private static func range(
        of filter: LogFilter, before: Int64?, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> Range<Int64> {
        var ids = 0..<(before ?? .max)
        if let since = filter.since {
            ids = min(try firstID(since: since, on: connection), ids.upperBound)..<ids.upperBound
        }
        if let until = filter.until {
            let end = try firstID(since: until.adding(seconds: 2 * disorder), on: connection)
            ids = ids.lowerBound..<max(ids.lowerBound, min(end, ids.upperBound))
        }
        return ids
    }

    /// The lowest id of the newest `window` rows; nil: there are no more than these.
    private static func start(
        of outcome: EventOutcome?, _ ids: Range<Int64>, _ window: Int64, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> Int64? {
        let sql: SQL = """
            SELECT e.id FROM \(source(outcome)) e.id >= \(ids.lowerBound) AND e.id < \(ids.upperBound) \
            ORDER BY e.id DESC LIMIT 1 OFFSET \(window)
            """
        return try connection.query(sql).first?.int64(0)
    }

    private static func source(_ outcome: EventOutcome?) -> SQL {
        guard let outcome else { return "wishlist_dataset_events e FORCE INDEX (PRIMARY) WHERE" }
        return "wishlist_dataset_events e FORCE INDEX (events_outcome) WHERE e.outcome = \(outcome.rawValue) AND"
    }

    private static func read(
        _ outcome: EventOutcome?, _ filter: LogFilter, _ ids: Range<Int64>, _ limit: Int,
        on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [LogEntry] {
        let sql: SQL = """
            SELECT \(LogEntry.columns) FROM \(source(outcome)) \(filter.conditions(ids)) ORDER BY e.id DESC LIMIT \(limit)
            """
        return try connection.query(sql).map { row throws(MySQLError) in try LogEntry(from: row) }
    }

    private static func page(
        found: SQL, _ filter: LogFilter, _ ids: Range<Int64>, _ limit: Int, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> LogPage {
        let sql: SQL = """
            SELECT \(LogEntry.columns) FROM \(found) WHERE \(filter.conditions(ids)) ORDER BY e.id DESC LIMIT \(limit + 1)
            """
        let entries = try connection.query(sql).map { row throws(MySQLError) in try LogEntry(from: row) }
        return LogPage(
            entries: Array(entries.prefix(limit)), next: entries.count > limit ? entries[limit - 1].id : nil)
    }

    /// The events of the key, or of the histories that are meant, as what follows FROM; they are called `e`. What has no
    /// history, for it waits or was rejected, is found by the dataset.
    /// - Parameter limit: of the events of the histories, the newest; nil: all.
    private static func meant(
        _ filter: LogFilter, _ ids: Range<Int64>, _ limit: Int?, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> SQL {
        guard filter.namesHistories else { return "wishlist_dataset_events e FORCE INDEX (events_event_key)" }
        let found = try historyIDs(filter, on: connection)
        var newest: SQL = ""
        if let limit { newest = " ORDER BY e.id DESC LIMIT \(limit + 1)" }
        var parts: SQL = """
            (SELECT e.id FROM wishlist_dataset_events e FORCE INDEX (events_history_revision) \
            WHERE e.history_id IN \(list: found.histories) AND \(filter.conditions(ids))\(newest))
            """
        if filter.history == nil {
            let datasets = found.datasets
            parts.append(
                """
                 UNION (SELECT p.event_id FROM wishlist_dataset_parked p WHERE p.dataset_id IN \(list: datasets)) \
                UNION (SELECT r.event_id FROM wishlist_dataset_rejected r WHERE r.dataset_id IN \(list: datasets))
                """ as SQL)
        }
        return "(\(parts)) AS meant STRAIGHT_JOIN wishlist_dataset_events e ON e.id = meant.id"
    }

    private static func historyIDs(
        _ filter: LogFilter, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> (histories: [Int64], datasets: [Int64]) {
        var index: SQL = "histories_dataset_id"
        var conditions: SQL = "TRUE"
        if let slug = filter.slug {
            index = "histories_wishlist"
            let isMeant = try connection.equality(of: "slug", in: "wishlist_to_groups", to: slug)
            let wishlist = try connection.query("SELECT id FROM wishlist_to_groups WHERE \(isMeant)").first?.int64(0)
            conditions.append(" AND h.wishlist_to_group_id = \(wishlist ?? 0)" as SQL)
        }
        if let dataset = filter.dataset {
            index = "histories_dataset_id"
            conditions.append(" AND h.dataset_id = \(dataset)" as SQL)
        }
        if let reference = filter.reference {
            index = "histories_reference"
            let isMeant = try connection.equality(
                of: "reference", in: "wishlist_dataset_histories", alias: "h.", to: reference)
            conditions.append(" AND \(isMeant)" as SQL)
        }
        if let history = filter.history {
            index = "PRIMARY"
            conditions.append(" AND h.id = \(history)" as SQL)
        }
        let sql: SQL = """
            SELECT h.id, h.dataset_id FROM wishlist_dataset_histories h FORCE INDEX (\(index)) WHERE \(conditions) \
            ORDER BY h.id DESC LIMIT \(histories)
            """
        var found: (histories: [Int64], datasets: [Int64]) = ([], filter.dataset.map { [$0] } ?? [])
        for row in try connection.query(sql) {
            found.histories.append(try row.int64(0))
            if filter.dataset == nil, let dataset = try row.number(1) { found.datasets.append(dataset) }
        }
        // A history that is gone has left its events.
        if let history = filter.history, found.histories.isEmpty { found.histories = [history] }
        return found
    }

    private static func time(of id: Int64, on connection: isolated MySQLConnection) throws(MySQLError) -> Timestamp? {
        try connection.query("SELECT recorded_at FROM wishlist_dataset_events WHERE id >= \(id) ORDER BY id LIMIT 1")
            .first?.timestamp(0)
    }

    // MARK: Time

    /// Transactions that overlap give out ids in another order than times; never by more than this, in seconds.
    private static let disorder: Int64 = 120

    /// An id that no event since `time` is below, and hardly any before it is above. Found by halving: there is no index
    /// on the time, and the log may be long.
    package static func firstID(
        since time: Timestamp, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> Int64 {
        try id(at: time.adding(seconds: -disorder), on: connection)
    }

    /// The id of the first event recorded at `time` or later, as exactly as ids and times go in step.
    static func id(at time: Timestamp, on connection: isolated MySQLConnection) throws(MySQLError) -> Int64 {
        let bounds = try connection.query("SELECT MIN(id), MAX(id) FROM wishlist_dataset_events")
        guard let row = bounds.first, var low = try row.optionalInt64(0), let last = try row.optionalInt64(1) else {
            return 0
        }
        var high = last + 1
        while low < high {
            let middle = low + (high - low) / 2
            let next = try connection.query(
                "SELECT id, recorded_at FROM wishlist_dataset_events WHERE id >= \(middle) ORDER BY id LIMIT 1")
            if let row = next.first, try row.timestamp(1) < time {
                low = try row.int64(0) + 1
            } else {
                high = middle
            }
        }
        return low
    }
}
