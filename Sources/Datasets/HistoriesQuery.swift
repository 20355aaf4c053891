package import Time

/// Which histories of a wishlist are asked for, in which order (spec, section 2, Case 2).
package struct HistoriesQuery: Sendable, Equatable {
    /// What may be sorted by; ties are broken by the id, in the same direction.
    package enum Sort: String, Sendable, CaseIterable {
        case id
        case createdAt = "created_at"
        case updatedAt = "updated_at"
        case status
    }

    /// Where a page begins.
    package enum Place: Sendable, Equatable {
        /// So many histories from the start.
        case offset(Int)
        /// Behind a history, or, of a cursor that points back, before it; nil: at the start.
        case cursor(HistoryCursor?)
    }

    /// None: any.
    package var statuses: Set<HistoryStatus> = []
    package var datasetID: Int64?
    package var createdFrom: Timestamp?
    package var createdTo: Timestamp?
    package var sort = Sort.id
    package var isDescending = true
    package var perPage = 15

    package init() {}
}

/// A history's place in a sorted list.
package struct HistoryPosition: Sendable, Hashable {
    /// What a list is sorted by.
    package enum Key: Sendable, Hashable {
        case id
        /// Histories from before this service may have no times; these come first.
        case time(Timestamp?)
        case status(Int64)
    }

    package var key: Key
    package var id: Int64

    package init(key: Key, id: Int64) {
        self.key = key
        self.id = id
    }

    /// Whether it stands before another of the same list, in ascending order.
    package func precedes(_ other: HistoryPosition) -> Bool {
        switch (key, other.key) {
        case (.time(let own), .time(let others)) where own != others:
            guard let others else { return false }
            return own.map { $0 < others } ?? true
        case (.status(let own), .status(let others)) where own != others: return own < others
        default: return id < other.id
        }
    }
}

/// Where to go on in a list.
package struct HistoryCursor: Sendable, Equatable {
    package var position: HistoryPosition
    /// False: it points back.
    package var pointsToNext: Bool

    package init(position: HistoryPosition, pointsToNext: Bool) {
        self.position = position
        self.pointsToNext = pointsToNext
    }
}
