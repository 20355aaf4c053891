import Sandbox
import TestSupport

@testable import Datasets
@testable import Delivery

/// An instance's queue with its lanes, its senders and its keeper, another instance, and the database between them, as far as
/// notifications go: what the rows say is real. What happens is the generator's choice alone; nothing depends on hashing or
/// on the time.
struct NotificationModel {
    struct History {
        var log: [DatasetEventType] = []
        var delivery = DeliveryState()
        /// Revisions, as subscribers were told of them.
        var delivered: [Int64] = []

        var revision: Int64 { Int64(log.count) }

        /// What subscribers will never be told: no progress came after it, and nobody owes it any more.
        var lost: [Int64] {
            let lastProgress = log.lastIndex(of: .datasetProgress)
            return log.indices.prefix(Int(delivery.watermark)).filter { index in
                NotificationModel.isWanted(log[index]) && (log[index] != .datasetProgress || index == lastProgress)
                    && !delivered.contains(Int64(index) + 1)
            }.map { Int64($0) + 1 }
        }
    }

    /// What the keeper's transaction has found, and has not told the queue yet.
    private enum Found {
        case released([(id: Int64, delivered: Int64, revision: Int64, isOurs: Bool)])
        case read([OutboxEntry], left: [Int64])
    }

    private static let types: [DatasetEventType] = [
        .datasetProgress, .datasetProgress, .datasetQueued, .trainingStarted, .trainingUpdated,
    ]
    /// `OutboxKeeper.changesPerHistory`.
    private static let readLimit = 5

    /// Leases are lost, the other instance takes what is left, and all that happens at once overtakes each other.
    let isRough: Bool
    private(set) var queue = NotificationQueue(maximumDatasets: 3, maximumPerDataset: 4)
    private(set) var histories = [History](repeating: History(), count: 4)
    /// What must not be, in words.
    private(set) var complaints: [String] = []

    private var generator: SplitMix64
    private var now = ContinuousClock.now
    /// The numbers that the two go by; each lost lease makes a new one.
    private var us: UInt64 = 1
    private var other: UInt64 = 2
    private var flying: [[Datasets.Notification]] = []
    /// For each lane, what it has committed and not told the queue yet, and under which number.
    private var untold: [(entry: OutboxEntry, number: UInt64)?] = [nil, nil]
    private var found: (found: Found, number: UInt64)?

    init(seed: UInt64, isRough: Bool) {
        generator = SplitMix64(state: seed)
        self.isRough = isRough
    }

    static func isWanted(_ type: DatasetEventType) -> Bool { type != .trainingUpdated }

    private var isDone: Bool {
        queue.isEmpty && flying.isEmpty && found == nil && untold.allSatisfy { $0 == nil }
            && histories.allSatisfy { $0.delivery.dispatcher == 0 }
    }

    /// Lets so much happen.
    mutating func run(steps: Int) {
        for _ in 0..<steps where complaints.isEmpty {
            switch Int.random(in: 0..<(isRough ? 14 : 8), using: &generator) {
            case 0, 1: change(by: us)
            case 2: change(by: other)
            case 11: otherSends()
            case 12: if Int.random(in: 0..<5, using: &generator) == 0 { loseLease() }
            case 13: if Int.random(in: 0..<5, using: &generator) == 0 { other += 2 }
            case let action: work(action)
            }
        }
    }

    /// Lets the other instance die, and waits until all is delivered.
    mutating func finish() {
        other += 2
        for _ in 0..<20_000 where complaints.isEmpty {
            if isDone { return }
            work(Int.random(in: 3..<11, using: &generator))
        }
        if complaints.isEmpty { complaints.append("is never done") }
    }

    private mutating func work(_ action: Int) {
        now += .milliseconds(Int.random(in: 0...3, using: &generator))
        switch action {
        case 3: take()
        case 4: endRequest()
        case 5: keep { $0.release() }
        case 6: keep { $0.load($0.queue.takeLoads(limit: 2)) }
        case 7: keep { $0.sweep() }
        case 8: for lane in untold.indices where Bool.random(using: &generator) { tell(lane) }
        case 9: tellFound()
        default: take()
        }
    }

    // MARK: - Transactions

    private mutating func change(by instance: UInt64) {
        let id = Int.random(in: 0..<histories.count, using: &generator)
        // When all goes well, it is ours, and the other leaves it to us.
        if !isRough && instance == other && histories[id].delivery.dispatcher != us { return }
        let before = histories[id].revision
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            histories[id].log.append(Self.types.randomElement(using: &generator) ?? .datasetQueued)
        }
        let made = notifications(id, after: before)
        let isOwn = histories[id].delivery.advance(
            from: before, to: histories[id].revision, wanted: !made.isEmpty,
            delivered: instance == us ? queue.delivered(Int64(id)) : 0, by: instance)
        check(id)
        guard isOwn, instance == us else { return }
        let lane = isRough ? Int.random(in: 0..<untold.count, using: &generator) : 0
        tell(lane)
        untold[lane] = (entry(id, from: before, to: histories[id].revision, made), us)
        if !isRough { tell(lane) }
    }

    private mutating func check(_ id: Int) {
        let lost = histories[id].lost
        if !lost.isEmpty { complaints.append("history \(id) lost \(lost)") }
        if histories[id].delivery.watermark > histories[id].revision { complaints.append("history \(id) is ahead") }
    }

    private func notifications(_ id: Int, after: Int64) -> [Datasets.Notification] {
        let log = histories[id].log
        return log.indices.dropFirst(Int(after)).filter { Self.isWanted(log[$0]) }.map {
            notification(log[$0], of: Int64(id), revision: Int64($0) + 1)
        }
    }

    private func entry(
        _ id: Int, from: Int64, to: Int64, _ notifications: [Datasets.Notification], isFromLog: Bool = false
    ) -> OutboxEntry {
        OutboxEntry(
            historyID: Int64(id), address: WishlistAddress(slug: "s", groupID: nil), from: from, to: to,
            latest: histories[id].revision, watermark: histories[id].delivery.watermark, notifications: notifications,
            isFromLog: isFromLog)
    }

    /// `Dispatcher.take`.
    private mutating func tell(_ lane: Int) {
        guard let (entry, number) = untold[lane] else { return }
        untold[lane] = nil
        if number == us { queue.offer(entry, now: now) }
    }

    // MARK: - The keeper

    /// The keeper does one thing after the other.
    private mutating func keep(_ step: (inout Self) -> Found?) {
        tellFound()
        found = step(&self).map { ($0, us) }
        if !isRough || Bool.random(using: &generator) { tellFound() }
    }

    /// `OutboxKeeper.release`.
    private mutating func release() -> Found? {
        let idle = queue.takeIdle(since: now, limit: 2)
        if idle.isEmpty { return nil }
        return .released(
            idle.map { one in
                let (id, delivered) = (one.id, one.delivered)
                let history = histories[Int(id)]
                let isOurs = history.delivery.dispatcher == us
                if isOurs && history.revision == delivered {
                    histories[Int(id)].delivery = DeliveryState(watermark: delivered)
                    check(Int(id))
                }
                return (id, delivered, history.revision, isOurs)
            })
    }

    /// `OutboxKeeper.load`.
    private mutating func load(_ loads: [Int64: Int64]) -> Found? {
        var entries: [OutboxEntry] = []
        var left: [Int64] = []
        for (historyID, after) in loads.sorted(by: { $0.key < $1.key }) {
            let id = Int(historyID)
            if isOrphaned(id) { histories[id].delivery.dispatcher = us }
            guard histories[id].delivery.dispatcher == us else {
                left.append(historyID)
                continue
            }
            let from = max(after, histories[id].delivery.watermark)
            let to = min(histories[id].revision, from + Int64(Self.readLimit))
            entries.append(
                entry(
                    id, from: from, to: to, notifications(id, after: from).filter { $0.revision <= to }, isFromLog: true
                ))
        }
        return entries.isEmpty && left.isEmpty ? nil : .read(entries, left: left)
    }

    /// `OutboxKeeper.sweep`.
    private mutating func sweep() -> Found? {
        let named = histories.indices.filter { histories[$0].delivery.dispatcher == us }.map(Int64.init)
        let orphaned = histories.indices.filter(isOrphaned).map(Int64.init)
        return load(Dictionary(uniqueKeysWithValues: (queue.unknown(named) + orphaned).map { ($0, 0) }))
    }

    private func isOrphaned(_ id: Int) -> Bool { ![0, us, other].contains(histories[id].delivery.dispatcher) }

    private mutating func tellFound() {
        guard let (found, number) = found else { return }
        self.found = nil
        switch found {
        case .released(let rows):
            for (id, delivered, revision, isOurs) in rows {
                if !isOurs || revision == delivered {
                    queue.released(id, at: delivered)
                } else {
                    queue.notReleased(id, revision: revision, now: now)
                }
            }
        case .read(let entries, let left):
            for id in left { queue.forget(id) }
            if number == us { for entry in entries { queue.offer(entry, now: now) } }
        }
    }

    /// Others have removed our lease: stopped for too long, for example.
    private mutating func loseLease() {
        us += 2
        queue.forgetAll()
    }

    // MARK: - The other instance

    private mutating func otherSends() {
        for id in histories.indices where Bool.random(using: &generator) {
            if isOrphaned(id) { histories[id].delivery.dispatcher = other }
            guard histories[id].delivery.dispatcher == other else { continue }
            histories[id].delivered += notifications(id, after: histories[id].delivery.watermark).map(\.revision)
            histories[id].delivery = DeliveryState(watermark: histories[id].revision)
        }
    }

    // MARK: - Senders

    private mutating func take() {
        let taken = queue.take(maximum: Int.random(in: 1...5, using: &generator)).map(\.notification)
        if taken.isEmpty { return }
        if taken.contains(where: { one in flying.joined().contains { $0.historyID == one.historyID } }) {
            complaints.append("two requests for one dataset")
        }
        if taken.count > 1 && taken.contains(where: \.isSentAlone) { complaints.append("not alone") }
        flying.append(taken)
    }

    /// Some were sent, the rest goes back.
    private mutating func endRequest() {
        guard !flying.isEmpty else { return }
        let request = flying.remove(at: Int.random(in: 0..<flying.count, using: &generator))
        let sent = Int.random(in: 0...request.count, using: &generator)
        for one in request[..<sent] { histories[Int(one.historyID)].delivered.append(one.revision) }
        let isAlone = Bool.random(using: &generator)
        for id in Set(request.map(\.historyID)).sorted() {
            let back = request[sent...].filter { $0.historyID == id }.map {
                var one = $0
                one.isSentAlone = isAlone
                return one
            }
            queue.finish(id, delivered: request[..<sent].count { $0.historyID == id }, back: back, now: now)
        }
    }
}
