package import Datasets
import JSON
package import MySQL
import Time

extension Notification {
    /// Reads a notification back from a row of `EventLog.changes`: the history as it is now, with what has changed since
    /// put back.
    package init(history: DatasetHistory, logged row: MySQLRow) throws(MySQLError) {
        var history = history
        let recordedAt = try row.timestamp("recorded_at")
        history.revision = try row.int64("revision")
        history.datasetID = try row.optionalInt64("dataset_id")
        history.status = try row.optionalInt64("status").flatMap { HistoryStatus(rawValue: Int($0)) } ?? history.status
        history.progress = try row.optionalInt64("progress").map(Int.init)
        history.stage = try row.optionalString("stage")
        history.message = try row.optionalString("message")
        history.updatedAt = recordedAt
        if let startedAt = history.startedAt, startedAt > recordedAt { history.startedAt = nil }
        if !history.status.isFinal { history.finishedAt = nil }
        let type = DatasetEventType(rawValue: try row.string("type")) ?? .datasetProgress
        let envelope = (try? JSONDocument(parsing: try row.bytes("body")))?.root
        let data = envelope?["data"]
        if history.status != .failed {
            history.error = nil
        } else if type.historyStatus == .failed, let error = data?["error"] {
            history.error = DatasetError(logged: error)
        }
        // Only what this service wrote itself says which socket caused it.
        let socketID = DatasetEventType.webhooks.contains(type) ? nil : envelope?["socket_id"]?.string
        self.init(
            history: history, type: type, training: Self.training(type, data), exceptSocketID: socketID)
    }

    private static func training(_ type: DatasetEventType, _ data: JSONView?) -> TrainingChange? {
        if let status = type.trainingStatus { return TrainingChange(status: status) }
        guard type == .trainingUpdated,
            let status = data?["training_status"]?.string.flatMap(TrainingStatus.init(text:))
        else { return nil }
        return TrainingChange(
            status: status,
            scheduledAt: data?["training_scheduled_at"]?.string.flatMap { ISO8601.parse($0) })
    }
}
