import MySQL

extension BatchTransaction {
    /// How many changes are read back from the log at once for one history.
    static let recoveryLimit = 200

    /// Notes what has been sent.
    mutating func settle() {
        for settlement in batch.settlements {
            guard var history = world.histories[settlement.historyID] else {
                effects.lost.append(settlement.historyID)
                continue
            }
            for letter in settlement.deadLetters {
                statements.append(
                    """
                    INSERT IGNORE INTO wishlist_dataset_dead_letters (event_id, history_id, revision, reason, refused_at) \
                    SELECT id, history_id, revision, \(letter.reason.limited(to: 1000)), \(world.now) \
                    FROM wishlist_dataset_events WHERE history_id = \(history.id) AND revision = \(letter.revision)
                    """)
            }
            let isOurs = history.debt.settle(
                upTo: settlement.upTo, of: history.revision, oldest: settlement.oldest, by: settings.instance,
                at: world.now)
            world.histories[history.id] = history
            if history.debt.owedSince != nil && !isOurs {
                effects.lost.append(history.id)
            } else {
                effects.settled.append(
                    .init(historyID: history.id, isOwed: isOurs, revision: history.revision))
            }
        }
        for (historyID, after) in batch.recoveries.sorted(by: { $0.key < $1.key }) { claim(historyID, after: after) }
        if recoversAll {
            for id in world.histories.keys where batch.recoveries[id] == nil { claim(id, after: nil) }
        }
    }

    private mutating func claim(_ historyID: Int64, after: Int64?) {
        guard var history = world.histories[historyID], history.debt.owedSince != nil,
            history.debt.claim(by: settings.instance, at: world.now)
        else {
            effects.lost.append(historyID)
            return
        }
        world.histories[historyID] = history
        effects.handoffs.removeAll { $0.historyID == historyID }
        let from = max(after ?? 0, history.debt.notified)
        effects.handoffs.append(
            Handoff(
                historyID: historyID, laneKey: history.laneKey, address: world.address(of: history), from: from,
                to: history.revision,
                notified: history.debt.notified, notifications: [], isRecovered: true))
    }

    /// Writes all that has changed.
    mutating func write(on connection: isolated MySQLConnection) throws(MySQLError) {
        let told = sortLogged()
        if !logged.isEmpty {
            let first = try connection.execute(EventLog.append(logged, at: world.isClockRead ? world.now : nil))
                .lastInsertID
            if !told.isEmpty { try update(told, fromLog: first + Int64(logged.count) - 1, on: connection) }
        }
        let parked = logged.filter { $0.outcome == .parked }.map(\.key)
        if !parked.isEmpty { try connection.execute(EventLog.park(keys: parked)) }
        try updateRest(on: connection)
        for (id, result) in world.results.sorted(by: { $0.key < $1.key }) {
            try connection.execute(HistoryTable.setResult(result, of: id))
        }
        for id in world.trainingChanged.sorted() {
            guard let change = world.training[id] else { continue }
            try connection.execute(
                """
                UPDATE wishlist_to_groups SET training_status = \(change.status.rawValue), \
                training_scheduled_at = \(change.scheduledAt), updated_at = \(world.now) WHERE id = \(id)
                """)
        }
        for statement in statements { try connection.execute(statement) }
    }

    /// Puts the last event of each history that can be written from the log to the end of the log.
    /// - Returns: those histories' rows as they will be then.
    private mutating func sortLogged() -> [DatasetHistory] {
        guard world.idsAreConsecutive else { return [] }
        var last: [Int64: Int] = [:]
        for (index, event) in logged.enumerated() where event.outcome == .applied {
            if let history = event.history { last[history.id] = index }
        }
        var rows: [DatasetHistory] = []
        rows.reserveCapacity(last.count)
        for (id, index) in last {
            if let row = row(id, after: logged[index]) { rows.append(row) } else { last[id] = nil }
        }
        // As a rule each event is of another history.
        if last.count == logged.count { return rows }
        let places = last.values.sorted()
        let others = logged.enumerated().filter { index, event in event.history.map { last[$0.id] != index } ?? true }
        logged = others.map(\.element) + places.map { logged[$0] }
        return rows
    }

    /// What `HistoryTable.update(fromLog:...)` makes of the history's row; nil if that would be wrong.
    private func row(_ historyID: Int64, after event: LoggedEvent) -> DatasetHistory? {
        guard let history = world.histories[historyID], var row = world.originals[historyID],
            event.event?.sequence == history.sequence, history.status != .pending,
            history.debt.dispatcher == settings.instance
        else { return nil }
        row.status = history.status
        row.progress = history.progress
        row.stage = history.stage
        row.message = history.message
        row.sequence = history.sequence
        row.revision = history.revision
        row.heardAt = world.now
        row.updatedAt = world.now
        row.debt.owedSince = row.debt.owedSince ?? world.now
        row.debt.dispatcher = settings.instance
        row.debt.until = world.now.adding(seconds: NotificationDebt.claimSeconds)
        return row
    }

    /// Writes what the log tells. If that does not find all, nobody knows what the rows are, and `updateRest` writes them.
    private mutating func update(
        _ told: [DatasetHistory], fromLog last: Int64, on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        let found = try connection.execute(
            HistoryTable.update(
                fromLog: last - Int64(told.count) + 1...last, at: world.now, dispatcher: settings.instance,
                until: world.now.adding(seconds: NotificationDebt.claimSeconds))
        ).affectedRows
        for row in told { world.originals[row.id] = found == told.count ? row : nil }
    }

    /// Writes what differs from the rows as they are now.
    private func updateRest(on connection: isolated MySQLConnection) throws(MySQLError) {
        var settled: [Int64] = []
        var changes: [(from: DatasetHistory?, to: DatasetHistory)] = []
        for (id, history) in world.histories where world.originals[id] != history {
            let original = world.originals[id]
            var row = original
            row?.debt = NotificationDebt(notified: history.revision)
            if row == history {
                settled.append(id)
            } else {
                changes.append((original, history))
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
            guard let history = world.histories[handoff.historyID] else { continue }
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
