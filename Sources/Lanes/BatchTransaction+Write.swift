import Text
import Datasets
import Store
import Time
import MySQL

extension BatchTransaction {
    /// How many changes are read back from the log at once for one history.
    static let recoveryLimit = 200

    /// Notes what has been sent.
    mutating func settle() {
        for settlement in batch.settlements {
            guard let place = workingSet.place(ofHistory: settlement.historyID) else {
                effects.lost.append(settlement.historyID)
                continue
            }
            let id = settlement.historyID
            for letter in settlement.deadLetters {
                statements.append(
                    """
                    INSERT IGNORE INTO wishlist_dataset_dead_letters (event_id, history_id, revision, reason, refused_at) \
                    SELECT id, history_id, revision, \(letter.reason.limited(to: 1000)), \(workingSet.now) \
                    FROM wishlist_dataset_events WHERE history_id = \(id) AND revision = \(letter.revision)
                    """)
            }
            let revision = workingSet.slots[place].history.revision
            workingSet.slots[place].mayDiffer = true
            let isOurs = workingSet.slots[place].history.debt.settle(
                upTo: settlement.upTo, of: revision, oldest: settlement.oldest, by: settings.instance,
                at: workingSet.now)
            if workingSet.slots[place].history.debt.owedSince != nil && !isOurs {
                effects.lost.append(id)
            } else {
                effects.settled.append(.init(historyID: id, isOwed: isOurs, revision: revision))
            }
        }
        for (historyID, after) in batch.recoveries.sorted(by: { $0.key < $1.key }) { claim(historyID, after: after) }
        if recoversAll {
            for id in workingSet.slots.map(\.history.id) where batch.recoveries[id] == nil { claim(id, after: nil) }
        }
    }

    private mutating func claim(_ historyID: Int64, after: Int64?) {
        guard let place = workingSet.place(ofHistory: historyID), workingSet.slots[place].history.debt.owedSince != nil,
            workingSet.slots[place].history.debt.claim(by: settings.instance, at: workingSet.now)
        else {
            effects.lost.append(historyID)
            return
        }
        workingSet.slots[place].mayDiffer = true
        let slot = workingSet.slots[place]
        effects.handoffs.removeAll { $0.historyID == historyID }
        effects.handoffs.append(
            Handoff(
                historyID: historyID, laneKey: slot.history.laneKey, address: slot.addressee,
                from: max(after ?? 0, slot.history.debt.notified), to: slot.history.revision,
                notified: slot.history.debt.notified, notifications: [], isRecovered: true))
    }

    /// Writes all that has changed.
    mutating func write(on connection: isolated MySQLConnection) throws(MySQLError) {
        try append(on: connection)
        if !parkedKeys.isEmpty { try connection.execute(EventLog.park(keys: parkedKeys)) }
        try updateRest(on: connection)
        for slot in workingSet.slots {
            if let result = slot.result {
                try connection.execute(HistoryTable.setResult(result, of: slot.history.id))
            }
        }
        for id in workingSet.trainingChanged.sorted() {
            guard let change = workingSet.training[id] else { continue }
            try connection.execute(
                """
                UPDATE wishlist_to_groups SET training_status = \(change.status.rawValue), \
                training_scheduled_at = \(change.scheduledAt), updated_at = \(workingSet.now) WHERE id = \(id)
                """)
        }
        for statement in statements { try connection.execute(statement) }
    }

    /// What `HistoryTable.update(fromLog:...)` will make of a history's row once its last event is in the log; nil if that
    /// would be wrong.
    func row(of slot: WorkingSet.Slot, after last: Entry) -> DatasetHistory? {
        let history = slot.history
        guard workingSet.idsAreConsecutive, var row = slot.row, last.event.sequence == history.sequence,
            history.status != .pending, history.debt.dispatcher == settings.instance
        else { return nil }
        if case .parked = last.origin { return nil }
        row.status = history.status
        row.progress = history.progress
        row.stage = history.stage
        row.message = history.message
        row.sequence = history.sequence
        row.revision = history.revision
        row.heardAt = workingSet.now
        row.updatedAt = workingSet.now
        row.debt.owedSince = row.debt.owedSince ?? workingSet.now
        row.debt.dispatcher = settings.instance
        row.debt.until = workingSet.now.adding(seconds: NotificationDebt.claimSeconds)
        return row
    }

    /// Appends to the log, and with `executeAll` writes what it tells of the histories in `told`. If that does not find
    /// all, nobody knows what the rows are, and `updateRest` writes them.
    private mutating func append(on connection: isolated MySQLConnection) throws(MySQLError) {
        let count = logged.count + told.count
        if count == 0 { return }
        var statements = [EventLog.append(logged, last: told)]
        if told.count > 0 {
            statements.append(
                HistoryTable.update(
                    fromLog: logged.count..<count, at: workingSet.now, dispatcher: settings.instance,
                    until: workingSet.now.adding(seconds: NotificationDebt.claimSeconds)))
        }
        let outcomes = try connection.executeAll(statements)
        if told.count > 0 && outcomes[1].affectedRows != told.count {
            for place in workingSet.touched {
                workingSet.slots[place].row = nil
                workingSet.slots[place].mayDiffer = true
            }
        }
    }

    /// Writes what differs from the rows as they are now.
    private func updateRest(on connection: isolated MySQLConnection) throws(MySQLError) {
        var settled: [Int64] = []
        var changes: [(from: DatasetHistory?, to: DatasetHistory)] = []
        for slot in workingSet.slots where slot.mayDiffer && slot.row != slot.history {
            var row = slot.row
            row?.debt = NotificationDebt(notified: slot.history.revision)
            if row == slot.history {
                settled.append(slot.history.id)
            } else {
                changes.append((slot.row, slot.history))
            }
        }
        if !settled.isEmpty { try connection.execute(HistoryTable.settle(settled.sorted())) }
        if !changes.isEmpty {
            try connection.execute(HistoryTable.update(changes.sorted { $0.to.id < $1.to.id }))
        }
    }

    /// Reads back from the log what claimed histories owe.
    mutating func recover(on connection: isolated MySQLConnection) throws(MySQLError) {
        for index in effects.handoffs.indices where effects.handoffs[index].isRecovered {
            let handoff = effects.handoffs[index]
            guard let place = workingSet.place(ofHistory: handoff.historyID) else { continue }
            let history = workingSet.slots[place].history
            let rows = try connection.query(
                EventLog.changes(of: history.id, after: handoff.from, limit: Self.recoveryLimit))
            var notifications: [Notification] = []
            var covered = handoff.from
            for row in rows {
                let notification = try Notification(history: history, logged: row)
                covered = notification.revision
                if history.preference.wants(notification.type) { notifications.append(notification) }
            }
            effects.handoffs[index].notifications = notifications
            if rows.count == Self.recoveryLimit { effects.handoffs[index].to = covered }
        }
    }
}
