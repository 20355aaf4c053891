import MySQL

extension BatchTransaction {
    /// Locks the histories that the batch names.
    mutating func load(on connection: isolated MySQLConnection) throws(MySQLError) {
        let events = batch.webhooks.compactMap { pending in
            if case .event(let event) = pending.webhook.content { event } else { nil as DatasetEvent? }
        }
        var ids = Set(batch.changes.map(\.historyID))
        ids.formUnion(batch.settlements.map(\.historyID))
        ids.formUnion(batch.recoveries.keys)
        let datasetIDs = Set(events.compactMap(\.datasetID)).union(batch.unparked)
            .union(batch.changes.compactMap(\.event.datasetID))
        if !datasetIDs.isEmpty {
            try world.take(connection.query(HistoryTable.lock(datasetIDs: datasetIDs.sorted())))
        }
        let missing = ids.subtracting(world.histories.keys)
        if !missing.isEmpty { try world.take(connection.query(HistoryTable.lock(ids: missing.sorted()))) }
        // Of a dataset that has a reference itself another one is a contradiction without being looked up.
        let references = Set(
            events.compactMap { event in
                event.datasetID.flatMap { world.byDataset[$0] }.flatMap { world.histories[$0]?.reference } == nil
                    ? event.reference : nil
            })
        if !references.isEmpty {
            try world.take(connection.query(HistoryTable.lock(references: references.sorted())))
        }
    }

    /// Finds the history of each event. What has none, or is no event, is logged here and done with.
    mutating func resolve(
        on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [(historyID: Int64, entry: Entry)] {
        let known = try knownKeys(on: connection)
        var seen: [String: Int] = [:]
        var entries: [(historyID: Int64, entry: Entry)] = []
        // Datasets that were not known before, or whose training webhooks may have waited for this.
        var revealed = batch.unparked

        for (index, change) in batch.changes.enumerated() {
            guard let history = world.histories[change.historyID] else { continue }
            if known[change.key] != nil {
                effects.changes[index] = ChangeAnswer(isApplied: true, history: history, training: .none)
                continue
            }
            if let dataset = change.event.datasetID, history.datasetID == nil {
                world.byDataset[dataset] = history.id
                revealed.insert(dataset)
            }
            entries.append(
                (history.id, Entry(origin: .change(index), key: change.key, body: change.body, event: change.event)))
        }

        for (index, pending) in batch.webhooks.enumerated() {
            let webhook = pending.webhook
            if let first = known[webhook.id] {
                if first.body != webhook.body { effects.conflicts.append(webhook.id) }
                effects.answers[index] = first.outcome == .rejected ? .rejected(first.reason) : .duplicate
                continue
            }
            if let first = seen[webhook.id] {
                if batch.webhooks[first].webhook.body != webhook.body { effects.conflicts.append(webhook.id) }
                repeated.append((index, first))
                continue
            }
            seen[webhook.id] = index
            guard case .event(let event) = webhook.content else {
                log(webhook, index)
                continue
            }
            if let historyID = find(event) {
                // If the history has another id this contradicts it, and reveals nothing.
                if let dataset = event.datasetID, world.byDataset[dataset] == nil,
                    world.histories[historyID]?.datasetID == nil
                {
                    world.byDataset[dataset] = historyID
                    revealed.insert(dataset)
                }
                if event.type == .datasetCompleted, let dataset = event.datasetID { revealed.insert(dataset) }
                entries.append(
                    (historyID, Entry(origin: .webhook(index), key: webhook.id, body: webhook.body, event: event)))
            } else {
                effects.answers[index] = .parked
                append(key: webhook.id, body: webhook.body, event: event, outcome: .parked, history: nil)
                if let dataset = event.datasetID { effects.parked.insert(dataset) }
            }
        }
        try unpark(revealed, into: &entries, on: connection)
        return entries
    }

    func find(_ event: DatasetEvent) -> Int64? {
        if let dataset = event.datasetID, let id = world.byDataset[dataset] { return id }
        return event.reference.flatMap { world.byReference[$0] }
    }

    private mutating func unpark(
        _ datasetIDs: Set<Int64>, into entries: inout [(historyID: Int64, entry: Entry)],
        on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        let known = datasetIDs.filter { world.byDataset[$0] != nil }
        guard !known.isEmpty else { return }
        for row in try connection.query(EventLog.parked(datasetIDs: known.sorted())) {
            let webhook = IncomingWebhook(
                id: String(decoding: try row.bytes("event_key"), as: UTF8.self), body: try row.bytes("body"))
            guard case .event(let event) = webhook.content, let historyID = find(event) else { continue }
            entries.append(
                (
                    historyID,
                    Entry(
                        origin: .parked(try row.int64("id")), key: webhook.id, body: webhook.body, event: event)
                ))
        }
    }

    /// What the log knows of the keys that are not plainly new.
    private func knownKeys(
        on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [String: (outcome: EventOutcome, reason: String, body: [UInt8])] {
        var keys = batch.changes.map(\.key)
        for pending in batch.webhooks {
            if !checksAllKeys, case .event(let event) = pending.webhook.content, let historyID = find(event),
                let sequence = event.sequence, let history = world.histories[historyID], sequence > history.sequence
            {
                continue
            }
            keys.append(pending.webhook.id)
        }
        guard !keys.isEmpty else { return [:] }
        var known: [String: (outcome: EventOutcome, reason: String, body: [UInt8])] = [:]
        for row in try connection.query(EventLog.known(keys: keys)) {
            known[String(decoding: try row.bytes("event_key"), as: UTF8.self)] = (
                EventOutcome(rawValue: Int(try row.int64("outcome"))) ?? .stale,
                try row.optionalString("reason") ?? "", try row.bytes("body")
            )
        }
        return known
    }

    /// Reads what the verdicts depend on besides the histories themselves.
    mutating func loadSurroundings(
        of byHistory: [Int64: [(historyID: Int64, entry: Entry)]], on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        var reviving: Set<Int64> = []
        var training: Set<Int64> = []
        var addressed: Set<Int64> = []
        for (historyID, entries) in byHistory {
            guard let history = world.histories[historyID] else { continue }
            addressed.insert(history.wishlistID)
            for (_, entry) in entries {
                if entry.event.type.historyStatus?.isActive == true && !history.status.isActive {
                    reviving.insert(history.wishlistID)
                }
                if entry.event.type.isAboutTraining { training.insert(history.wishlistID) }
            }
        }
        for historyID in batch.recoveries.keys {
            if let history = world.histories[historyID] { addressed.insert(history.wishlistID) }
        }
        if recoversAll { addressed.formUnion(world.histories.values.map(\.wishlistID)) }
        if !reviving.isEmpty {
            let sql: SQL = """
                SELECT active_wishlist_id, id FROM wishlist_dataset_histories \
                WHERE active_wishlist_id IN \(list: reviving.sorted())
                """
            for row in try connection.query(sql) {
                world.active[try row.int64(0), default: []].insert(try row.int64(1))
            }
        }
        if !training.isEmpty {
            let sql: SQL = """
                SELECT wishlist_to_group_id, MAX(id) FROM wishlist_dataset_histories \
                WHERE wishlist_to_group_id IN \(list: training.sorted()) GROUP BY wishlist_to_group_id
                """
            for row in try connection.query(sql) { world.latest[try row.int64(0)] = try row.int64(1) }
        }
        try loadWishlists(addressed, locking: training, on: connection)
    }

    private mutating func loadWishlists(
        _ ids: Set<Int64>, locking training: Set<Int64>, on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        for (ids, lock) in [(ids.subtracting(training), ""), (training, " FOR UPDATE")] where !ids.isEmpty {
            let sql: SQL = """
                SELECT id, slug, group_id, training_status, training_scheduled_at FROM wishlist_to_groups \
                WHERE id IN \(list: ids.sorted()) ORDER BY id\(unescaped: lock)
                """
            for row in try connection.query(sql) {
                let id = try row.int64(0)
                world.addresses[id] = WishlistAddress(slug: try row.string(1), groupID: try row.optionalInt64(2))
                world.training[id] = TrainingChange(
                    status: TrainingStatus(rawValue: Int(try row.int64(3))) ?? .none,
                    scheduledAt: try row.optionalTimestamp(4))
            }
        }
    }
}
