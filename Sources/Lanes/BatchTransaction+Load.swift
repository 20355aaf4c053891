import Datasets
import MySQL
import Store

extension BatchTransaction {
    /// Begins, and locks the histories that the batch names.
    mutating func load(on connection: isolated MySQLConnection) throws(MySQLError) {
        let ids = Set(batch.changes.map(\.historyID))
        var datasetIDs = batch.unparked
        for pending in batch.webhooks { if let id = pending.webhook.datasetID { datasetIDs.insert(id) } }
        datasetIDs.formUnion(batch.changes.compactMap(\.event.datasetID))
        try begin(ids: ids, datasetIDs: &datasetIDs, on: connection)
        if !datasetIDs.isEmpty {
            let sorted = datasetIDs.sorted()
            try lock(
                HistoryTable.lockStatement(datasetIDs: sorted), HistoryTable.presentStatement(datasetIDs: sorted),
                on: connection)
        }
        let missing = ids.filter { workingSet.place(ofHistory: $0) == nil }.sorted()
        if !missing.isEmpty {
            try lock(
                HistoryTable.lockStatement(ids: missing), HistoryTable.presentStatement(ids: missing), on: connection)
        }
        try lockReferences(of: batch.webhooks.map(\.webhook), on: connection)
    }

    /// Locks the histories that webhooks name by their references, where the dataset does not say all: of a dataset that has
    /// a reference itself another one is a contradiction without being looked up.
    mutating func lockReferences(
        of webhooks: [IncomingWebhook], on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        var references: Set<String> = []
        for webhook in webhooks {
            guard let id = webhook.datasetID,
                workingSet.place(ofDataset: id).flatMap({ workingSet.slots[$0].history.reference }) == nil
            else { continue }
            if let reference = webhook.event?.reference { references.insert(reference) }
        }
        if references.isEmpty { return }
        let sorted = references.sorted()
        try lock(
            HistoryTable.lockStatement(references: sorted), HistoryTable.presentStatement(references: sorted),
            on: connection)
    }

    /// Locks rows. Those that are present and not found are locked by others, or have come this moment: they are left for a
    /// later try, so that nobody waits for them.
    mutating func lock(
        _ lock: SQL, _ present: SQL, on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        let outcomes = try connection.executeAll([lock, present])
        try workingSet.take(outcomes[0].rows)
        for row in outcomes[1].rows {
            let id = try row.int64(0)
            guard workingSet.place(ofHistory: id) == nil else { continue }
            locked.histories.insert(id)
            if let dataset = try row.number(1) { locked.datasets.insert(dataset) }
            if let reference = try row.text(2) { locked.references.insert(reference) }
        }
    }

    /// Begins, in one round trip with the clock and the locks of those histories that are known: they are taken out of what
    /// has to be read.
    private mutating func begin(
        ids: Set<Int64>, datasetIDs: inout Set<Int64>, on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        let now = ContinuousClock.now
        var hopeful = datasetIDs.compactMap { rowCache.id(ofDataset: $0, at: now) }
        if !ids.isEmpty { hopeful = Array(ids.filter { rowCache.isFresh($0, at: now) }.union(hopeful)) }
        var statements = [HistoryTable.clock]
        if !hopeful.isEmpty { statements.append(HistoryTable.lockMarksStatement(ids: hopeful.sorted())) }
        let outcomes = try connection.begin(with: statements)
        try workingSet.takeClock(outcomes[0].rows)
        writesFromLog = try workingSet.idsAreConsecutive ? HistoryTable.takesAll(on: connection) : false
        guard outcomes.count > 1 else { return }
        workingSet.slots.reserveCapacity(hopeful.count)
        for row in outcomes[1].rows {
            let delivery = DeliveryState(watermark: try row.int64(4), dispatcher: try row.optionalUInt64(5) ?? 0)
            guard let slot = rowCache.slot(try row.int64(0), like: try RowCache.Mark(from: row), delivery) else {
                continue
            }
            workingSet.take(slot)
            if let dataset = slot.history.datasetID { datasetIDs.remove(dataset) }
        }
    }

    /// Finds the history of each event. What has none, or is no event, is logged here and done with.
    mutating func resolve(on connection: isolated MySQLConnection) throws(MySQLError) {
        let known = try knownKeys(on: connection)
        var seen: [String: Int] = [:]
        // Datasets that were not known before, or whose training webhooks may have waited for this.
        var revealed = batch.unparked

        for (index, change) in batch.changes.enumerated() {
            if locked.histories.contains(change.historyID)
                || change.event.datasetID.map(locked.datasets.contains) == true
            {
                effects.lockedChanges.insert(index)
                continue
            }
            guard let place = workingSet.place(ofHistory: change.historyID) else { continue }
            let history = workingSet.slots[place].history
            if known[change.key] != nil {
                effects.changes[index] = ChangeAnswer(isApplied: true, history: history, training: .none)
                continue
            }
            if let dataset = change.event.datasetID, history.datasetID == nil {
                workingSet.name(place, dataset: dataset)
                revealed.insert(dataset)
            }
            workingSet.slots[place].entries.append(
                Entry(.change(index), key: change.key, body: change.body, event: change.event))
        }

        seen.reserveCapacity(batch.webhooks.count)
        for (index, pending) in batch.webhooks.enumerated() {
            let webhook = pending.webhook
            if !known.isEmpty, let first = known[webhook.id] {
                if first.body != webhook.body { effects.conflicts.append(webhook.id) }
                effects.answers[index] = first.outcome == .rejected ? .rejected(first.reason) : .duplicate
                continue
            }
            if let first = seen.updateValue(index, forKey: webhook.id) {
                seen[webhook.id] = first
                if batch.webhooks[first].webhook.body != webhook.body { effects.conflicts.append(webhook.id) }
                repeated.append((index, first))
                continue
            }
            guard let event = webhook.event else {
                log(webhook, index)
                continue
            }
            if locked.concerns(event) {
                effects.answers[index] = nil
                continue
            }
            if let place = workingSet.place(of: event) {
                // If the history has another id this contradicts it, and reveals nothing.
                if let dataset = event.datasetID, workingSet.slots[place].history.datasetID == nil,
                    workingSet.place(ofDataset: dataset) == nil
                {
                    workingSet.name(place, dataset: dataset)
                    revealed.insert(dataset)
                }
                if event.type == .datasetCompleted, let dataset = event.datasetID { revealed.insert(dataset) }
                workingSet.slots[place].entries.append(
                    Entry(.webhook(index), key: webhook.id, body: webhook.body, event: event, times: webhook.times))
            } else {
                effects.answers[index] = .parked
                logged.append(
                    key: webhook.id, body: webhook.body, type: event.type.rawValue, outcome: .parked,
                    datasetID: event.datasetID, sequence: event.sequence, times: webhook.times, at: workingSet.now)
                parkedKeys.append(webhook.id)
                if let dataset = event.datasetID { effects.parked.insert(dataset) }
            }
        }
        effects.parked.formUnion(revealed.subtracting(batch.unparked))
        try unpark(revealed, on: connection)
    }

    private mutating func unpark(
        _ datasetIDs: Set<Int64>, on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        let known = datasetIDs.filter { workingSet.place(ofDataset: $0) != nil }
        guard !known.isEmpty else { return }
        let waiting = try connection.query(EventLog.parkedStatement(datasetIDs: known.sorted())).map {
            row throws(MySQLError) in
            let key = String(decoding: try row.bytes("event_key"), as: UTF8.self)
            return (id: try row.int64("id"), webhook: IncomingWebhook(id: key, body: try row.bytes("body")))
        }
        try lockReferences(of: waiting.map(\.webhook), on: connection)
        for (id, webhook) in waiting {
            guard let event = webhook.event, !locked.concerns(event), let place = workingSet.place(of: event) else {
                continue
            }
            workingSet.slots[place].entries.append(
                Entry(.parked(id), key: webhook.id, body: webhook.body, event: event))
        }
    }

    /// What the log knows of the keys that are not plainly new.
    private func knownKeys(
        on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [String: (outcome: EventOutcome, reason: String, body: [UInt8])] {
        var keys = batch.changes.map(\.key)
        for pending in batch.webhooks {
            if !checksAllKeys, let event = pending.webhook.event, let place = workingSet.place(of: event),
                let sequence = event.sequence, sequence > workingSet.slots[place].history.sequence
            {
                continue
            }
            keys.append(pending.webhook.id)
        }
        guard !keys.isEmpty else { return [:] }
        var known: [String: (outcome: EventOutcome, reason: String, body: [UInt8])] = [:]
        for row in try connection.query(EventLog.knownStatement(keys: keys)) {
            known[String(decoding: try row.bytes("event_key"), as: UTF8.self)] = (
                EventOutcome(rawValue: Int(try row.int64("outcome"))) ?? .stale,
                try row.optionalString("reason") ?? "", try row.bytes("body")
            )
        }
        return known
    }

    /// Reads what the outcomes depend on besides the histories themselves, and whom to tell.
    mutating func loadContexts(on connection: isolated MySQLConnection) throws(MySQLError) {
        var reviving: Set<Int64> = []
        var training: Set<Int64> = []
        var addressed: Set<Int64> = []
        for slot in workingSet.slots {
            let wishlist = slot.history.wishlistID
            if slot.address == nil && !slot.entries.isEmpty { addressed.insert(wishlist) }
            for entry in slot.entries {
                // The answer to a change of our own has the training status.
                if case .change = entry.origin { addressed.insert(wishlist) }
                if !slot.history.status.isActive && entry.event.type.historyStatus?.isActive == true {
                    reviving.insert(wishlist)
                }
                if entry.event.type.isAboutTraining { training.insert(wishlist) }
            }
        }
        if !reviving.isEmpty {
            for id in reviving { workingSet.active[id] = [] }
            for row in try connection.query(WishlistTable.activeHistoriesStatement(reviving.sorted())) {
                workingSet.active[try row.int64(0), default: []].insert(try row.int64(1))
            }
        }
        if !training.isEmpty {
            let statement = try WishlistTable.latestHistoriesStatement(training.sorted(), on: connection)
            for row in try connection.query(statement) {
                workingSet.latest[try row.int64(0)] = try row.int64(1)
            }
        }
        try loadWishlists(addressed.union(training), locking: training, on: connection)
    }

    /// Leaves what happens to a history for a later try.
    private mutating func leave(_ slot: WorkingSet.Slot) {
        for entry in slot.entries {
            switch entry.origin {
            case .webhook(let index): effects.answers[index] = nil
            case .change(let index): effects.lockedChanges.insert(index)
            // The sweep finds it.
            case .parked: break
            }
        }
        slot.entries = []
    }

    private mutating func loadWishlists(
        _ ids: Set<Int64>, locking training: Set<Int64>, on connection: isolated MySQLConnection
    ) throws(MySQLError) {
        var addresses: [Int64: WishlistAddress] = [:]
        for (ids, isLocking) in [(ids, false), (training, true)] where !ids.isEmpty {
            let statement = WishlistTable.readStatement(ids.sorted(), isLocking: isLocking)
            var found: Set<Int64> = []
            for row in try connection.query(statement) {
                let id = try row.int64(0)
                found.insert(id)
                addresses[id] = WishlistAddress(slug: try row.text(1) ?? "", groupID: try row.number(2))
                workingSet.training[id] = TrainingChange(
                    status: TrainingStatus(rawValue: Int(clamping: try row.number(3) ?? 0)) ?? .none,
                    scheduledAt: try row.time(4))
            }
            if !isLocking { continue }
            // Present and not found: others have locked it.
            for slot in workingSet.slots {
                let wishlist = slot.history.wishlistID
                if training.contains(wishlist), !found.contains(wishlist), addresses[wishlist] != nil { leave(slot) }
            }
        }
        if addresses.isEmpty { return }
        for slot in workingSet.slots {
            if let address = addresses[slot.history.wishlistID] { slot.address = address }
        }
    }
}
