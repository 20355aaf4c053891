import MySQL

extension BatchTransaction {
    /// Applies the events of one history: changes of our own first, then webhooks by their sequence.
    mutating func apply(_ entries: [Entry], to historyID: Int64) {
        guard var history = world.histories[historyID] else { return }
        let before = history.revision
        var notifications: [Notification] = []
        var surroundings = surroundings(of: history)
        let ordered = entries.enumerated().sorted {
            ($0.element.event.sequence ?? 0, $0.offset) < ($1.element.event.sequence ?? 0, $1.offset)
        }
        for entry in ordered.map(\.element) {
            let training = surroundings.training
            var socketID: String?
            var verdict = Verdict.stale
            if case .change(let index) = entry.origin {
                let change = batch.changes[index]
                socketID = change.exceptSocketID
                if change.condition(history, surroundings, world.now) {
                    verdict = history.apply(entry.event, at: world.now, in: &surroundings)
                }
                effects.changes[index] = ChangeAnswer(
                    isApplied: verdict == .applied, history: history, training: surroundings.training)
                if verdict != .applied { continue }
            } else if let other = entry.event.reference.flatMap({ world.byReference[$0] }), other != historyID {
                verdict = .rejected(DatasetHistory.twoDatasets + "data.reference belongs to another history")
            } else {
                verdict = history.apply(entry.event, at: world.now, in: &surroundings)
            }
            if verdict == .applied {
                if history.preference.wants(entry.event.type) {
                    notifications.append(
                        Notification(
                            history: history, type: entry.event.type,
                            training: takeTraining(entry.event, surroundings, of: history), exceptSocketID: socketID))
                } else {
                    _ = takeTraining(entry.event, surroundings, of: history)
                }
                if let result = entry.event.result { world.results[historyID] = result }
            } else {
                surroundings.training = training
            }
            note(entry, verdict, history)
        }
        // As the index has it: those from before this service do not count.
        if history.status.isActive, history.reference != nil { world.active[history.wishlistID]?.insert(historyID) }
        if let original = world.originals[historyID], original.status != history.status {
            effects.transitions.append((original.status, history))
        }
        if history.revision > before {
            let isOurs = history.debt.incur(
                revision: history.revision, wanted: !notifications.isEmpty, by: settings.instance, at: world.now)
            if isOurs {
                effects.handoffs.append(
                    Handoff(
                        historyID: historyID, laneKey: history.laneKey, address: world.address(of: history),
                        from: before,
                        to: history.revision,
                        notified: history.debt.notified, notifications: notifications))
            }
        }
        world.histories[historyID] = history
    }

    private func surroundings(of history: DatasetHistory) -> Surroundings {
        var surroundings = Surroundings(deadlineSeconds: settings.deadlineSeconds)
        surroundings.otherIsActive = !(world.active[history.wishlistID] ?? []).subtracting([history.id]).isEmpty
        surroundings.isLatest = (world.latest[history.wishlistID] ?? history.id) == history.id
        surroundings.training = world.training[history.wishlistID]?.status ?? .none
        surroundings.trainingScheduledAt = world.training[history.wishlistID]?.scheduledAt
        return surroundings
    }

    /// Keeps what a training event set, for the wishlist's row and for the notification.
    private mutating func takeTraining(
        _ event: DatasetEvent, _ surroundings: Surroundings, of history: DatasetHistory
    ) -> TrainingChange? {
        guard event.type.isAboutTraining else { return nil }
        let change = event.training ?? TrainingChange(status: surroundings.training)
        world.training[history.wishlistID] = change
        world.trainingChanged.insert(history.wishlistID)
        return change
    }

    /// Keeps what is to be written of an event, and what its sender is told.
    private mutating func note(_ entry: Entry, _ verdict: Verdict, _ history: DatasetHistory) {
        let (outcome, reason, answer): (EventOutcome, String?, WebhookAnswer) =
            switch verdict {
            case .applied: (.applied, nil, .applied)
            case .stale: (.stale, nil, .stale)
            case .parked: (.parked, nil, .parked)
            case .rejected(let reason): (.rejected, reason, .rejected(reason))
            }
        let event = LoggedEvent(
            key: entry.key, type: entry.event.type.rawValue, outcome: outcome, event: entry.event, history: history,
            reason: reason, body: entry.body)
        switch entry.origin {
        case .webhook(let index):
            effects.answers[index] = answer
            logged.append(event)
        case .change:
            logged.append(event)
        case .parked(let id):
            guard outcome != .parked else { return }
            statements += EventLog.unpark(id, as: event)
            effects.unparked.append((entry.event.type.rawValue, outcome))
        }
    }

    /// Logs a webhook that is no event of a dataset we know of.
    mutating func log(_ webhook: IncomingWebhook, _ index: Int) {
        switch webhook.content {
        case .unknown(let type):
            effects.answers[index] = .ignored
            logged.append(
                LoggedEvent(
                    key: webhook.id, type: type, outcome: .ignored, event: nil, history: nil, reason: nil,
                    body: webhook.body))
        case .invalid(let type, let reason):
            effects.answers[index] = .rejected(reason)
            logged.append(
                LoggedEvent(
                    key: webhook.id, type: type, outcome: .rejected, event: nil, history: nil, reason: reason,
                    body: webhook.body))
        case .event:
            break
        }
    }

    mutating func append(
        key: String, body: [UInt8], event: DatasetEvent, outcome: EventOutcome, history: DatasetHistory?
    ) {
        logged.append(
            LoggedEvent(
                key: key, type: event.type.rawValue, outcome: outcome, event: event, history: history, reason: nil,
                body: body))
    }
}
