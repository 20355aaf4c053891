package import Datasets
import JSON
package import MySQL
package import Time

/// `wishlist_dataset_histories` as SQL (spec, section 6).
package enum HistoryTable {
    static let name = "wishlist_dataset_histories"

    /// What `history(from:)` reads.
    package static let columns: SQL = {
        let names = HistoryColumn.fixed.map { "h.\($0)" } + HistoryColumn.all.map(\.selected)
        return "\(unescaped: names.joined(separator: ", "))"
    }()

    /// Who delivers the notifications of `h`: see `Outbox`.
    static let dispatcher = "IF(h.owed_since IS NULL, COALESCE(h.dispatcher, 0), 0)"

    /// The database's clock, and how far apart the ids are that a statement gives out.
    package static let clock: SQL = "SELECT UTC_TIMESTAMP(6), @@auto_increment_increment"

    /// Locks the rows of these datasets, in the order of the index: the same for every transaction. Rows that others have
    /// locked are left out; `present` tells whether they are there.
    package static func lockStatement(datasetIDs: some Collection<Int64>) -> SQL {
        """
        SELECT \(columns) FROM wishlist_dataset_histories h FORCE INDEX (histories_dataset_id) \
        WHERE h.dataset_id IN \(list: datasetIDs) ORDER BY h.dataset_id, h.id FOR UPDATE SKIP LOCKED
        """
    }

    /// Locks the rows with these references, but for those that others have locked.
    package static func lockStatement(references: some Collection<String>) -> SQL {
        """
        SELECT \(columns) FROM wishlist_dataset_histories h FORCE INDEX (histories_reference) \
        WHERE h.reference IN \(list: references) ORDER BY h.reference FOR UPDATE SKIP LOCKED
        """
    }

    /// Locks the rows with these ids, but for those that others have locked.
    package static func lockStatement(ids: some Collection<Int64>) -> SQL {
        """
        SELECT \(columns) FROM wishlist_dataset_histories h FORCE INDEX (PRIMARY) \
        WHERE h.id IN \(list: ids) ORDER BY h.id FOR UPDATE SKIP LOCKED
        """
    }

    /// Which rows there are, locked or not: `id`, `dataset_id`, `reference`.
    package static func presentStatement(datasetIDs: some Collection<Int64>) -> SQL {
        "SELECT id, dataset_id, reference FROM wishlist_dataset_histories WHERE dataset_id IN \(list: datasetIDs)"
    }

    /// Which rows there are, locked or not: `id`, `dataset_id`, `reference`.
    package static func presentStatement(references: some Collection<String>) -> SQL {
        "SELECT id, dataset_id, reference FROM wishlist_dataset_histories WHERE reference IN \(list: references)"
    }

    /// Which rows there are, locked or not: `id`, `dataset_id`, `reference`.
    package static func presentStatement(ids: some Collection<Int64>) -> SQL {
        "SELECT id, dataset_id, reference FROM wishlist_dataset_histories WHERE id IN \(list: ids)"
    }

    /// Locks the rows with these ids, but for those that others have locked, and returns no more of each than `RowCache.Mark`
    /// wants, after the id.
    package static func lockMarksStatement(ids: some Collection<Int64>) -> SQL {
        """
        SELECT h.id, h.status, h.revision, h.redelivery_asked_at IS NOT NULL, h.notified_revision, \(unescaped: dispatcher), \
        h.sequence FROM wishlist_dataset_histories h FORCE INDEX (PRIMARY) WHERE h.id IN \(list: ids) ORDER BY h.id \
        FOR UPDATE SKIP LOCKED
        """
    }

    /// Reads a row of `columns`.
    package static func history(from row: MySQLRow) throws(MySQLError) -> DatasetHistory {
        var history = DatasetHistory(
            origin: try HistoryColumn.origin(from: row), status: .stalled, sequence: 0, revision: 0,
            delivery: DeliveryState())
        var place = HistoryColumn.fixed.count
        for column in HistoryColumn.all {
            try column.read(row, MySQLColumn(place), &history)
            place += 1
        }
        return history
    }

    /// Brings rows to what events that were just appended say, from the log's rows themselves: no value goes to the server
    /// twice. Four times cheaper than `update`, which has to do the rest. The rows must be locked.
    ///
    /// - Parameters:
    ///   - places: of the last event of each history in the statement before this one, which appended them and gave out their
    ///     ids without gaps.
    ///   - deliveries: what each of these histories is to say of its delivery.
    ///   - connection: for which the statement is made.
    /// - Returns: a statement that has to find as many rows as there are places. No other transaction's event has a revision
    ///   that its history has not.
    package static func update(
        fromLog places: Range<Int>, at now: Timestamp, deliveries: [DeliveryState],
        on connection: isolated MySQLConnection
    ) throws(MySQLError) -> SQL {
        var times: SQL = ""
        for column in fromClock {
            let time = column.name == HistoryColumn.consoles ? connection.consoleTime.digits(at: now) : now
            times.append(", h.\(unescaped: column.name) = \(column.stored("\(time)"))" as SQL)
        }
        // ELT takes the value at a place: 1, 2, ...
        let place: SQL = "e.id - LAST_INSERT_ID() - \(places.lowerBound - 1)"
        var watermarks: SQL = ""
        var dispatchers: SQL = ""
        for delivery in deliveries { watermarks.append(unescaped: ",\(delivery.watermark)") }
        if let first = deliveries.first?.dispatcher, deliveries.allSatisfy({ $0.dispatcher == first }) {
            dispatchers = "\(first)"
        } else {
            for delivery in deliveries { dispatchers.append(unescaped: ",\(delivery.dispatcher)") }
            dispatchers = "ELT(\(place)\(dispatchers))"
        }
        return """
            UPDATE wishlist_dataset_events e STRAIGHT_JOIN wishlist_dataset_histories h ON h.id = e.history_id \
            SET \(fromEvent), h.notified_revision = ELT(\(place)\(watermarks)), \
            h.dispatcher = \(dispatchers), h.owed_since = NULL, h.dispatch_until = NULL\(times), h.create_until = NULL\
            \(try keepingTimes(alias: "h.", but: Set(fromClock.map(\.name)), on: connection)) \
            WHERE e.id BETWEEN LAST_INSERT_ID() + \(places.lowerBound) \
            AND LAST_INSERT_ID() + \(places.upperBound - 1) AND e.revision > h.revision
            """
    }

    private static let fromEvent: SQL = {
        let columns = HistoryColumn.all.filter { $0.fromLog == .event }
        return "\(unescaped: columns.map { "h.\($0.name) = e.\($0.name)" }.joined(separator: ", "))"
    }()

    private static let fromClock = HistoryColumn.all.filter { $0.fromLog == .clock }

    /// Writes rows back in one statement, those columns that any of them has changed (all, if it is not known `from` what).
    /// The rows must be locked.
    ///
    /// A JSON table joined from the left: each row is found by its primary key, and no column that we do not know is
    /// named, as an `INSERT ... ON DUPLICATE KEY UPDATE` would have to. Each column of it costs MariaDB about 2 µs a row.
    package static func update(
        _ changes: [(from: DatasetHistory?, to: DatasetHistory)], on connection: isolated MySQLConnection
    ) throws(MySQLError) -> SQL {
        var columns: [(column: HistoryColumn, definition: MySQLColumnDefinition?)] = []
        for column in HistoryColumn.written {
            let isChanged = changes.contains { change in change.from.map { !column.isEqual($0, change.to) } ?? true }
            guard isChanged else { continue }
            let definition = try connection.column(column.name, of: name)
            if definition.map(column.canBeWritten) ?? true { columns.append((column, definition)) }
        }
        var json = JSONWriter()
        json.array { rows in
            for (_, var history) in changes {
                history.updatedAt = history.updatedAt.map(connection.consoleTime.digits)
                rows.array { row in
                    row.value(history.id)
                    for (column, definition) in columns { column.write(history, definition, &row) }
                }
            }
        }
        var sql: SQL = """
            UPDATE JSON_TABLE(\(String(decoding: json.bytes, as: UTF8.self)), '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$[0]'
            """
        for (index, (column, _)) in columns.enumerated() {
            sql.append(unescaped: ", \(column.name) \(column.type ?? "") PATH '$[\(index + 1)]'")
        }
        let status = columns.contains { $0.column.name == "status" } ? "j.status" : "h.status"
        sql.append(
            unescaped: """
                )) AS j STRAIGHT_JOIN wishlist_dataset_histories h ON h.id = j.id \
                SET h.create_until = IF(\(status) = 0, h.create_until, NULL), h.owed_since = NULL, h.dispatch_until = NULL
                """)
        for (column, _) in columns {
            let name: SQL = "\(unescaped: column.name)"
            sql.append(", h.\(name) = \(column.stored("j.\(name)"))" as SQL)
        }
        sql.append(try keepingTimes(alias: "h.", but: Set(columns.map(\.column.name)), on: connection))
        return sql
    }

    /// Whether the table's columns take all that the log's take, as those that the migrations add do: then rows may be written
    /// from the log. Others, which were there before, may be narrower or of another character set.
    package static func takesAll(on connection: isolated MySQLConnection) throws(MySQLError) -> Bool {
        for column in HistoryColumn.written {
            if let definition = try connection.column(column.name, of: name), !column.isMatched(by: definition) {
                return false
            }
        }
        return true
    }

    /// A text as a column takes it.
    static func fitting(
        _ text: String?, _ column: String, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> String? {
        guard let definition = try connection.column(column, of: name) else { return text }
        return text.map(definition.fitting) ?? (definition.isNullable ? nil : "")
    }

    /// What an UPDATE of histories has to say besides: see `MySQLConnection.keepingTimes`.
    package static func keepingTimes(
        alias: String = "", but assigned: Set<String> = [], on connection: isolated MySQLConnection
    ) throws(MySQLError) -> SQL {
        try connection.keepingTimes(of: name, alias: alias, but: assigned)
    }

    /// Stores whether another try of a failed dataset may end better. In a table of its own: MariaDB adds no column online
    /// to a table with an indexed virtual one.
    package static func setRetryableStatement(_ isRetryable: Bool?, of id: Int64) -> SQL {
        "REPLACE INTO wishlist_dataset_retryable (history_id, retryable) VALUES (\(id), \(isRetryable))"
    }

    /// Stores the result of a dataset, as it was received.
    package static func setResult(
        _ result: [UInt8], of id: Int64, on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        do throws(MySQLError) {
            try connection.execute(
                """
                UPDATE wishlist_dataset_histories SET result = \(String(decoding: result, as: UTF8.self))\
                \(try keepingTimes(on: connection)) WHERE id = \(id)
                """)
        } catch  where error.kind == .invalidValue {
            // A column of the console's, narrower or of type JSON: the result stays in the log.
        }
    }
}
