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
        /// Datasets of webhooks that were parked: they may have become known meanwhile.
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

    /// What the lane knows; as it is to be after the commit once `run` has returned.
    var known = KnownHistories()
    var world = World()
    var effects = Effects()
    var logged: [LoggedEvent] = []
    var statements: [SQL] = []
    /// Webhooks whose id is also that of an earlier one of the batch.
    var repeated: [(index: Int, first: Int)] = []

    package init(settings: Settings, batch: Batch, checksAllKeys: Bool = false, recoversAll: Bool = false) {
        self.settings = settings
        self.batch = batch
        self.checksAllKeys = checksAllKeys
        self.recoversAll = recoversAll
        effects.answers = Array(repeating: .failed, count: batch.webhooks.count)
        effects.changes = Array(repeating: nil, count: batch.changes.count)
    }

    /// Does it all, but for COMMIT.
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
        remember()
        return effects
    }

    /// Keeps for the next batch what this one leaves.
    private mutating func remember() {
        for (id, history) in world.histories {
            if let address = world.addresses[history.wishlistID] {
                known.note(history, address, by: settings.instance, readAt: world.readAt[id])
            }
        }
    }
}

/// What a transaction has read and locked.
struct World {
    var now = Timestamp.now()
    /// Rows inserted by one statement get ids without gaps; not on a cluster, where nodes take turns.
    var idsAreConsecutive = false
    var histories: [Int64: DatasetHistory] = [:]
    /// When a history was read, if it was not known before.
    var readAt: [Int64: ContinuousClock.Instant] = [:]
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

    /// Takes up the row of `HistoryTable.clock`.
    mutating func takeClock(_ rows: MySQLRows) throws(MySQLError) {
        now = try rows[0].timestamp(0)
        idsAreConsecutive = try rows[0].int64(1) == 1
    }

    /// Takes up rows of `HistoryTable.columns`. Of several rows with one dataset id the newest is meant.
    mutating func take(_ rows: MySQLRows) throws(MySQLError) {
        let now = ContinuousClock.now
        for row in rows {
            let history = try HistoryTable.history(from: row)
            take(history)
            readAt[history.id] = now
            if let reference = history.reference { byReference[reference] = history.id }
        }
    }

    /// Takes up a history whose row is locked and like this.
    mutating func take(_ history: DatasetHistory) {
        histories[history.id] = history
        originals[history.id] = history
        if let dataset = history.datasetID { byDataset[dataset] = max(byDataset[dataset] ?? 0, history.id) }
    }
}
