package import Datasets
package import MySQL
import Store

extension BatchTransaction {
    /// An event of the log that changed nothing, and what has become of it now.
    package struct Replayed: Sendable {
        package var id: Int64
        package var key: String
        package var type: String?
        package var before: EventOutcome
        package var after: EventOutcome
        package var reason: String?
        package var datasetID: Int64?
        package var historyID: Int64?
        package var revision: Int64?
    }

    /// Takes events of the log as if they came now, but for BEGIN and COMMIT: those that changed nothing are judged anew, in
    /// the same way as webhooks, and their rows tell what became of them. Those that have been applied stay as they are.
    package mutating func replay(
        _ ids: [Int64], on connection: isolated MySQLConnection
    ) throws(MySQLError) -> (replayed: [Replayed], effects: Effects) {
        try workingSet.takeClock(connection.query(HistoryTable.clock))
        var events = try read(ids, on: connection)
        try lockHistories(of: events.map(\.webhook), on: connection)
        // Histories are locked first, as everywhere; whoever was faster has changed the rows meanwhile.
        let before = try openRows(ids, on: connection)
        events.removeAll { before[$0.id] == nil }
        for (id, webhook) in events {
            let content = webhook.content
            guard case .event(let event) = content else {
                note(content, id, key: webhook.id)
                continue
            }
            if locked.concerns(event) { continue }
            // It waits, unless it turns out below that it need not.
            statements += EventLog.parkStatements(id, event)
            if let place = workingSet.place(of: event) {
                workingSet.slots[place].entries.append(
                    Entry(.parked(id), key: webhook.id, body: webhook.body, event: event))
            }
        }
        try loadContexts(on: connection)
        applyAll()
        try write(on: connection)
        if !events.isEmpty { try connection.execute(RejectedWebhooks.forgetStatement(among: events.map(\.id))) }
        return (try outcomes(of: events.map(\.id), before, on: connection), effects)
    }

    private func read(
        _ ids: [Int64], on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [(id: Int64, webhook: IncomingWebhook)] {
        var events: [(id: Int64, webhook: IncomingWebhook)] = []
        for row in try connection.query(EventLog.bodiesStatement(ids)) {
            let key = String(decoding: try row.bytes(1), as: UTF8.self)
            // Changes of our own have been applied, all of them.
            if key.hasPrefix(".") { continue }
            events.append((try row.int64(0), IncomingWebhook(id: key, body: try row.bytes(2))))
        }
        return events
    }

    private mutating func lockHistories(
        of webhooks: [IncomingWebhook], on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        let datasetIDs = Set(webhooks.compactMap(\.datasetID))
        if !datasetIDs.isEmpty {
            let sorted = datasetIDs.sorted()
            try lock(
                HistoryTable.lockStatement(datasetIDs: sorted), HistoryTable.presentStatement(datasetIDs: sorted),
                on: connection)
        }
        try lockReferences(of: webhooks, on: connection)
    }

    /// Locks the rows that have not been applied, and returns what had become of them.
    private func openRows(
        _ ids: [Int64], on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [Int64: EventOutcome] {
        var open: [Int64: EventOutcome] = [:]
        for row in try connection.query(EventLog.lockUnappliedStatement(ids)) {
            open[try row.int64(0)] = EventOutcome(rawValue: Int(try row.int64(1)))
        }
        return open
    }

    private mutating func note(_ content: IncomingWebhook.Content, _ id: Int64, key: String) {
        switch content {
        case .unknown(let type):
            statements.append(EventLog.ignoreStatement(id, type: type))
        case .invalid(let invalid):
            statements.append(EventLog.rejectStatement(id, invalid))
            noteRejected(key, invalid.datasetID, invalid.reference)
        case .event:
            break
        }
    }

    private func outcomes(
        of ids: [Int64], _ before: [Int64: EventOutcome], on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [Replayed] {
        guard !ids.isEmpty else { return [] }
        return try connection.query(EventLog.resultsStatement(ids)).map { row throws(MySQLError) in
            let id = try row.int64(0)
            let outcome = EventOutcome(rawValue: Int(try row.int64(3))) ?? .stale
            return Replayed(
                id: id, key: String(decoding: try row.bytes(1), as: UTF8.self),
                type: try row.optionalString(2), before: before[id] ?? outcome, after: outcome,
                reason: try row.optionalString(4),
                datasetID: try row.optionalInt64(5), historyID: try row.optionalInt64(6),
                revision: try row.optionalInt64(7))
        }
    }
}
