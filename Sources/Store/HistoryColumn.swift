import Datasets
import Time
import JSON
import MySQL

/// A column of `wishlist_dataset_histories` that changes.
struct HistoryColumn: Sendable {
    let name: String
    let type: String
    let isEqual: @Sendable (DatasetHistory, DatasetHistory) -> Bool
    let write: @Sendable (DatasetHistory, inout JSONWriter) -> Void

    static let all = [
        number("dataset_id") { $0.datasetID },
        HistoryColumn("status", "INT", { $0.status }) { $1.value($0.rawValue) },
        HistoryColumn("progress", "INT", { $0.progress }) { value, json in
            if let value { json.value(value) } else { json.null() }
        },
        text("stage", 100) { $0.stage },
        text("message", 1000) { $0.message },
        text("error_code", 100) { $0.error?.code },
        text("error_message", 1000) { $0.error?.message },
        number("sequence") { $0.sequence },
        number("revision") { $0.revision },
        number("notified_revision") { $0.delivery.watermark },
        HistoryColumn("dispatcher", "BIGINT UNSIGNED", { $0.delivery.dispatcher }) { $1.value($0) },
        time("heard_at") { $0.heardAt },
        time("deadline_at") { $0.deadlineAt },
        time("redelivery_asked_at") { $0.redeliveryAskedAt },
        time("started_at") { $0.startedAt },
        time("finished_at") { $0.finishedAt },
        time("updated_at") { $0.updatedAt },
    ]

    private init<Value: Equatable & Sendable>(
        _ name: String, _ type: String, _ value: @escaping @Sendable (DatasetHistory) -> Value,
        write: @escaping @Sendable (Value, inout JSONWriter) -> Void
    ) {
        self.name = name
        self.type = type
        isEqual = { value($0) == value($1) }
        self.write = { history, json in write(value(history), &json) }
    }

    private static func number(
        _ name: String, _ value: @escaping @Sendable (DatasetHistory) -> Int64?
    ) -> HistoryColumn {
        HistoryColumn(name, "BIGINT UNSIGNED", value) { value, json in
            if let value { json.value(value) } else { json.null() }
        }
    }

    private static func text(
        _ name: String, _ length: Int, _ value: @escaping @Sendable (DatasetHistory) -> String?
    ) -> HistoryColumn {
        HistoryColumn(name, "VARCHAR(\(length))", value) { value, json in
            if let value { json.value(value) } else { json.null() }
        }
    }

    private static func time(
        _ name: String, _ value: @escaping @Sendable (DatasetHistory) -> Timestamp?
    ) -> HistoryColumn {
        HistoryColumn(name, "DATETIME(6)", value) { value, json in
            if let value { json.value(value.sqlText) } else { json.null() }
        }
    }
}
