import Datasets
import MySQL
import Store
import Text
import Time

extension BatchTransaction {
    /// Writes all that has changed.
    mutating func write(on connection: isolated MySQLConnection) throws(MySQLError) {
        try append(on: connection)
        if !parkedKeys.isEmpty { try connection.execute(EventLog.parkStatement(keys: parkedKeys)) }
        try updateRest(on: connection)
        for slot in workingSet.slots {
            if let result = slot.result {
                try HistoryTable.setResult(result, of: slot.history.id, on: connection)
            }
        }
        for id in workingSet.trainingChanged.sorted() {
            guard let change = workingSet.training[id] else { continue }
            try WishlistTable.setTraining(change, of: id, at: workingSet.now, on: connection)
        }
        for statement in statements { try connection.execute(statement) }
    }

    /// What `HistoryTable.update(fromLog:...)` will make of a history's row once its last event is in the log; nil if that
    /// would be wrong.
    func row(of slot: WorkingSet.Slot, after last: Entry) -> DatasetHistory? {
        let history = slot.history
        guard writesFromLog, let row = slot.row, last.event.sequence == history.sequence,
            history.status != .pending
        else { return nil }
        if case .parked = last.origin { return nil }
        return HistoryTable.row(row, fromLog: history, at: workingSet.now)
    }

    /// Appends to the log, and with `executeAll` writes what it tells of the histories of `lastEvents`. If that does not find
    /// all, nobody knows what the rows are, and `updateRest` writes them.
    private mutating func append(on connection: isolated MySQLConnection) throws(MySQLError) {
        let count = logged.count + lastEvents.count
        if count == 0 { return }
        var statements = [EventLog.appendStatement(logged, last: lastEvents)]
        if lastEvents.count > 0 {
            statements.append(
                try HistoryTable.update(
                    fromLog: logged.count..<count, at: workingSet.now, deliveries: deliveries, on: connection))
        }
        let outcomes = try connection.executeAll(statements)
        if lastEvents.count > 0 && outcomes[1].affectedRows != lastEvents.count {
            for place in workingSet.touched {
                workingSet.slots[place].row = nil
                workingSet.slots[place].mayDiffer = true
            }
        }
    }

    /// Writes what differs from the rows as they are now.
    private func updateRest(on connection: isolated MySQLConnection) throws(MySQLError) {
        let changes = workingSet.slots.filter { $0.mayDiffer && $0.row != $0.history }.map {
            (from: $0.row, to: $0.history)
        }
        if changes.isEmpty { return }
        try connection.execute(HistoryTable.update(changes.sorted { $0.to.id < $1.to.id }, on: connection))
    }
}
