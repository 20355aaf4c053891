package import Datasets
import JSON
import MySQL
package import Time

/// A column of `wishlist_dataset_histories`: how it is read, and how both write paths write it.
///
/// `all` is the one list of the columns that change; `fixed` has those that never do. The resource shows a column under its
/// own name (`HistoryResource.swift`), except that `error_*` are one member.
struct HistoryColumn: Sendable {
    /// Where `HistoryTable.update(fromLog:at:deliveries:)` takes the value from.
    enum LogSource: Sendable {
        /// The column of the same name of the event log.
        case event
        /// The clock of the transaction.
        case clock
        /// The `DeliveryState` that the lane has computed.
        case delivery
    }

    let name: String
    /// The expression that is selected from `h`.
    let selected: String
    /// The type in which `HistoryTable.update(_:)` passes the value; nil: it stands in another table.
    let type: String?
    /// How many characters it has to hold; nil: it holds no text.
    let textLength: Int?
    /// Nil: the log does not bring it; `HistoryTable.update(_:)` writes it if it has changed.
    let fromLog: LogSource?
    let read: @Sendable (MySQLRow, MySQLColumn, inout DatasetHistory) throws(MySQLError) -> Void
    let isEqual: @Sendable (DatasetHistory, DatasetHistory) -> Bool
    /// Writes a value as the column, which may be the console's, takes it.
    let write: @Sendable (DatasetHistory, MySQLColumnDefinition?, inout JSONWriter) -> Void

    /// The columns that change.
    static let all = [
        number("dataset_id", { $0.datasetID }) { $0.datasetID = $1 },
        HistoryColumn("status", "INT", .event, { $0.status }) { row, column, history throws(MySQLError) in
            // A number that the console used before this service and that means nothing here: webhooks may revive it.
            history.status = HistoryStatus(rawValue: Int(clamping: try row.number(column) ?? -1)) ?? .stalled
        } write: { status, _, json in
            json.value(status.rawValue)
        },
        HistoryColumn("progress", "INT", .event, { $0.progress }) { row, column, history throws(MySQLError) in
            history.progress = try row.number(column).map { Int(clamping: $0) }
        } write: { value, definition, json in
            switch value {
            case let value?: json.value(min(Int64(value), definition?.largestNumber ?? .max))
            case nil where definition?.isNullable == false: json.value(0)
            case nil: json.null()
            }
        },
        text("stage", 100, from: .event, { $0.stage }) { $0.stage = $1 },
        text("message", 1000, from: .event, { $0.message }) { $0.message = $1 },
        text("error_code", 100, { $0.error?.code }) { history, code in
            history.error = code.map { DatasetError(code: $0, message: "") }
        },
        text("error_message", 1000, { $0.error?.message }) { $0.error?.message = $1 ?? "" },
        count("sequence", { $0.sequence }) { $0.sequence = $1 },
        count("revision", { $0.revision }) { $0.revision = $1 },
        HistoryColumn("notified_revision", "BIGINT UNSIGNED", .delivery, { $0.delivery.watermark }) {
            row, column, history throws(MySQLError) in
            history.delivery.watermark = try row.number(column) ?? 0
        } write: { value, _, json in
            json.value(value)
        },
        HistoryColumn(
            "dispatcher", "BIGINT UNSIGNED", .delivery, selected: HistoryTable.dispatcher, { $0.delivery.dispatcher }
        ) { row, column, history throws(MySQLError) in
            history.delivery.dispatcher = try row.optionalUInt64(column) ?? 0
        } write: { value, _, json in
            json.value(value)
        },
        time("heard_at", from: .clock, { $0.heardAt }) { $0.heardAt = $1 },
        time("deadline_at", { $0.deadlineAt }) { $0.deadlineAt = $1 },
        time("redelivery_asked_at", { $0.redeliveryAskedAt }) { $0.redeliveryAskedAt = $1 },
        time("started_at", { $0.startedAt }) { $0.startedAt = $1 },
        time("finished_at", { $0.finishedAt }) { $0.finishedAt = $1 },
        time("updated_at", from: .clock, { $0.updatedAt }) { $0.updatedAt = $1 },
        HistoryColumn(
            "error_retryable", nil, nil,
            selected: """
                IF(h.error_code IS NULL, NULL, (SELECT r.retryable FROM wishlist_dataset_retryable r \
                WHERE r.history_id = h.id)) AS error_retryable
                """, { $0.error?.retryable }
        ) { row, column, history throws(MySQLError) in
            if let isRetryable = try row.optionalBool(column) { history.error?.retryable = isRetryable }
        } write: { _, _, json in
            json.null()
        },
    ]

    /// Those of `all` that are written by value.
    static let written = all.filter { $0.type != nil }

    /// The one of `all` that the console writes too.
    static let consoles = "updated_at"

    /// The columns that never change, in the order in which `origin(from:)` reads them.
    static let fixed = [
        "id", "wishlist_to_group_id", "reference", "slug", "name", "notifications", "created_by", "created_at",
    ]

    /// Reads the columns `fixed`, the first ones of the row.
    static func origin(from row: MySQLRow) throws(MySQLError) -> DatasetHistory.Origin {
        DatasetHistory.Origin(
            id: try row.int64(0), wishlistID: try row.number(1) ?? 0, reference: try row.text(2),
            slug: try row.text(3) ?? "", name: try row.text(4),
            preference: .init(rawValue: Int(clamping: try row.number(5) ?? 0)) ?? .all,
            createdBy: try row.number(6), createdAt: try row.consoleTime(7))
    }
}

extension HistoryTable {
    /// What `update(fromLog:at:deliveries:)` makes of a history's row once the last event of `history` is in the log: all
    /// columns that have a `HistoryColumn.fromLog`. Written out, because it is done for each webhook.
    package static func row(
        _ row: DatasetHistory, fromLog history: DatasetHistory, at now: Timestamp
    ) -> DatasetHistory {
        var row = row
        row.status = history.status
        row.progress = history.progress
        row.stage = history.stage
        row.message = history.message
        row.sequence = history.sequence
        row.revision = history.revision
        row.delivery = history.delivery
        row.heardAt = now
        row.updatedAt = now
        return row
    }
}

extension HistoryColumn {
    fileprivate init<Value: Equatable & Sendable>(
        _ name: String, _ type: String?, _ fromLog: LogSource?, selected: String? = nil, textLength: Int? = nil,
        _ value: @escaping @Sendable (DatasetHistory) -> Value,
        read: @escaping @Sendable (MySQLRow, MySQLColumn, inout DatasetHistory) throws(MySQLError) -> Void,
        write: @escaping @Sendable (Value, MySQLColumnDefinition?, inout JSONWriter) -> Void
    ) {
        self.name = name
        self.type = type
        self.textLength = textLength
        self.fromLog = fromLog
        self.selected = selected ?? "h.\(name)"
        self.read = read
        isEqual = { value($0) == value($1) }
        self.write = { history, definition, json in write(value(history), definition, &json) }
    }

    private static func number(
        _ name: String, _ value: @escaping @Sendable (DatasetHistory) -> Int64?,
        set: @escaping @Sendable (inout DatasetHistory, Int64?) -> Void
    ) -> HistoryColumn {
        HistoryColumn(name, "BIGINT UNSIGNED", nil, value) { row, column, history throws(MySQLError) in
            set(&history, try row.number(column))
        } write: { value, _, json in
            if let value { json.value(value) } else { json.null() }
        }
    }

    /// A number that only grows, and that the log brings.
    private static func count(
        _ name: String, _ value: @escaping @Sendable (DatasetHistory) -> Int64,
        set: @escaping @Sendable (inout DatasetHistory, Int64) -> Void
    ) -> HistoryColumn {
        HistoryColumn(name, "BIGINT UNSIGNED", .event, value) { row, column, history throws(MySQLError) in
            set(&history, try row.number(column) ?? 0)
        } write: { value, _, json in
            json.value(value)
        }
    }

    private static func text(
        _ name: String, _ length: Int, from fromLog: LogSource? = nil,
        _ value: @escaping @Sendable (DatasetHistory) -> String?,
        set: @escaping @Sendable (inout DatasetHistory, String?) -> Void
    ) -> HistoryColumn {
        // Without its character set MariaDB takes the schema's, which may not have all.
        HistoryColumn(name, "VARCHAR(\(length)) CHARACTER SET utf8mb4", fromLog, textLength: length, value) {
            row, column, history throws(MySQLError) in
            set(&history, try row.text(column))
        } write: { value, definition, json in
            switch value {
            case let value?: json.value(definition?.fitting(value) ?? value)
            case nil where definition?.isNullable == false: json.value("")
            case nil: json.null()
            }
        }
    }

    private static func time(
        _ name: String, from fromLog: LogSource? = nil, _ value: @escaping @Sendable (DatasetHistory) -> Timestamp?,
        set: @escaping @Sendable (inout DatasetHistory, Timestamp?) -> Void
    ) -> HistoryColumn {
        HistoryColumn(name, "DATETIME(6)", fromLog, value) { row, column, history throws(MySQLError) in
            set(&history, try name == Self.consoles ? row.consoleTime(column) : row.time(column))
        } write: { value, _, json in
            if let value { json.value(value.sqlText) } else { json.null() }
        }
    }
}
