package import MySQL

/// One transaction of a lane: reads and locks the histories that a batch is about, decides in memory, writes everything back.
///
/// Nothing of it is visible outside before the commit; what is to follow the commit is in `Effects`. Times are the
/// database's. It runs on the connection's own thread.
package struct BatchTransaction {
    /// What is to be done after the commit.
    package struct Effects: Sendable {
        /// For each webhook of the batch.
        package var answers: [WebhookAnswer] = []
        /// For each change of the batch; nil: there is no such history.
        package var changes: [ChangeAnswer?] = []
        package var handoffs: [Handoff] = []
        package var settled: [Settled] = []
        /// Histories whose claim another instance has, or that are gone.
        package var lost: [Int64] = []
        /// Datasets of webhooks that were parked, and datasets for which webhooks may have been parked meanwhile, on another
        /// node of a cluster perhaps.
        package var parked: Set<Int64> = []
        /// Webhook ids that came again with another body.
        package var conflicts: [String] = []
        /// Webhooks that were parked and have now been applied or found stale, by outcome.
        package var unparked: [(type: String, outcome: EventOutcome)] = []
        /// Histories whose status changed, as they are now.
        package var transitions: [(from: HistoryStatus, history: DatasetHistory)] = []

        package struct Settled: Sendable {
            package var historyID: Int64
            package var isOwed: Bool
            package var revision: Int64
        }
    }

    package struct Settings: Sendable {
        /// This process; random, below 2^63.
        package var instance: UInt64
        package var deadlineSeconds: Int64

        package init(instance: UInt64, deadlineSeconds: Int64) {
            self.instance = instance
            self.deadlineSeconds = deadlineSeconds
        }
    }

    /// An event on its way into a history.
    struct Entry {
        enum Origin {
            case webhook(Int)
            case change(Int)
            /// The id in the log.
            case parked(Int64)
        }

        var origin: Origin
        var key: String
        var body: [UInt8]
        var event: DatasetEvent
    }

    let settings: Settings
    let batch: Batch
    /// Look every webhook id up before appending; otherwise only those that are not plainly new. An id that was taken for
    /// new shows as a duplicate key, and the batch is done again with this set.
    let checksAllKeys: Bool
    /// An earlier commit of this batch may have succeeded unheard: claim and read back what it left owed.
    let recoversAll: Bool

    var world = World()
    var effects = Effects()
    var logged: [LoggedEvent] = []
    var statements: [SQL] = []
    /// Webhooks whose id is also that of an earlier one of the batch.
    var repeated: [(index: Int, first: Int)] = []

    package init(settings: Settings, batch: Batch, checksAllKeys: Bool, recoversAll: Bool) {
        self.settings = settings
        self.batch = batch
        self.checksAllKeys = checksAllKeys
        self.recoversAll = recoversAll
        effects.answers = Array(repeating: .failed, count: batch.webhooks.count)
        effects.changes = Array(repeating: nil, count: batch.changes.count)
    }

    /// Does it all, but for BEGIN and COMMIT.
    package mutating func run(on connection: isolated MySQLConnection) throws(MySQLError) -> Effects {
        try load(on: connection)
        let entries = try resolve(on: connection)
        let byHistory = Dictionary(grouping: entries, by: \.historyID)
        try loadSurroundings(of: byHistory, on: connection)
        for (historyID, entries) in byHistory.sorted(by: { $0.key < $1.key }) {
            apply(entries.map(\.entry), to: historyID)
        }
        for (index, first) in repeated {
            if case .rejected = effects.answers[first] {
                effects.answers[index] = effects.answers[first]
            } else {
                effects.answers[index] = .duplicate
            }
        }
        settle()
        try write(on: connection)
        try recover(on: connection)
        return effects
    }
}

/// What a transaction has read and locked.
struct World {
    var now = Timestamp.now()
    var isClockRead = false
    /// Rows inserted by one statement get ids without gaps; not on a cluster, where nodes take turns.
    var idsAreConsecutive = false
    var histories: [Int64: DatasetHistory] = [:]
    /// The histories as they were read.
    var originals: [Int64: DatasetHistory] = [:]
    var byDataset: [Int64: Int64] = [:]
    var byReference: [String: Int64] = [:]
    var addresses: [Int64: WishlistAddress] = [:]
    var notifications: [Int64: [Notification]] = [:]
    var results: [Int64: [UInt8]] = [:]
    /// Active histories, by wishlist; only of wishlists where it matters.
    var active: [Int64: Set<Int64>] = [:]
    /// Of wishlists where it matters: the latest history, the training status and when it is scheduled.
    var latest: [Int64: Int64] = [:]
    var training: [Int64: TrainingChange] = [:]
    var trainingChanged: Set<Int64> = []

    /// Whom to tell. A wishlist that was deleted has no group any longer.
    func address(of history: DatasetHistory) -> WishlistAddress {
        addresses[history.wishlistID] ?? WishlistAddress(slug: history.slug, groupID: nil)
    }

    /// Takes up rows of `HistoryTable.columns`. Of several rows with one dataset id the newest is meant.
    mutating func take(_ rows: MySQLRows) throws(MySQLError) {
        histories.reserveCapacity(histories.count + rows.count)
        originals.reserveCapacity(histories.count + rows.count)
        byDataset.reserveCapacity(byDataset.count + rows.count)
        byReference.reserveCapacity(byReference.count + rows.count)
        for row in rows {
            if !isClockRead {
                now = try row.timestamp(HistoryTable.clockColumn)
                idsAreConsecutive = try row.int64(HistoryTable.incrementColumn) == 1
                isClockRead = true
            }
            let history = try HistoryTable.history(from: row)
            histories[history.id] = history
            originals[history.id] = history
            if let reference = history.reference { byReference[reference] = history.id }
            if let dataset = history.datasetID { byDataset[dataset] = max(byDataset[dataset] ?? 0, history.id) }
        }
    }
}
