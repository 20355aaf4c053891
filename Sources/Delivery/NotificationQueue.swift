import Datasets

/// The notifications that this instance has to deliver: which of them may go out now, how far each history is delivered, and
/// what has to be read from the log.
///
/// A pure value; `Dispatcher` holds it under a lock and does what it decides. For each dataset at most one publish request is
/// on its way, so order is kept; different datasets go side by side. What does not fit is left to the log, where all of it
/// stands anyway, and is read later.
struct NotificationQueue: Sendable {
    /// The life of a dataset in this queue:
    ///
    ///     (absent) ──offer──▶ ready ──take──▶ in flight ──finish──▶ ready | idle ──noted──▶ (absent)
    ///
    /// An idle one is delivered, but its row does not say so yet: the next change of the row takes the watermark along, or it
    /// is written once the dataset has been quiet for a while. What is forgotten is absent at once, or when its request has
    /// ended: a second one must not overtake it, nor the end of the first be taken for the end of the second.
    private struct Dataset: Sendable {
        var address: WishlistAddress
        var waiting: [Notification] = []
        var isInFlight = false
        /// The last revision that is on its way.
        var lastTaken: Int64 = 0
        /// Up to here another instance, or this one before it died, may have sent them already.
        var mayBeSentTo: Int64 = 0
        /// The last notification that Pusher has taken, and when, if it was sent once.
        var sent: (revision: Int64, at: ContinuousClock.Instant)?
        /// Another instance delivers it now: all but the request that is on its way is gone.
        var isForgotten = false
        /// The log is to be read for it; until then nothing is added.
        var isLoading = false
        /// All revisions up to here have been in `waiting`, or were not wanted.
        var covered: Int64
        /// All revisions up to here are delivered.
        var delivered: Int64
        /// The latest revision that is known of.
        var latest: Int64
        /// Since when there is nothing to send; nil: there is.
        var idleSince: ContinuousClock.Instant?
    }

    private var datasets: [Int64: Dataset] = [:]
    private var ready = FIFO<Int64>()
    private var idle = FIFO<(historyID: Int64, since: ContinuousClock.Instant)>()
    private var idleCount = 0
    /// Histories to be read from the log, and the revision after which.
    private var loads: [Int64: Int64] = [:]
    /// Notifications dropped because a newer progress event of the same dataset came while they waited.
    private(set) var overtaken = 0
    /// Notifications that wait or are on their way.
    private(set) var count = 0

    let maximumDatasets: Int
    let maximumPerDataset: Int

    /// - Parameter maximumDatasets: with something to send; and so many, besides, whose row is not up to date.
    init(maximumDatasets: Int = 20_000, maximumPerDataset: Int = 64) {
        self.maximumDatasets = maximumDatasets
        self.maximumPerDataset = maximumPerDataset
    }

    /// Datasets with something to send that nobody sends yet.
    var hasReady: Bool { !ready.isEmpty }

    /// How many datasets those are, about.
    var readyCount: Int { ready.count }

    /// Whether one more dataset with something to send is taken.
    var hasRoom: Bool { datasets.count - idleCount < maximumDatasets }

    /// Whether nothing waits, is on its way or is to be noted or read.
    var isEmpty: Bool { datasets.isEmpty && loads.isEmpty }

    // MARK: What comes in

    /// Takes what a transaction left to be sent, or what was read from the log.
    mutating func offer(_ entry: OutboxEntry, now: ContinuousClock.Instant) {
        let id = entry.historyID
        var dataset: Dataset
        if let known = datasets[id] {
            dataset = known
        } else {
            // Also of what was read from the log: it may have been asked for when more was here than is now.
            guard entry.from <= entry.watermark else { return load(id, after: entry.watermark) }
            guard hasRoom else { return }
            dataset = Dataset(
                address: entry.address, covered: entry.from, delivered: entry.from, latest: entry.from)
        }
        if dataset.isForgotten { return }
        dataset.latest = max(dataset.latest, entry.latest)
        defer { datasets[id] = dataset }
        if dataset.isLoading && !entry.isFromLog { return }
        dataset.address = entry.address
        if entry.watermark > dataset.covered { skip(to: entry.watermark, &dataset) }
        if entry.from > dataset.covered {
            dataset.isLoading = true
            return load(id, after: dataset.covered)
        }
        dataset.isLoading = false
        if entry.isFromLog { dataset.mayBeSentTo = max(dataset.mayBeSentTo, entry.to) }
        append(entry, to: &dataset)
        rest(id, &dataset, now)
    }

    /// What another instance has delivered meanwhile is not to be read, nor sent.
    private mutating func skip(to watermark: Int64, _ dataset: inout Dataset) {
        count -= dataset.waiting.count
        dataset.waiting = []
        dataset.covered = watermark
    }

    private mutating func append(_ entry: OutboxEntry, to dataset: inout Dataset) {
        for notification in entry.notifications where notification.revision > dataset.covered {
            if notification.isProgress, let old = dataset.waiting.firstIndex(where: \.isProgress) {
                dataset.waiting.remove(at: old)
                overtaken += 1
                count -= 1
            }
            // What does not fit stays uncovered, and is read from the log when there is room.
            guard dataset.waiting.count < maximumPerDataset else { return }
            if dataset.waiting.isEmpty && !dataset.isInFlight { ready.append(entry.historyID) }
            dataset.waiting.append(notification)
            dataset.covered = notification.revision
            count += 1
        }
        dataset.covered = max(dataset.covered, entry.to)
    }

    /// Notes how far a dataset is, and whether there is nothing more to do now.
    private mutating func rest(_ id: Int64, _ dataset: inout Dataset, _ now: ContinuousClock.Instant) {
        let wasIdle = dataset.idleSince != nil
        dataset.idleSince = nil
        if !dataset.isInFlight {
            dataset.delivered = dataset.waiting.first.map { $0.revision - 1 } ?? dataset.covered
            if dataset.waiting.isEmpty && !dataset.isLoading {
                if dataset.latest > dataset.covered {
                    dataset.isLoading = true
                    load(id, after: dataset.covered)
                } else {
                    dataset.idleSince = now
                    idle.append((id, now))
                }
            }
        }
        idleCount += (dataset.idleSince == nil ? 0 : 1) - (wasIdle ? 1 : 0)
    }

    // MARK: What goes out

    /// Takes up to `maximum` notifications of datasets of which nothing is on its way; a notification that is to go alone
    /// goes alone.
    mutating func take(maximum: Int) -> [(notification: Notification, address: WishlistAddress)] {
        var request: [(notification: Notification, address: WishlistAddress)] = []
        while request.count < maximum, let id = ready.first {
            guard var dataset = datasets[id], !dataset.isInFlight, !dataset.waiting.isEmpty else {
                ready.removeFirst()
                continue
            }
            if dataset.waiting[0].isSentAlone && !request.isEmpty { break }
            ready.removeFirst()
            var room = dataset.waiting[0].isSentAlone ? 1 : maximum - request.count
            if let alone = dataset.waiting.dropFirst().firstIndex(where: \.isSentAlone) { room = min(room, alone) }
            let taken = dataset.waiting.prefix(room)
            request += taken.map { ($0, dataset.address) }
            dataset.waiting.removeFirst(taken.count)
            dataset.isInFlight = true
            dataset.lastTaken = taken.last?.revision ?? 0
            datasets[id] = dataset
            if taken.first?.isSentAlone == true { break }
        }
        return request
    }

    /// Notes the end of a request, for one history: how many of its notifications have been delivered, and which go back.
    /// Progress that was overtaken meanwhile is dropped.
    ///
    /// - Parameter hasRefused: some of the delivered are dead letters.
    mutating func finish(
        _ id: Int64, delivered: Int, back: [Notification] = [], hasRefused: Bool = false, now: ContinuousClock.Instant
    ) {
        count -= delivered
        guard var dataset = datasets[id], !dataset.isForgotten else {
            count -= back.count
            datasets[id] = nil
            return
        }
        let isOvertaken = dataset.waiting.contains(where: \.isProgress)
        let kept = back.filter { !($0.isProgress && isOvertaken) }
        overtaken += back.count - kept.count
        count -= back.count - kept.count
        dataset.waiting.insert(contentsOf: kept, at: 0)
        dataset.isInFlight = false
        if delivered > 0, back.isEmpty, !hasRefused, dataset.lastTaken > dataset.mayBeSentTo {
            dataset.sent = (dataset.lastTaken, now)
        }
        if !dataset.waiting.isEmpty { ready.append(id) }
        rest(id, &dataset, now)
        datasets[id] = dataset
    }

    // MARK: What the rows are to say

    /// Up to which revision a history is delivered, as far as this instance knows; 0: it knows nothing.
    func delivered(_ id: Int64) -> Int64 { datasets[id]?.delivered ?? 0 }

    /// A history that is delivered, whose row does not say so yet.
    struct Idle: Sendable {
        var id: Int64
        /// The revision up to which all of it is delivered.
        var delivered: Int64
        /// The last notification that Pusher has taken, and when; nil: not known.
        var sent: (revision: Int64, at: ContinuousClock.Instant)?
    }

    /// Takes up to `limit` datasets that have been idle since `time` at least, or that are too many, for their rows to be
    /// released.
    mutating func takeIdle(since time: ContinuousClock.Instant, limit: Int) -> [Idle] {
        var taken: [Idle] = []
        while taken.count < limit, let (id, since) = idle.first, since <= time || idleCount > maximumDatasets {
            idle.removeFirst()
            guard let dataset = datasets[id], dataset.idleSince == since else { continue }
            taken.append(Idle(id: id, delivered: dataset.delivered, sent: dataset.sent))
        }
        return taken
    }

    /// Notes that a row has been released at this revision.
    mutating func released(_ id: Int64, at revision: Int64) {
        guard let dataset = datasets[id], dataset.idleSince != nil, dataset.delivered == revision else { return }
        datasets[id] = nil
        idleCount -= 1
    }

    /// Notes that a row could not be released: it is at this revision. Others may have changed it.
    mutating func notReleased(_ id: Int64, revision: Int64? = nil, now: ContinuousClock.Instant) {
        guard var dataset = datasets[id], dataset.idleSince != nil else { return }
        dataset.latest = max(dataset.latest, revision ?? 0)
        rest(id, &dataset, now)
        datasets[id] = dataset
    }

    // MARK: What is read from the log

    /// Has a history read from the log, from where this queue ends.
    mutating func load(_ id: Int64) {
        if datasets[id]?.isForgotten == true { return }
        datasets[id]?.isLoading = true
        load(id, after: datasets[id]?.covered ?? 0)
    }

    private mutating func load(_ id: Int64, after revision: Int64) {
        // What there is no room for is found by looking for it, if the queue knows nothing of it.
        if datasets[id] != nil || loads.count < maximumDatasets { loads[id] = revision }
    }

    /// Takes up to `limit` histories that are to be read from the log, and the revision after which.
    mutating func takeLoads(limit: Int) -> [Int64: Int64] {
        if loads.count <= limit {
            defer { loads = [:] }
            return loads
        }
        let taken = Dictionary(uniqueKeysWithValues: loads.prefix(limit).map { $0 })
        for id in taken.keys { loads[id] = nil }
        return taken
    }

    /// Which of these histories the queue knows nothing of.
    func unknown(_ ids: [Int64]) -> [Int64] { ids.filter { datasets[$0] == nil && loads[$0] == nil } }

    // MARK: What others deliver

    /// Leaves a dataset to whoever delivers it now.
    mutating func forget(_ id: Int64) {
        loads[id] = nil
        guard var dataset = datasets.removeValue(forKey: id) else { return }
        count -= dataset.waiting.count
        if dataset.idleSince != nil { idleCount -= 1 }
        guard dataset.isInFlight else { return }
        dataset.waiting = []
        dataset.isForgotten = true
        datasets[id] = dataset
    }

    /// Leaves everything.
    mutating func forgetAll() {
        for id in datasets.keys { forget(id) }
        loads = [:]
    }
}

/// First in, first out.
private struct FIFO<Element: Sendable>: Sendable {
    private var elements: [Element] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }
    var count: Int { elements.count - head }
    var first: Element? { isEmpty ? nil : elements[head] }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func removeFirst() {
        head += 1
        guard head > 1024 && head * 2 > elements.count else { return }
        elements.removeFirst(head)
        head = 0
    }
}
