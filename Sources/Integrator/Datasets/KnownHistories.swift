import MySQL

/// Histories as a lane has last committed them: of a row that is still so only that much has to be read, not the row and its
/// wishlist. Reading both was a quarter of what a webhook cost the database.
///
/// A row is locked before it is taken for known, and what everybody changes who changes a row is compared: see `Mark`. What
/// others may change besides (a slug, a name, the group of the wishlist) is read again after `lifetime`. A history that
/// another instance has the claim of is never known here.
struct KnownHistories {
    struct Known {
        var history: DatasetHistory
        var address: WishlistAddress
        fileprivate var readAt: ContinuousClock.Instant
    }

    /// What a row that is known has to be like still.
    struct Mark: Equatable {
        /// As a number: the console may have set it.
        var status: Int
        var revision: Int64
        var notified: Int64
        var dispatcher: UInt64?
        /// It is set, and cleared, without a new revision: see `Deadlines`.
        var isRedeliveryAsked: Bool

        init(_ history: DatasetHistory) {
            status = history.status.rawValue
            revision = history.revision
            notified = history.debt.notified
            dispatcher = history.debt.dispatcher
            isRedeliveryAsked = history.redeliveryAskedAt != nil
        }

        /// Reads a row of `HistoryTable.lockMarks`.
        init(from row: MySQLRow) throws(MySQLError) {
            status = Int(try row.int64(1))
            revision = try row.int64(2)
            notified = try row.int64(3)
            dispatcher = try row.optionalUInt64(4)
            isRedeliveryAsked = try row.bool(5)
        }
    }

    /// How long names are taken for what they were.
    static let lifetime: Duration = .seconds(5)
    /// So many histories are known at most.
    static let capacity = 8192

    private var histories: [Int64: Known] = [:]
    private var byDataset: [Int64: Int64] = [:]

    /// The history of a dataset; nil: not known, or for too long.
    func id(ofDataset dataset: Int64, at now: ContinuousClock.Instant) -> Int64? {
        guard let id = byDataset[dataset], isFresh(id, at: now) else { return nil }
        return id
    }

    func isFresh(_ id: Int64, at now: ContinuousClock.Instant) -> Bool {
        guard let known = histories[id] else { return false }
        return now - known.readAt < Self.lifetime
    }

    /// What is known of a history whose row, locked, is like this.
    func known(_ id: Int64, like mark: Mark) -> Known? {
        guard let known = histories[id], Mark(known.history) == mark else { return nil }
        return known
    }

    /// Notes a history as it has been committed.
    /// - Parameters:
    ///   - instance: this one.
    ///   - readAt: when the row was read; nil: it was known before.
    mutating func note(
        _ history: DatasetHistory, _ address: WishlistAddress?, by instance: UInt64, readAt: ContinuousClock.Instant?
    ) {
        guard let address, let dataset = history.datasetID,
            history.debt.dispatcher == nil || history.debt.dispatcher == instance,
            let readAt = readAt ?? histories[history.id]?.readAt
        else { return forget(history.id) }
        if histories.count >= Self.capacity && histories[history.id] == nil { self = KnownHistories() }
        histories[history.id] = Known(history: history, address: address, readAt: readAt)
        byDataset[dataset] = history.id
    }

    private mutating func forget(_ id: Int64) {
        guard let known = histories.removeValue(forKey: id), let dataset = known.history.datasetID else { return }
        if byDataset[dataset] == id { byDataset[dataset] = nil }
    }
}
