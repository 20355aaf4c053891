package import Datasets
import MySQL
package import Time

/// Which events of the log are meant.
package struct LogFilter: Sendable, Equatable {
    /// The TV Python API's number.
    package var dataset: Int64?
    package var history: Int64?
    package var reference: String?
    /// Of the wishlist.
    package var slug: String?
    /// The webhook-id.
    package var key: String?
    package var type: String?
    package var outcomes: [EventOutcome] = []
    package var since: Timestamp?
    package var until: Timestamp?

    package init() {}

    /// Nothing was said: all events are meant.
    package var isEmpty: Bool { self == LogFilter() }

    /// It says which histories are meant.
    var namesHistories: Bool { dataset != nil || history != nil || reference != nil || slug != nil }

    /// What is said, as `name=value` with spaces between: for the record of actions.
    package var text: String {
        var parts: [String] = []
        func add(_ name: String, _ value: (some CustomStringConvertible)?) {
            if let value { parts.append("\(name)=\(value)") }
        }
        add("dataset", dataset)
        add("history", history)
        add("reference", reference)
        add("slug", slug)
        add("key", key)
        add("type", type)
        if !outcomes.isEmpty { parts.append("outcome=\(outcomes.map(\.label).joined(separator: ","))") }
        add("since", since?.iso8601)
        add("until", until?.iso8601)
        return parts.joined(separator: " ")
    }

    /// What an event `e` has to be like, within these ids.
    func conditions(_ ids: Range<Int64>) -> SQL {
        var sql: SQL = "e.id >= \(ids.lowerBound) AND e.id < \(ids.upperBound)"
        if let history { sql.append(" AND e.history_id = \(history)" as SQL) }
        if let key { sql.append(" AND e.event_key = \(key)" as SQL) }
        if let type { sql.append(" AND e.type = \(type)" as SQL) }
        if !outcomes.isEmpty { sql.append(" AND e.outcome IN \(list: outcomes.map(\.rawValue))" as SQL) }
        if let since { sql.append(" AND e.recorded_at >= \(since)" as SQL) }
        if let until { sql.append(" AND e.recorded_at <= \(until)" as SQL) }
        return sql
    }
}
