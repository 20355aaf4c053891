import Synchronization

/// Gives each wishlist of the load a new dataset once the one before is over.
struct SoakFeeder {
    private let database: SoakDatabase
    private let exchange: SoakExchange
    private var nextID: Int64 = 2_000_000
    private var isStarted = false
    /// Announced by a webhook, but not in the database yet.
    private var late: [SoakDataset] = []

    init(database: SoakDatabase, exchange: SoakExchange) {
        (self.database, self.exchange) = (database, exchange)
    }

    mutating func feed() async throws {
        var slots = exchange.state.withLock { state in
            defer { state.freeSlots = [] }
            return state.freeSlots
        }
        if !isStarted {
            slots = Array(1...SoakDatabase.slots)
            isStarted = true
        }
        let due = late
        late = []
        var now: [SoakDataset] = []
        for slot in slots {
            nextID += 1
            let dataset = SoakDataset(
                slot: slot, datasetID: nextID, reference: SoakTraffic.reference(nextID), last: 60 + Int(nextID % 80))
            if nextID % 50 == 0 { late.append(dataset) } else { now.append(dataset) }
        }
        try await database.add(due + now)
        exchange.state.withLock { [late] state in
            state.announced += late
            state.incoming += now
            state.incoming += due.map { dataset in
                var dataset = dataset
                dataset.next = 2
                return dataset
            }
        }
    }

    /// Adds what was announced and not added, so that no webhook stays parked for want of its dataset.
    mutating func finish() async throws {
        try await database.add(late)
        late = []
    }
}
