package import Datasets

/// The notifications that this instance has claimed and not sent yet: which of them may go out now.
///
/// A pure value; `Dispatcher` holds it under a lock and does what it decides. For each dataset at most one request is on its
/// way, so order is kept; different datasets go side by side. What does not fit is left to the database, where all of it
/// stands anyway, and is read back from the log later.
package struct NotificationQueue: Sendable {
    /// The life of a dataset in this queue:
    ///
    ///     (absent) ──offer──▶ ready ──take──▶ in flight ──finish──▶ ready | idle ──settled──▶ (absent)
    ///                           └── claim ran out ──▶ (absent), to be claimed and read again
    ///
    /// What is forgotten is absent at once, or when its request has ended: a second one must not overtake it, nor the end
    /// of the first be taken for the end of the second.
    private struct Dataset: Sendable {
        var laneKey: Int64
        var address: WishlistAddress
        var waiting: [Notification] = []
        var isInFlight = false
        /// Another instance has the claim, or had it: all but the request that is on its way is gone.
        var isForgotten = false
        /// The log is being read for it; until then nothing is added.
        var isLoading = false
        /// All revisions up to here have been in `waiting`, or were not wanted.
        var covered: Int64
        /// When the claim runs out, by the local monotonic clock.
        var claimedUntil: ContinuousClock.Instant
    }

    /// What became of a handoff.
    package enum Offer: Sendable, Equatable {
        case accepted
        /// Revisions are missing: read the log from this revision on.
        case load(after: Int64)
        /// Nothing of it is wanted: to be noted at once.
        case settle(Settlement)
        /// The queue is full, or a load is on its way that will bring it.
        case left
    }

    /// Notifications that may be sent now, in order for each dataset.
    package struct Parcel: Sendable {
        package var notifications: [(notification: Notification, address: WishlistAddress)]
        /// Datasets whose claim ran out while they waited: to be claimed again.
        package var expired: [(historyID: Int64, laneKey: Int64)]
    }

    private var datasets: [Int64: Dataset] = [:]
    private var ready: [Int64] = []
    private var readyHead = 0
    /// Notifications dropped because a newer progress event of the same dataset came while they waited.
    package private(set) var overtaken = 0
    /// Notifications that wait or are on their way.
    package private(set) var count = 0

    package let maximumDatasets: Int
    package let maximumPerDataset: Int

    package init(maximumDatasets: Int = 20_000, maximumPerDataset: Int = 64) {
        self.maximumDatasets = maximumDatasets
        self.maximumPerDataset = maximumPerDataset
    }

    /// Datasets with something to send that nobody sends yet.
    package var hasReady: Bool { readyHead < ready.count }

    /// Whether nothing waits, is on its way or is being settled.
    package var isEmpty: Bool { datasets.isEmpty }

    /// Takes what a transaction left to be sent.
    package mutating func offer(_ handoff: Handoff, claimedUntil: ContinuousClock.Instant) -> Offer {
        guard var dataset = datasets[handoff.historyID] else {
            // Also of what was read from the log: it may have been asked for when more was here than is now.
            guard handoff.from <= handoff.notified else { return .load(after: handoff.notified) }
            guard datasets.count < maximumDatasets else { return .left }
            var dataset = Dataset(
                laneKey: handoff.laneKey, address: handoff.address, covered: handoff.from, claimedUntil: claimedUntil)
            append(handoff, to: &dataset)
            return accept(dataset, handoff)
        }
        if dataset.isForgotten || (dataset.isLoading && !handoff.isRecovered) { return .left }
        dataset.claimedUntil = claimedUntil
        dataset.laneKey = handoff.laneKey
        dataset.address = handoff.address
        if handoff.notified > dataset.covered { skip(to: handoff.notified, &dataset) }
        if handoff.from > dataset.covered {
            dataset.isLoading = true
            datasets[handoff.historyID] = dataset
            return .load(after: dataset.covered)
        }
        dataset.isLoading = false
        append(handoff, to: &dataset)
        return accept(dataset, handoff)
    }

    /// What another instance has settled meanwhile is not to be read, nor sent.
    private mutating func skip(to notified: Int64, _ dataset: inout Dataset) {
        count -= dataset.waiting.count
        dataset.waiting = []
        dataset.covered = notified
    }

    /// Keeps the dataset. Without anything to send no sender will ever report.
    private mutating func accept(_ dataset: Dataset, _ handoff: Handoff) -> Offer {
        if dataset.waiting.isEmpty && !dataset.isInFlight && dataset.covered <= handoff.notified {
            datasets[handoff.historyID] = nil
            return .accepted
        }
        datasets[handoff.historyID] = dataset
        guard dataset.waiting.isEmpty, !dataset.isInFlight else { return .accepted }
        return .settle(
            Settlement(
                historyID: handoff.historyID, laneKey: dataset.laneKey, upTo: dataset.covered, covered: dataset.covered)
        )
    }

    private mutating func append(_ handoff: Handoff, to dataset: inout Dataset) {
        for notification in handoff.notifications where notification.revision > dataset.covered {
            if notification.isProgress, let old = dataset.waiting.firstIndex(where: \.isProgress) {
                dataset.waiting.remove(at: old)
                overtaken += 1
                count -= 1
            }
            // What does not fit stays uncovered: the next settlement finds it and has it read back.
            guard dataset.waiting.count < maximumPerDataset else { break }
            if dataset.waiting.isEmpty && !dataset.isInFlight { ready.append(handoff.historyID) }
            dataset.waiting.append(notification)
            dataset.covered = notification.revision
            count += 1
        }
        if handoff.notifications.last.map({ $0.revision <= dataset.covered }) ?? true {
            dataset.covered = max(dataset.covered, handoff.to)
        }
    }

    /// Takes up to `maximum` notifications of datasets of which nothing is on its way; a notification that is to go alone
    /// goes alone.
    package mutating func take(maximum: Int, now: ContinuousClock.Instant) -> Parcel {
        var parcel = Parcel(notifications: [], expired: [])
        while parcel.notifications.count < maximum, readyHead < ready.count {
            let id = ready[readyHead]
            guard var dataset = datasets[id], !dataset.isInFlight, !dataset.waiting.isEmpty else {
                readyHead += 1
                continue
            }
            if dataset.claimedUntil <= now {
                readyHead += 1
                count -= dataset.waiting.count
                datasets[id] = nil
                parcel.expired.append((id, dataset.laneKey))
                continue
            }
            if dataset.waiting[0].alone && !parcel.notifications.isEmpty { break }
            readyHead += 1
            var room = dataset.waiting[0].alone ? 1 : maximum - parcel.notifications.count
            if let alone = dataset.waiting.dropFirst().firstIndex(where: \.alone) { room = min(room, alone) }
            let taken = dataset.waiting.prefix(room)
            parcel.notifications += taken.map { ($0, dataset.address) }
            dataset.waiting.removeFirst(taken.count)
            dataset.isInFlight = true
            datasets[id] = dataset
            if taken.first?.alone == true { break }
        }
        if readyHead > 1024 && readyHead * 2 > ready.count {
            ready.removeFirst(readyHead)
            readyHead = 0
        }
        return parcel
    }

    /// Notes that what was taken of this dataset has been dealt with, and says what to note in its row.
    package mutating func finish(
        _ historyID: Int64, taken: Int, deadLetters: [Settlement.DeadLetter] = []
    ) -> Settlement? {
        count -= taken
        guard var dataset = datasets[historyID] else { return nil }
        if dataset.isForgotten {
            datasets[historyID] = nil
            return nil
        }
        release(&dataset, historyID)
        datasets[historyID] = dataset
        return Settlement(
            historyID: historyID, laneKey: dataset.laneKey,
            upTo: dataset.waiting.first.map { $0.revision - 1 } ?? dataset.covered,
            covered: dataset.covered, oldest: dataset.waiting.first?.arisenAt, deadLetters: deadLetters)
    }

    /// Puts back what could not be sent; progress that was overtaken meanwhile is dropped.
    package mutating func putBack(_ historyID: Int64, _ notifications: [Notification]) {
        guard var dataset = datasets[historyID], !dataset.isForgotten else {
            count -= notifications.count
            datasets[historyID] = nil
            return
        }
        let overtakenNow = dataset.waiting.contains(where: \.isProgress)
        let kept = notifications.filter { !($0.isProgress && overtakenNow) }
        overtaken += notifications.count - kept.count
        count -= notifications.count - kept.count
        dataset.waiting.insert(contentsOf: kept, at: 0)
        release(&dataset, historyID)
        datasets[historyID] = dataset
    }

    private mutating func release(_ dataset: inout Dataset, _ historyID: Int64) {
        dataset.isInFlight = false
        if !dataset.waiting.isEmpty { ready.append(historyID) }
    }

    /// Leaves a dataset to whoever has the claim now.
    package mutating func forget(_ historyID: Int64) {
        guard var dataset = datasets.removeValue(forKey: historyID) else { return }
        count -= dataset.waiting.count
        guard dataset.isInFlight else { return }
        dataset.waiting = []
        dataset.isForgotten = true
        datasets[historyID] = dataset
    }

    /// Notes that a settlement has been committed.
    ///
    /// - Parameters:
    ///   - owed: the row still owes notifications and this instance has the claim.
    ///   - revision: the row's revision.
    /// - Returns: from which revision on the log has to be read, if others have added to it meanwhile.
    package mutating func settled(
        _ historyID: Int64, owed: Bool, revision: Int64, claimedUntil: ContinuousClock.Instant
    ) -> Int64? {
        guard var dataset = datasets[historyID], !dataset.isForgotten else { return nil }
        if !owed {
            if dataset.waiting.isEmpty && !dataset.isInFlight && dataset.covered <= revision {
                datasets[historyID] = nil
            }
            return nil
        }
        dataset.claimedUntil = claimedUntil
        let behind = revision > dataset.covered && !dataset.isLoading
        if behind { dataset.isLoading = true }
        datasets[historyID] = dataset
        return behind ? dataset.covered : nil
    }
}
