import Datasets
import MySQL
import Store
import Time

extension BatchTransaction {
    /// Applies all that happens, history after history.
    mutating func applyAll() {
        let places = workingSet.touched
        let delivered = settings.delivered(places.map { workingSet.slots[$0].history.id })
        for (place, delivered) in zip(places, delivered) { apply(at: place, delivered) }
    }

    /// Applies the events of one history: changes of our own first, then webhooks by their sequence.
    /// - Parameter delivered: up to where its notifications have been delivered, as far as is known.
    private mutating func apply(at place: Int, _ delivered: Int64) {
        let slot = workingSet.slots[place]
        let (statusBefore, revisionBefore) = (slot.history.status, slot.history.revision)
        var notifications: [Notification] = []
        var context = context(of: slot.history)
        var entries = slot.entries
        if entries.count > 1 {
            entries = entries.enumerated().sorted {
                ($0.element.event.sequence ?? 0, $0.offset) < ($1.element.event.sequence ?? 0, $1.offset)
            }.map(\.element)
        }
        // The last event that was applied and is not in the log yet, with what it made of the history.
        var last: (entry: Entry, history: DatasetHistory)?
        for entry in entries {
            let training = context.training
            var socketID: String?
            var outcome = Outcome.stale
            if case .change(let index) = entry.origin {
                let change = batch.changes[index]
                socketID = change.exceptSocketID
                if change.condition(slot.history, context, workingSet.now) {
                    outcome = slot.history.apply(entry.event, at: workingSet.now, in: &context)
                }
                effects.changes[index] = ChangeAnswer(
                    isApplied: outcome == .applied, history: slot.history, training: context.training)
                if outcome != .applied { continue }
            } else if let other = entry.event.reference.flatMap(workingSet.place(ofReference:)), other != place {
                outcome = .rejected(DatasetHistory.twoDatasets + "data.reference belongs to another history")
            } else {
                outcome = slot.history.apply(entry.event, at: workingSet.now, in: &context)
            }
            guard outcome == .applied else {
                context.training = training
                note(entry, outcome, slot.history)
                continue
            }
            let change = takeTraining(entry.event, context, of: slot.history)
            if slot.history.preference.wants(entry.event.type) {
                notifications.append(
                    Notification(
                        history: slot.history, type: entry.event.type, training: change, exceptSocketID: socketID))
            }
            if let result = entry.event.result { slot.result = result }
            if entry.event.type == .datasetFailed {
                statements.append(
                    HistoryTable.setRetryableStatement(slot.history.error?.retryable, of: slot.history.id))
            }
            if let last { note(last.entry, .applied, last.history) }
            last = (entry, slot.history)
        }
        // As the index has it: those from before this service do not count.
        if slot.history.status.isActive, slot.history.reference != nil {
            workingSet.active[slot.history.wishlistID]?.insert(slot.history.id)
        }
        if statusBefore != slot.history.status { effects.transitions.append((statusBefore, slot.history)) }
        if slot.history.revision > revisionBefore { deliver(notifications, from: revisionBefore, delivered, slot) }
        slot.mayDiffer = true
        if let last {
            if let row = row(of: slot, after: last.entry) {
                slot.row = row
                slot.mayDiffer = row != slot.history
                note(last.entry, .applied, last.history, isLast: true)
                deliveries.append(row.delivery)
            } else {
                note(last.entry, .applied, last.history)
            }
        }
    }

    /// Notes what is to be sent.
    private mutating func deliver(
        _ notifications: [Notification], from before: Int64, _ delivered: Int64, _ slot: WorkingSet.Slot
    ) {
        let revision = slot.history.revision
        let isOurs = slot.history.delivery.advance(
            from: before, to: revision, wanted: !notifications.isEmpty, delivered: delivered, by: settings.instance)
        guard isOurs else { return }
        effects.outbox.append(
            OutboxEntry(
                historyID: slot.history.id, address: slot.addressee, from: before, to: revision,
                watermark: slot.history.delivery.watermark, notifications: notifications))
    }

    private func context(of history: DatasetHistory) -> HistoryContext {
        var context = HistoryContext(deadlineSeconds: settings.deadlineSeconds)
        if let active = workingSet.active[history.wishlistID] {
            context.otherIsActive = !active.subtracting([history.id]).isEmpty
        }
        context.isLatest = (workingSet.latest[history.wishlistID] ?? history.id) <= history.id
        if let training = workingSet.training[history.wishlistID] {
            context.training = training.status
            context.trainingScheduledAt = training.scheduledAt
        }
        return context
    }

    /// Keeps what a training event set, for the wishlist's row and for the notification.
    private mutating func takeTraining(
        _ event: DatasetEvent, _ context: HistoryContext, of history: DatasetHistory
    ) -> TrainingChange? {
        guard event.type.isAboutTraining else { return nil }
        let change = event.training ?? TrainingChange(status: context.training)
        workingSet.training[history.wishlistID] = change
        workingSet.trainingChanged.insert(history.wishlistID)
        return change
    }

    /// Keeps what is to be written of an event, and what its sender is answered.
    private mutating func note(_ entry: Entry, _ outcome: Outcome, _ history: DatasetHistory, isLast: Bool = false) {
        guard let logged = outcome.logged else { return }
        if logged == .rejected { noteRejected(entry.key, entry.event.datasetID, entry.event.reference) }
        switch entry.origin {
        case .webhook(let index):
            effects.answers[index] = outcome
            if logged == .parked {
                parkedKeys.append(entry.key)
                // A training webhook: its dataset may have been completed meanwhile.
                if let dataset = history.datasetID { effects.parked.insert(dataset) }
            }
        case .change:
            break
        case .parked(let id):
            guard logged != .parked else { return }
            statements += EventLog.unpark(id, outcome: logged, reason: outcome.reason, history: history)
            effects.unparked.append((entry.event.type, outcome))
            return
        }
        if isLast {
            lastEvents.append(entry, logged, history, outcome.reason, at: workingSet.now)
        } else {
            self.logged.append(entry, logged, history, outcome.reason, at: workingSet.now)
        }
    }

    /// Keeps what a rejected webhook is about, once it is in the log.
    mutating func noteRejected(_ key: String, _ datasetID: Int64?, _ reference: String?) {
        if let statement = RejectedWebhooks.noteStatement(key: key, datasetID: datasetID, reference: reference) {
            statements.append(statement)
        }
    }

    /// Logs a webhook that is no event of a dataset we know of.
    mutating func log(_ webhook: IncomingWebhook, _ index: Int) {
        switch webhook.content {
        case .unknown(let type):
            effects.answers[index] = .ignored
            logged.append(
                key: webhook.id, body: webhook.body, type: type, outcome: .ignored, datasetID: nil, sequence: nil,
                times: webhook.times, at: workingSet.now)
        case .invalid(let invalid):
            effects.answers[index] = .rejected(invalid.reason)
            logged.append(
                key: webhook.id, body: webhook.body, type: invalid.type, outcome: .rejected,
                datasetID: invalid.datasetID, sequence: invalid.sequence, reason: invalid.reason,
                times: webhook.times, at: workingSet.now)
            noteRejected(webhook.id, invalid.datasetID, invalid.reference)
        case .event:
            break
        }
    }
}

extension EventRows {
    fileprivate mutating func append(
        _ entry: BatchTransaction.Entry, _ outcome: EventOutcome, _ history: DatasetHistory, _ reason: String?,
        at clock: Timestamp
    ) {
        append(
            key: entry.key, body: entry.body, type: entry.event.type.rawValue, outcome: outcome,
            datasetID: entry.event.datasetID, sequence: entry.event.sequence, history: history, reason: reason,
            times: entry.times, at: clock)
    }
}
