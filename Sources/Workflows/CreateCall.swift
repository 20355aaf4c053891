package import Datasets
import JSON
package import Lanes
package import MySQL
import Store
package import TVPython
package import Telemetry
import Time

/// The call that has the TV Python API build a reserved dataset, and what its answer makes of the row.
package struct CreateCall: Sendable {
    /// A reserved row.
    package struct Pending: Sendable {
        package var historyID: Int64
        var reference: String
        /// The bytes of the call's body: the same at each try. nil: they are lost.
        package var request: [UInt8]?
    }

    let pool: MySQLPool
    let api: TVPythonAPI
    let registration: CallbackRegistration
    let lanes: HistoryLanes
    /// For one create, retries included.
    package let deadlineSeconds: Int64
    let contradictions: Contradictions
    let log: Logger

    package init(
        pool: MySQLPool, api: TVPythonAPI, registration: CallbackRegistration, lanes: HistoryLanes,
        deadlineSeconds: Int64, contradictions: Contradictions, log: Logger
    ) {
        self.pool = pool
        self.api = api
        self.registration = registration
        self.lanes = lanes
        self.deadlineSeconds = deadlineSeconds
        self.contradictions = contradictions
        self.log = log
    }

    /// Tells that the dataset is created, calls until there is an answer or the deadline has passed, and notes the outcome in
    /// the row.
    ///
    /// - Parameter isResumed: another process may have called before.
    /// - Returns: the history, acknowledged.
    /// - Throws: `Refusal` if the dataset is `failed` now; `MySQLError` if the outcome could not be noted, and
    ///   `CancellationError`: the row stays pending and is taken up again.
    package func run(
        _ pending: Pending, isResumed: Bool = false, exceptSocketID: String? = nil, traceparent: String? = nil
    ) async throws -> DatasetHistory {
        // Before the call, so that nothing can come before it in the history. Of several processes one makes it.
        _ = try await make(
            DatasetEvent(type: .datasetCreated, datasetID: nil, reference: pending.reference), pending,
            exceptSocketID: exceptSocketID)
        let history: DatasetHistory
        var failure: Refusal?
        switch try await call(pending, isResumed: isResumed, traceparent: traceparent) {
        case .accepted(let datasetID):
            history = try await make(
                DatasetEvent(type: .datasetQueued, datasetID: datasetID, reference: pending.reference), pending
            ).history
            if history.datasetID != datasetID { contradictions.createAnswer(datasetID, of: history) }
        case .rejected(let reason):
            history = try await fail(pending, DatasetError(code: DatasetError.rejectedCode, message: reason))
            failure = Self.rejection(reason)
        case .unavailable(let reason, let retryAfter):
            history = try await fail(pending, DatasetError(code: DatasetError.unavailableCode, message: reason))
            failure = Refusal(
                .unavailable(retryAfter: Int(min(max(retryAfter ?? 30, 1), 86_400))), DatasetError.unavailableCode,
                "The TV Python API is not available.")
        }
        // Only now: as long as the row may be pending its request is needed. What is left behind, the sweep removes.
        do {
            try await pool.withConnection { try CreateRequests.remove([pending.historyID], on: $0) }
        } catch {
            log.debug("saved request not removed yet", ["error": .string("\(error)")])
        }
        // A webhook may have shown meanwhile that the call did get through.
        if let failure, history.status == .failed { throw failure }
        return history
    }

    /// What a client is answered where the TV Python API did not take the dataset.
    package static func rejection(_ reason: String) -> Refusal {
        Refusal(.rejectedUpstream, DatasetError.rejectedCode, "The TV Python API has rejected the dataset: \(reason)")
    }

    private func call(_ pending: Pending, isResumed: Bool, traceparent: String?) async throws -> CreateAttempts.End {
        guard let request = pending.request else {
            return .unavailable(reason: "the saved request is lost", retryAfter: nil)
        }
        let start = ContinuousClock.now
        var attempts = CreateAttempts(limit: .seconds(deadlineSeconds), isOpen: isResumed)
        var generator = SystemRandomNumberGenerator()
        while true {
            let outcome = await api.createDataset(
                request, reference: pending.reference, timeout: attempts.timeout(at: start.duration(to: .now)),
                traceparent: traceparent)
            // Stopped in the middle of it: somebody else goes on.
            if case .unavailable = outcome { try Task.checkCancellation() }
            let step = attempts.step(after: outcome, at: start.duration(to: .now), using: &generator)
            report(outcome, of: pending)
            switch step {
            case .again(let pause): try await Task.sleep(for: pause)
            case .register(let reason): _ = await registration.restore("a create was refused: \(reason)")
            case .end(let end): return end
            }
        }
    }

    private func report(_ outcome: TVPythonAPI.Outcome<Int64>, of pending: Pending) {
        let reason: String
        switch outcome {
        case .success: return
        case .rejected(let refusal): reason = "\(refusal.status): \(refusal)"
        case .unavailable(let failure): reason = "\(failure)"
        }
        log.warning(
            "TV Python API did not take the dataset",
            ["reference": .string(pending.reference), "reason": .string(reason)])
    }

    private func fail(_ pending: Pending, _ error: DatasetError) async throws -> DatasetHistory {
        var event = DatasetEvent(type: .datasetFailed, datasetID: nil, reference: pending.reference)
        event.error = error
        return try await make(event, pending) { history, _, _ in history.status == .pending }.history
    }

    private func make(
        _ event: DatasetEvent, _ pending: Pending, exceptSocketID: String? = nil,
        if condition: @escaping @Sendable (DatasetHistory, HistoryContext, Timestamp) -> Bool = { _, _, _ in true }
    ) async throws -> ChangeAnswer {
        try await lanes.make(
            event, of: pending.historyID, key: ".\(event.type.rawValue).\(pending.reference)",
            body: event.envelope(exceptSocketID: exceptSocketID), exceptSocketID: exceptSocketID, condition: condition)
    }
}

extension DatasetEvent {
    /// A change of our own as the log keeps it: an envelope like that of a webhook, and beside the data the socket that
    /// gets no notification, for when it is read back from there.
    func envelope(exceptSocketID: String? = nil) -> [UInt8] {
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
