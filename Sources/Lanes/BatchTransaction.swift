package import Datasets
package import MySQL
import Store

/// One transaction of a lane: locks the histories that a batch is about, decides in memory, writes everything back.
///
/// Nothing of it is visible outside before the commit; what is to follow the commit is in `Effects`. Times are the
/// database's. It runs on the connection's own thread.
package struct BatchTransaction {
    /// What is to be done after the commit.
    package struct Effects: Sendable {
        /// For each webhook of the batch; nil: others have locked its history, and nothing has been done about it.
        package var answers: [Outcome?] = []
        /// For each change of the batch; nil: there is no such history.
        package var changes: [ChangeAnswer?] = []
        /// Places of changes whose history others have locked: nothing has been done about them.
        var lockedChanges: Set<Int> = []
        /// What is to be sent.
        package var outbox: [OutboxEntry] = []
        /// Histories of which nobody knows what an earlier commit has left to be sent.
        var unread: [Int64] = []
        /// Datasets of webhooks that were parked, and datasets for which webhooks may have been parked meanwhile, on another
        /// node of a cluster perhaps.
        package var parked: Set<Int64> = []
        /// Webhook ids that came again with another body.
        var conflicts: [String] = []
        /// Webhooks that were parked and have now been applied or found stale, by outcome.
        var unparked: [(type: DatasetEventType, outcome: Outcome)] = []
        /// Histories whose status changed, as they are now.
        var transitions: [(from: HistoryStatus, history: DatasetHistory)] = []
    }

    package struct Settings: Sendable {
        /// Who delivers the notifications; random, below 2^63.
        package var instance: UInt64
        package var deadlineSeconds: Int64
        /// Up to where the notifications of histories have been delivered, as far as is known; 0: nothing is known.
        var delivered: @Sendable ([Int64]) -> [Int64]

        package init(
            instance: UInt64, deadlineSeconds: Int64,
            delivered: @escaping @Sendable ([Int64]) -> [Int64] = { $0.map { _ in 0 } }
        ) {
            self.instance = instance
            self.deadlineSeconds = deadlineSeconds
            self.delivered = delivered
        }
    }

    /// Histories that others have locked.
    struct Locked {
        var histories: Set<Int64> = []
        var datasets: Set<Int64> = []
        var references: Set<String> = []

        func concerns(_ event: DatasetEvent) -> Bool {
            if histories.isEmpty { return false }
            return event.datasetID.map(datasets.contains) == true || event.reference.map(references.contains) == true
        }
    }

    /// An event on its way into a history. A class, because it is passed on more often than it is made.
    final class Entry {
        enum Origin {
            case webhook(Int)
            case change(Int)
            /// The id in the log.
            case parked(Int64)
        }

        let origin: Origin
        let key: String
        let body: [UInt8]
        let event: DatasetEvent
        let times: WebhookTimes?

        init(_ origin: Origin, key: String, body: [UInt8], event: DatasetEvent, times: WebhookTimes? = nil) {
            self.origin = origin
            self.times = times
            self.key = key
            self.body = body
            self.event = event
        }
    }

    let settings: Settings
    let batch: Batch
    /// Look every webhook id up before appending; otherwise only those that are not plainly new. An id that was taken for
    /// new shows as a duplicate key, and the batch is done again with this set.
    let checksAllKeys: Bool
    /// An earlier commit of this batch may have succeeded unheard.
    let mayBeCommitted: Bool

    /// What the lane knows; as it is to be after the commit once `run` has returned.
    var rowCache = RowCache()
    var workingSet = WorkingSet()
    /// Histories' rows may be written from the log's.
    var writesFromLog = false
    var locked = Locked()
    var effects = Effects()
    /// The log's new rows, but for `lastEvents`.
    var logged = EventRows()
    /// The last event of each history whose row can be written from the log: the last rows of the statement.
    var lastEvents = EventRows()
    /// What these histories say of their delivery.
    var deliveries: [DeliveryState] = []
    /// Keys of webhooks to be parked.
    var parkedKeys: [String] = []
    var statements: [SQL] = []
    /// Webhooks whose id is also that of an earlier one of the batch.
    var repeated: [(index: Int, first: Int)] = []

    package init(settings: Settings, batch: Batch, checksAllKeys: Bool = false, mayBeCommitted: Bool = false) {
        self.settings = settings
        self.batch = batch
        self.checksAllKeys = checksAllKeys
        self.mayBeCommitted = mayBeCommitted
        effects.answers = Array(repeating: .failed, count: batch.webhooks.count)
        effects.changes = Array(repeating: nil, count: batch.changes.count)
    }

    /// Does it all, but for COMMIT.
    package mutating func run(on connection: isolated MySQLConnection) throws(MySQLError) -> Effects {
        try load(on: connection)
        try resolve(on: connection)
        try loadContexts(on: connection)
        applyAll()
        for (index, first) in repeated {
            switch effects.answers[first] {
            case nil, .rejected: effects.answers[index] = effects.answers[first]
            default: effects.answers[index] = .duplicate
            }
        }
        if mayBeCommitted { effects.unread = workingSet.slots.map(\.history.id) }
        try write(on: connection)
        remember()
        return effects
    }

    /// Keeps for the next batch what this one leaves.
    private mutating func remember() {
        for slot in workingSet.slots { rowCache.note(slot) }
    }
}
