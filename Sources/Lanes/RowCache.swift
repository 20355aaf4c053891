import Datasets
import MySQL
import Store

/// Histories as a lane has last committed them: of a row that is still so only that much has to be read, not the row and its
/// wishlist. Reading both was a quarter of what a webhook cost the database.
///
/// A row is locked before it is taken for known, and what everybody changes who changes a row is compared: see `Mark`. What
/// others may change besides (a slug, a name, the group of the wishlist) is read again after `lifetime`.
struct RowCache {
    /// What a row that is known has to be like still.
    struct Mark: Equatable {
        /// As a number: the console may have set it.
        var status: Int
        var revision: Int64
        /// It is set, and cleared, without a new revision: see `Deadlines`.
        var isRedeliveryAsked: Bool
        /// A webhook of a canceled training moves it without a new revision.
        var sequence: Int64

        init(_ history: DatasetHistory) {
            status = history.status.rawValue
            revision = history.revision
            isRedeliveryAsked = history.redeliveryAskedAt != nil
            sequence = history.sequence
        }

        /// Reads a row of `HistoryTable.lockMarks`.
        init(from row: MySQLRow) throws(MySQLError) {
            status = Int(clamping: try row.number(1) ?? -1)
            revision = try row.number(2) ?? 0
            isRedeliveryAsked = try row.bool(3)
            sequence = try row.number(6) ?? 0
        }
    }

    /// How long names are taken for what they were.
    static let lifetime: Duration = .seconds(5)
    /// So many histories are known at most.
    static let capacity = 8192

    private var slots: [Int64: WorkingSet.Slot] = [:]
    private var byDataset: [Int64: WorkingSet.Slot] = [:]

    /// The history of a dataset; nil: not known, or for too long.
    func id(ofDataset dataset: Int64, at now: ContinuousClock.Instant) -> Int64? {
        guard let slot = byDataset[dataset], Self.isFresh(slot, at: now) else { return nil }
        return slot.history.id
    }

    func isFresh(_ id: Int64, at now: ContinuousClock.Instant) -> Bool {
        slots[id].map { Self.isFresh($0, at: now) } ?? false
    }

    private static func isFresh(_ slot: WorkingSet.Slot, at now: ContinuousClock.Instant) -> Bool {
        now - slot.readAt < lifetime
    }

    /// What is known of a history whose row, locked, is like this, and says this of its delivery: that is written without a
    /// new revision too.
    func slot(_ id: Int64, like mark: Mark, _ delivery: DeliveryState) -> WorkingSet.Slot? {
        guard let slot = slots[id], Mark(slot.history) == mark else { return nil }
        if slot.history.delivery != delivery {
            slot.history.delivery = delivery
            slot.row = slot.history
        }
        return slot
    }

    /// Notes a history as it has been committed.
    mutating func note(_ slot: WorkingSet.Slot) {
        let history = slot.history
        guard slot.address != nil, let dataset = history.datasetID else { return forget(history.id) }
        slot.hasBeenCommitted()
        if slots[history.id] === slot { return }
        if slots.count >= Self.capacity && slots[history.id] == nil { self = RowCache() }
        slots[history.id] = slot
        byDataset[dataset] = slot
    }

    private mutating func forget(_ id: Int64) {
        guard let slot = slots.removeValue(forKey: id), let dataset = slot.history.datasetID else { return }
        if byDataset[dataset] === slot { byDataset[dataset] = nil }
    }
}
