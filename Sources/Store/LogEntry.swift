package import Datasets
import MySQL
package import Time

/// A row of the log without its body.
package struct LogEntry: Sendable {
    package var id: Int64
    /// The webhook-id; of a change of our own it begins with a dot.
    package var key: String
    package var type: String?
    package var outcome: EventOutcome
    package var reason: String?
    package var datasetID: Int64?
    package var sequence: Int64?
    package var historyID: Int64?
    package var revision: Int64?
    package var status: HistoryStatus?
    package var progress: Int64?
    package var stage: String?
    package var message: String?
    /// The database's clock at the transaction that stored it.
    package var recordedAt: Timestamp
    /// Before that; nil: a change of our own, or from before these were kept.
    package var times: WebhookTimes?

    static let columns: SQL = """
        e.id, e.event_key, e.type, e.outcome, e.reason, e.dataset_id, e.sequence, e.history_id, e.revision, e.status, \
        e.progress, e.stage, e.message, e.recorded_at, e.sent_at, e.received_at
        """

    init(from row: MySQLRow) throws(MySQLError) {
        id = try row.int64(0)
        key = String(decoding: try row.bytes(1), as: UTF8.self)
        type = try row.optionalString(2)
        outcome = EventOutcome(rawValue: Int(try row.int64(3))) ?? .stale
        reason = try row.optionalString(4)
        datasetID = try row.optionalInt64(5)
        sequence = try row.optionalInt64(6)
        historyID = try row.optionalInt64(7)
        revision = try row.optionalInt64(8)
        status = try row.optionalInt64(9).flatMap { HistoryStatus(rawValue: Int($0)) }
        progress = try row.optionalInt64(10)
        stage = try row.optionalString(11)
        message = try row.optionalString(12)
        recordedAt = try row.timestamp(13)
        if let sent = try row.optionalTimestamp(14), let received = try row.optionalTimestamp(15) {
            times = WebhookTimes(sent: sent, received: received)
        }
    }

    /// Made by the service itself, not received.
    package var isOwn: Bool { key.hasPrefix(".") }
}
