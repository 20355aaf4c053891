package import Datasets
package import Lanes
package import TVPython
import Time
import JSON
package import MySQL
package import Telemetry

/// The call that has the TV Python API build a reserved dataset, and what its answer makes of the row.
package struct CreateCall: Sendable {
    /// A reserved row.
    package struct Pending: Sendable {
        package var historyID: Int64
        package var reference: String
        /// The bytes of the call's body: the same at each try.
        package var request: [UInt8]
    }

    /// Between two tries.
    private static let backoff = Backoff(base: .milliseconds(200), cap: .seconds(2))

    let pool: MySQLPool
    let api: TVPythonAPI
    let lanes: HistoryLanes
    /// For one create, retries included.
    package let deadlineSeconds: Int64
    let log: Logger

    package init(
        pool: MySQLPool, api: TVPythonAPI, lanes: HistoryLanes, deadlineSeconds: Int64, log: Logger
    ) {
        self.pool = pool
        self.api = api
        self.lanes = lanes
        self.deadlineSeconds = deadlineSeconds
        self.log = log
    }

    /// Calls until there is an answer or the deadline has passed, and notes the outcome in the row.
    ///
    /// - Returns: the history, acknowledged.
    /// - Throws: `Refusal` if the dataset is `failed` now; `MySQLError` if the outcome could not be noted:
    ///   the row stays pending and is taken up again.
    package func finish(
        _ pending: Pending, exceptSocketID: String? = nil, traceparent: String? = nil
    ) async throws -> DatasetHistory {
        let outcome = await call(pending, traceparent: traceparent)
        let history: DatasetHistory
        let failure: Refusal?
        switch outcome {
        case .success(let datasetID):
            history = try await note(
                DatasetEvent(type: .datasetCreated, datasetID: datasetID, reference: pending.reference), pending,
                exceptSocketID: exceptSocketID
            ) { _, _, _ in true }.history
            failure = nil
        case .rejected(_, let reason):
            history = try await fail(pending, DatasetError(code: DatasetError.rejectedCode, message: reason))
            failure = Self.rejection(reason)
        case .unavailable(let reason, let retryAfter):
            history = try await fail(pending, DatasetError(code: DatasetError.unavailableCode, message: reason))
            failure = Refusal(
                .unavailable(retryAfter: Int(min(max(retryAfter ?? 30, 1), 3600))), DatasetError.unavailableCode,
                "The TV Python API is not available.")
        }
        // Only now: as long as the row may be pending its request is needed.
        let id = pending.historyID
        _ = try? await pool.withConnection {
            try $0.execute("DELETE FROM wishlist_dataset_requests WHERE history_id = \(id)")
        }
        // A webhook may have shown meanwhile that the call did get through.
        if let failure, history.status == .failed { throw failure }
        return history
    }

    /// What a client is told of a dataset that the TV Python API did not take.
    package static func rejection(_ reason: String) -> Refusal {
        Refusal(.rejectedUpstream, DatasetError.rejectedCode, "The TV Python API has rejected the dataset: \(reason)")
    }

    private func call(_ pending: Pending, traceparent: String?) async -> TVPythonAPI.Outcome<Int64> {
        let deadline = ContinuousClock.now + .seconds(deadlineSeconds)
        var attempt = 1
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            let outcome = await api.createDataset(
                pending.request, reference: pending.reference, timeout: max(left, .milliseconds(1)),
                traceparent: traceparent)
            guard case .unavailable(let reason, let retryAfter) = outcome else { return outcome }
            log.warning(
                "TV Python API did not take the dataset",
                ["reference": .string(pending.reference), "attempt": .int(attempt), "reason": .string(reason)])
            let pause = max(Self.backoff.delay(afterAttempt: attempt), .seconds(retryAfter ?? 0))
            if ContinuousClock.now + pause >= deadline || Task.isCancelled { return outcome }
            try? await Task.sleep(for: pause)
            attempt += 1
        }
    }

    private func fail(_ pending: Pending, _ error: DatasetError) async throws -> DatasetHistory {
        var event = DatasetEvent(type: .datasetFailed, datasetID: nil, reference: pending.reference)
        event.error = error
        return try await note(event, pending, exceptSocketID: nil) { history, _, _ in history.status == .pending }
            .history
    }

    private func note(
        _ event: DatasetEvent, _ pending: Pending, exceptSocketID: String?,
        if condition: @escaping @Sendable (DatasetHistory, HistoryContext, Timestamp) -> Bool
    ) async throws -> ChangeAnswer {
        try await lanes.make(
            event, of: pending.historyID, key: ".\(event.type.rawValue).\(pending.reference)",
            body: event.envelope(exceptSocketID: exceptSocketID), exceptSocketID: exceptSocketID, condition: condition)
    }
}

extension DatasetEvent {
    /// A change of our own as the log keeps it: an envelope like that of a webhook, and beside the data who is not to be
    /// told, for a notification that is read back from there.
    package func envelope(exceptSocketID: String? = nil) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.field("type", type.rawValue)
            json.field("timestamp", Timestamp.now().iso8601)
            if let exceptSocketID { json.field("socket_id", exceptSocketID) }
            json.key("data")
            json.object { json in
                json.field("dataset_id", datasetID)
                json.field("reference", reference)
                if let error {
                    json.key("error")
                    json.object { json in
                        json.field("code", error.code)
                        json.field("message", error.message)
                        if let retryable = error.retryable { json.field("retryable", retryable) }
                    }
                }
                if let training {
                    json.field("training_status", training.status.label)
                    json.field("training_scheduled_at", training.scheduledAt?.iso8601)
                }
            }
        }
        return json.bytes
    }
}
