import Store
import Time
import MySQL

/// Which events of the log are meant.
struct EventFilter: Sendable {
    var dataset: Int64?
    var history: Int64?
    var outcomes: [EventOutcome] = []
    var since: Timestamp?
    var limit: Int64 = 50

    /// Takes the options of a filter from a command line.
    init(_ arguments: inout Arguments) throws(CommandLineTool.UsageError) {
        dataset = try arguments.number("--dataset")
        history = try arguments.number("--history")
        since = try arguments.time("--since")
        limit = try arguments.number("--limit") ?? limit
        for name in try arguments.option("--outcome")?.split(separator: ",") ?? [] {
            guard let outcome = EventOutcome.allCases.first(where: { $0.label == name }) else {
                let known = EventOutcome.allCases.map(\.label).joined(separator: ", ")
                throw .init(message: "--outcome: `\(name)` is none of \(known)")
            }
            outcomes.append(outcome)
        }
    }

    /// Nothing was said: all events are meant.
    var isEmpty: Bool { dataset == nil && history == nil && outcomes.isEmpty && since == nil }

    /// The events that are meant, as what follows FROM; they are called `e`. `first` is the id that `since` begins at.
    ///
    /// The log has no index on the dataset: its histories are looked up first, what waits for them, and what was
    /// rejected.
    func events(first: Int64?) -> SQL {
        var sql: SQL = ""
        if let dataset {
            sql.append(
                """
                (SELECT e.id FROM wishlist_dataset_histories h FORCE INDEX (histories_dataset_id) \
                STRAIGHT_JOIN wishlist_dataset_events e FORCE INDEX (events_history_revision) ON e.history_id = h.id \
                WHERE h.dataset_id = \(dataset) \
                UNION SELECT event_id FROM wishlist_dataset_parked WHERE dataset_id = \(dataset) \
                UNION SELECT event_id FROM wishlist_dataset_rejected WHERE dataset_id = \(dataset)) AS meant \
                STRAIGHT_JOIN wishlist_dataset_events e ON e.id = meant.id
                """ as SQL)
        } else if history != nil {
            sql.append("wishlist_dataset_events e FORCE INDEX (events_history_revision)" as SQL)
        } else {
            sql.append("wishlist_dataset_events e" as SQL)
        }
        sql.append(" WHERE TRUE" as SQL)
        if let history { sql.append(" AND e.history_id = \(history)" as SQL) }
        if !outcomes.isEmpty { sql.append(" AND e.outcome IN \(list: outcomes.map(\.rawValue))" as SQL) }
        if let first { sql.append(" AND e.id >= \(first)" as SQL) }
        if let since { sql.append(" AND e.recorded_at >= \(since)" as SQL) }
        return sql
    }
}

extension EventLog {
    /// Transactions that overlap give out ids in another order than times; never by more than this, in seconds.
    private static let disorder: Int64 = 120

    /// An id that no event since `time` is below, and hardly any before it is above. Found by halving: there is no index
    /// on the time, and the log may be long.
    static func firstID(
        since time: Timestamp, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> Int64 {
        let time = time.adding(seconds: -disorder)
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
