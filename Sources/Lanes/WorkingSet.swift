import Datasets
import MySQL
import Store
import Time

/// What a transaction has locked and read, and what becomes of it.
struct WorkingSet {
    /// A history: locked, changed in memory, written back. A class, because a history is long and goes through many hands.
    final class Slot {
        var history: DatasetHistory
        /// The row as it is in the database; nil: nobody knows.
        var row: DatasetHistory?
        /// Where its notifications go; nil: not looked up, or the wishlist was deleted.
        var address: WishlistAddress?
        /// When the row was read from the database; a lane may know it since: see `RowCache`.
        let readAt: ContinuousClock.Instant
        /// What happens to it, in the order in which it came.
        var entries: [BatchTransaction.Entry] = []
        /// The result that it got.
        var result: [UInt8]?
        /// `history` may differ from `row`.
        var mayDiffer = false

        init(row: DatasetHistory, address: WishlistAddress? = nil, readAt: ContinuousClock.Instant) {
            history = row
            self.row = row
            self.address = address
            self.readAt = readAt
        }

        /// Forgets the transaction in which it became what it is.
        func hasBeenCommitted() {
            row = history
            entries.removeAll(keepingCapacity: true)
            result = nil
            mayDiffer = false
        }

        /// A wishlist that was deleted has no group any longer.
        var addressee: WishlistAddress { address ?? WishlistAddress(slug: history.slug, groupID: nil) }
    }

    var now = Timestamp.now()
    /// Rows inserted by one statement get ids without gaps; not on a cluster whose nodes take turns.
    var idsAreConsecutive = false
    var slots: [Slot] = []
    /// Active histories, by wishlist; only of wishlists where it matters.
    var active: [Int64: Set<Int64>] = [:]
    /// Of wishlists where it matters: the latest history that is not deleted, the training status and when it is scheduled.
    var latest: [Int64: Int64] = [:]
    var training: [Int64: TrainingChange] = [:]
    var trainingChanged: Set<Int64> = []

    private var byID: [Int64: Int] = [:]
    private var byDataset: [Int64: Int] = [:]
    private var byReference: [String: Int] = [:]

    /// Takes up the row of `HistoryTable.clock`.
    mutating func takeClock(_ rows: MySQLRows) throws(MySQLError) {
        now = try rows[0].timestamp(0)
        idsAreConsecutive = try rows[0].int64(1) == 1
    }

    /// Takes up rows of `HistoryTable.columns`, locked.
    mutating func take(_ rows: MySQLRows) throws(MySQLError) {
        let now = ContinuousClock.now
        for row in rows {
            let history = try HistoryTable.history(from: row)
            if byID[history.id] == nil { take(Slot(row: history, readAt: now)) }
            if let reference = history.reference { byReference[reference] = byID[history.id] }
        }
    }

    /// Takes up a history whose row is locked. Of several with one dataset id the newest is meant.
    mutating func take(_ slot: Slot) {
        let place = slots.count
        byID[slot.history.id] = place
        if let dataset = slot.history.datasetID,
            byDataset[dataset].map({ slots[$0].history.id < slot.history.id }) ?? true
        {
            byDataset[dataset] = place
        }
        slots.append(slot)
    }

    func place(ofHistory id: Int64) -> Int? { byID[id] }

    func place(ofDataset id: Int64) -> Int? { byDataset[id] }

    func place(ofReference reference: String) -> Int? { byReference[reference] }

    /// Where the history is that an event is about: the dataset's, or else that of the reference.
    func place(of event: DatasetEvent) -> Int? {
        if let dataset = event.datasetID, let place = byDataset[dataset] { return place }
        return event.reference.flatMap { byReference[$0] }
    }

    /// Notes the id of a history's dataset, which has just become known.
    mutating func name(_ place: Int, dataset: Int64) { byDataset[dataset] = place }

    /// Places of the histories to which something happens, by their ids.
    var touched: [Int] {
        slots.indices.filter { !slots[$0].entries.isEmpty }.sorted { slots[$0].history.id < slots[$1].history.id }
    }
}
