import Datasets
package import Lanes
package import MySQL
import Store
package import TVPython
package import Telemetry
import Time

/// Finds datasets of which nothing has been heard for too long: asks for their webhooks again once, and then calls them
/// stalled (spec, sections 3 and 4).
///
/// One timer sleeps until the next deadline. A deadline that arises meanwhile lies a whole term ahead, and a look is never
/// further away than that, so that nobody has to tell the timer, not even another instance. All times are the database's:
/// the process's clock only measures how long to sleep. Several instances may look at once: the first to change a row under
/// its lock is the one that acts.
package struct Deadlines: Sendable {
    /// Longest time between two looks.
    private static let longest: Duration = .seconds(300)
    /// Shortest time between two looks.
    private static let shortest: Duration = .milliseconds(50)
    /// Rows read at once.
    private static let page = 200

    let pool: MySQLPool
    let lanes: HistoryLanes
    let api: TVPythonAPI
    let registration: CallbackRegistration
    let deadlineSeconds: Int64
    let contradictions: Contradictions
    let log: Logger

    package init(
        pool: MySQLPool, lanes: HistoryLanes, api: TVPythonAPI, registration: CallbackRegistration,
        deadlineSeconds: Int64, contradictions: Contradictions, log: Logger
    ) {
        self.pool = pool
        self.lanes = lanes
        self.api = api
        self.registration = registration
        self.deadlineSeconds = deadlineSeconds
        self.contradictions = contradictions
        self.log = log
    }

    /// Looks after deadlines until cancelled.
    package func run() async {
        while !Task.isCancelled {
            var pause = min(Self.longest, .seconds(deadlineSeconds)) * Double.random(in: 0.5...0.8)
            do {
                // A little later, so that instances do not all come at once.
                let jitter = min(lead / 20, .seconds(1)) * Double.random(in: 0...1)
                if let next = try await look() { pause = min(pause, next + jitter) }
            } catch {
                log.warning("deadlines not looked at", ["error": .string("\(error)")])
                pause = min(pause, .seconds(Double.random(in: 1...5)))
            }
            try? await Task.sleep(for: max(pause, Self.shortest))
        }
    }

    private var lead: Duration { .microseconds(DatasetHistory.redeliveryLead(of: deadlineSeconds)) }

    /// One look at all datasets whose deadline is near.
    /// - Returns: when the next look is due; nil: no dataset has a deadline.
    package func look() async throws -> Duration? {
        var next: Int64?
        var last: DatasetHistory?
        var isAPIThere = true
        while !Task.isCancelled {
            let rows = try await near(after: last)
            var agenda = Agenda()
            for row in rows {
                let history = try HistoryTable.history(from: row)
                let now = try row.timestamp("db_now")
                agenda.add(history, history.silenceStep(at: now, deadlineSeconds: deadlineSeconds), now)
                last = history
            }
            try await move(agenda.moved)
            await stall(agenda.stalled)
            if let silent = agenda.asked.first ?? agenda.stalled.first {
                registration.suspect("no webhook of dataset \(silent.datasetID ?? 0) has come for long")
            }
            for history in agenda.asked where isAPIThere && !Task.isCancelled {
                isAPIThere = try await ask(history)
            }
            if !agenda.asked.isEmpty { agenda.wait(isAPIThere ? lead : min(lead / 4, .seconds(30))) }
            next = [next, agenda.next].compactMap { $0 }.min()
            if rows.count < Self.page { break }
        }
        let later = try await firstLater()
        return [next, later].compactMap { $0 }.min().map { .microseconds(max(0, $0)) }
    }

    /// What one page of rows asks for.
    private struct Agenda {
        /// There was a sign of life, or the dataset is no longer active: `deadline_at` is not what it was.
        var moved: [Int64] = []
        var asked: [DatasetHistory] = []
        var stalled: [DatasetHistory] = []
        /// Microseconds until one of them is due.
        var next: Int64?

        mutating func add(_ history: DatasetHistory, _ step: DatasetHistory.SilenceStep, _ now: Timestamp) {
            switch step {
            case .nothing: moved.append(history.id)
            case .wait(let due):
                // One that was asked for waits where it is: its deadline has not moved.
                if history.redeliveryAskedAt == nil { moved.append(history.id) }
                next = min(next ?? .max, due.microseconds - now.microseconds)
            case .ask: asked.append(history)
            case .stall: stalled.append(history)
            }
        }

        mutating func wait(_ time: Duration) {
            next = min(next ?? .max, Int64(time / .microseconds(1)))
        }
    }

    /// The datasets whose deadline is near or past, in its order.
    private func near(after last: DatasetHistory?) async throws -> MySQLRows {
        let statement = HistoryTable.nearDeadlineStatement(
            within: DatasetHistory.redeliveryLead(of: deadlineSeconds), after: last, limit: Self.page)
        return try await pool.withConnection { try $0.query(statement) }
    }

    /// Microseconds until the first of the others is near its deadline.
    private func firstLater() async throws -> Int64? {
        let statement = HistoryTable.nextDeadlineStatement(beyond: DatasetHistory.redeliveryLead(of: deadlineSeconds))
        return try await pool.withConnection { try $0.query(statement).first?.int64(0) }
    }

    /// Has these rows looked at when they are next due.
    private func move(_ ids: [Int64]) async throws {
        guard !ids.isEmpty else { return }
        let seconds = deadlineSeconds
        try await pool.withTransaction { try HistoryTable.moveDeadlines(ids, deadlineSeconds: seconds, on: $0) }
    }

    /// Asks for the webhooks that may have been lost. Of several instances one does.
    /// - Returns: false if the TV Python API is not available.
    private func ask(_ history: DatasetHistory) async throws -> Bool {
        let isOurs = try await pool.withTransaction { try HistoryTable.noteRedelivery(history, on: $0) }
        guard isOurs, let dataset = history.datasetID else { return true }
        switch await redeliver(dataset, after: history.sequence) {
        case .success:
            log.info(
                "webhooks asked for again",
                ["dataset_id": .int(Int(dataset)), "after_sequence": .int(Int(history.sequence))])
        case .rejected(let refusal): contradictions.redeliveryRefused(refusal, of: dataset)
        case .unavailable(let failure):
            log.warning("webhooks not asked for again yet", ["reason": .string("\(failure)")])
            // Somebody may try again until the deadline.
            let seconds = deadlineSeconds
            try await pool.withTransaction {
                try HistoryTable.withdrawRedelivery(history, deadlineSeconds: seconds, on: $0)
            }
            return false
        }
        return true
    }

    /// Asks once, or once more if the callback was gone.
    private func redeliver(_ dataset: Int64, after sequence: Int64) async -> TVPythonAPI.Outcome<Void> {
        let outcome = await api.redeliver(dataset: dataset, after: sequence)
        guard case .rejected(let refusal) = outcome, refusal.isGone || refusal.reason.namesCallback,
            await registration.restoreIfWrong("a redelivery was refused with \(refusal.status): \(refusal)")
        else { return outcome }
        return await api.redeliver(dataset: dataset, after: sequence)
    }

    /// Calls datasets stalled, if that is still so under the row's lock. The revision makes the key of each stall its own.
    private func stall(_ histories: [DatasetHistory]) async {
        let seconds = deadlineSeconds
        await withDiscardingTaskGroup { group in
            for history in histories {
                group.addTask {
                    let event = DatasetEvent(
                        type: .datasetStalled, datasetID: history.datasetID, reference: history.reference)
                    do throws(MySQLError) {
                        _ = try await lanes.make(
                            event, of: history.id, key: ".\(event.type.rawValue).\(history.id).\(history.revision)",
                            body: event.envelope()
                        ) { found, _, now in
                            found.revision == history.revision
                                && found.silenceStep(at: now, deadlineSeconds: seconds) == .stall
                        }
                    } catch {
                        log.warning(
                            "dataset not called stalled yet",
                            ["history_id": .int(Int(history.id)), "error": .string("\(error)")])
                    }
                }
            }
        }
    }
}
