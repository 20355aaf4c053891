@testable import Datasets
@testable import Delivery
import Time
import MySQL
import Sandbox

@testable import Integrator

/// An instance's queue with its lanes and senders, another instance, and the database between them, as far as notifications
/// go: the debts are real. What happens is the generator's choice alone; nothing depends on hashing or on the time.
struct NotificationModel {
    struct History {
        var log: [DatasetEventType] = []
        var debt = NotificationDebt()
        /// Revisions, as subscribers were told of them.
        var delivered: [Int64] = []

        var revision: Int64 { Int64(log.count) }

        /// What subscribers will never be told: no progress came after it, and nobody owes it any more.
        var lost: [Int64] {
            let lastProgress = log.lastIndex(of: .datasetProgress)
            return log.indices.prefix(Int(debt.notified)).filter { index in
                NotificationModel.isWanted(log[index]) && (log[index] != .datasetProgress || index == lastProgress)
                    && !delivered.contains(Int64(index) + 1)
            }.map { Int64($0) + 1 }
        }
    }

    /// What a transaction leaves.
    private struct Effects {
        var handoffs: [Handoff] = []
        var settled: [(historyID: Int64, isOwed: Bool, revision: Int64)] = []
        var lost: [Int64] = []
    }

    private static let us: UInt64 = 1
    private static let other: UInt64 = 2
    private static let types: [DatasetEventType] = [
        .datasetProgress, .datasetProgress, .datasetQueued, .trainingStarted, .trainingUpdated,
    ]
    /// `BatchTransaction.recoveryLimit`.
    private static let recoveryLimit = 5

    /// Claims run out, the other instance takes them, and the two lanes overtake each other.
    let isRough: Bool
    private(set) var queue = NotificationQueue(maximumDatasets: 3, maximumPerDataset: 4)
    private(set) var histories = [History](repeating: History(), count: 4)
    /// What must not be, in words.
    private(set) var complaints: [String] = []

    private var generator: SplitMix64
    private let start = ContinuousClock.now
    private var seconds: Int64 = 0
    private var flying: [[Datasets.Notification]] = []
    private var settlements: [Settlement] = []
    private var recoveries: [(historyID: Int64, after: Int64?)] = []
    /// For each lane, what it has committed and not told the queue yet.
    private var untold: [Effects?] = [nil, nil]

    init(seed: UInt64, isRough: Bool) {
        generator = SplitMix64(state: seed)
        self.isRough = isRough
    }

    static func isWanted(_ type: DatasetEventType) -> Bool { type != .trainingUpdated }

    private var now: Timestamp { Timestamp(seconds: seconds) }
    private var claimedUntil: ContinuousClock.Instant { start + .seconds(seconds + NotificationDebt.claimSeconds - 5) }

    private var isDone: Bool {
        queue.count == 0 && flying.isEmpty && settlements.isEmpty && recoveries.isEmpty
            && untold.allSatisfy { $0 == nil } && histories.allSatisfy { $0.debt.notified == $0.revision }
    }

    /// Lets so much happen.
    mutating func run(steps: Int) {
        for _ in 0..<steps where complaints.isEmpty {
            switch Int.random(in: 0..<(isRough ? 12 : 6), using: &generator) {
            case 0: change(by: Self.us)
            case 1: change(by: Bool.random(using: &generator) ? Self.us : Self.other)
            case 7: otherSends()
            case let action: work(action)
            }
        }
    }

    /// Lets the other instance die, and waits until all is settled.
    mutating func finish() {
        for _ in 0..<20_000 where complaints.isEmpty {
            if isDone { return }
            work(Int.random(in: 2..<12, using: &generator))
        }
        if complaints.isEmpty { complaints.append("is never done") }
    }

    private mutating func work(_ action: Int) {
        switch action {
        case 2, 7: take()
        case 3: endRequest()
        case 4: commitSettlement()
        case 5, 8: commitRecovery()
        case 6: sweep()
        case 9: for lane in untold.indices where Bool.random(using: &generator) { tell(lane) }
        default: if isRough { seconds += Int64.random(in: 0...6, using: &generator) }
        }
    }

    // MARK: - Transactions

    private mutating func change(by instance: UInt64) {
        let id = Int.random(in: 0..<histories.count, using: &generator)
        // When all goes well, it is ours, and the other leaves it to us.
        if !isRough && instance == Self.other && histories[id].debt.dispatcher != Self.us { return }
        let before = histories[id].revision
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            histories[id].log.append(Self.types.randomElement(using: &generator) ?? .datasetQueued)
        }
        let made = notifications(id, after: before)
        let isOwn = histories[id].debt.incur(
            revision: histories[id].revision, wanted: !made.isEmpty, by: instance, at: now)
        guard isOwn, instance == Self.us else { return }
        commit(Effects(handoffs: [handoff(id, from: before, to: histories[id].revision, made)]))
    }

    /// `BatchTransaction.settle`.
    private mutating func commitSettlement() {
        guard !settlements.isEmpty else { return }
        let settlement = settlements.removeFirst()
        let id = Int(settlement.historyID)
        let revision = histories[id].revision
        let isOurs = histories[id].debt.settle(
            upTo: settlement.upTo, of: revision, oldest: settlement.oldest, by: Self.us, at: now)
        let lost = histories[id].lost
        if !lost.isEmpty { complaints.append("history \(id) lost \(lost)") }
        if histories[id].debt.owedSince != nil && !isOurs {
            commit(Effects(lost: [settlement.historyID]))
        } else {
            commit(Effects(settled: [(settlement.historyID, isOurs, revision)]))
        }
    }

    /// `BatchTransaction.claim` and `recover`.
    private mutating func commitRecovery() {
        guard !recoveries.isEmpty else { return }
        let (historyID, after) = recoveries.removeFirst()
        let id = Int(historyID)
        guard histories[id].debt.owedSince != nil, histories[id].debt.claim(by: Self.us, at: now) else {
            return commit(Effects(lost: [historyID]))
        }
        let from = max(after ?? 0, histories[id].debt.notified)
        let to = min(histories[id].revision, from + Int64(Self.recoveryLimit))
        var handoff = handoff(id, from: from, to: to, notifications(id, after: from).filter { $0.revision <= to })
        handoff.isRecovered = true
        commit(Effects(handoffs: [handoff]))
    }

    private mutating func otherSends() {
        for id in histories.indices where histories[id].debt.dispatcher == Self.other && Bool.random(using: &generator)
        {
            histories[id].delivered += notifications(id, after: histories[id].debt.notified).map(\.revision)
            let revision = histories[id].revision
            _ = histories[id].debt.settle(upTo: revision, of: revision, oldest: nil, by: Self.other, at: now)
        }
    }

    private func notifications(_ id: Int, after: Int64) -> [Datasets.Notification] {
        let log = histories[id].log
        return log.indices.dropFirst(Int(after)).filter { Self.isWanted(log[$0]) }.map {
            notification(log[$0], of: Int64(id), revision: Int64($0) + 1)
        }
    }

    private func handoff(
        _ id: Int, from: Int64, to: Int64, _ notifications: [Datasets.Notification]
    ) -> Handoff {
        Handoff(
            historyID: Int64(id), laneKey: Int64(id), address: WishlistAddress(slug: "s", groupID: nil), from: from,
            to: to, notified: histories[id].debt.notified, notifications: notifications)
    }

    private mutating func commit(_ effects: Effects) {
        let lane = isRough ? Int.random(in: 0..<untold.count, using: &generator) : 0
        tell(lane)
        untold[lane] = effects
        if !isRough { tell(lane) }
    }

    /// `Dispatcher.take`, and what its caller does.
    private mutating func tell(_ lane: Int) {
        guard let effects = untold[lane] else { return }
        untold[lane] = nil
        for handoff in effects.handoffs {
            switch queue.offer(handoff, claimedUntil: claimedUntil) {
            case .load(let after): recoveries.append((handoff.historyID, after))
            case .settle(let settlement): settlements.append(settlement)
            case .accepted, .left: break
            }
        }
        for (id, isOwed, revision) in effects.settled {
            let after = queue.settled(id, owed: isOwed, revision: revision, claimedUntil: claimedUntil)
            if let after { recoveries.append((id, after)) }
        }
        for id in effects.lost { queue.forget(id) }
    }

    // MARK: - Senders

    private mutating func take() {
        let parcel = queue.take(
            maximum: Int.random(in: 1...5, using: &generator), now: start + .seconds(seconds))
        recoveries += parcel.expired.map { ($0.historyID, nil) }
        let taken = parcel.notifications.map(\.notification)
        if taken.isEmpty { return }
        if taken.contains(where: { one in flying.joined().contains { $0.historyID == one.historyID } }) {
            complaints.append("two requests for one dataset")
        }
        if taken.count > 1 && taken.contains(where: \.alone) { complaints.append("not alone") }
        flying.append(taken)
    }

    /// Some were sent, the rest goes back.
    private mutating func endRequest() {
        guard !flying.isEmpty else { return }
        let parcel = flying.remove(at: Int.random(in: 0..<flying.count, using: &generator))
        let sent = Int.random(in: 0...parcel.count, using: &generator)
        for one in parcel[..<sent] { histories[Int(one.historyID)].delivered.append(one.revision) }
        let isAlone = Bool.random(using: &generator)
        for id in Self.ids(parcel[sent...]) {
            queue.putBack(
                id,
                parcel[sent...].filter { $0.historyID == id }.map {
                    var one = $0
                    one.alone = isAlone
                    return one
                })
        }
        for id in Self.ids(parcel[..<sent]) {
            let count = parcel[..<sent].count { $0.historyID == id }
            if let settlement = queue.finish(id, taken: count) { settlements.append(settlement) }
        }
    }

    private static func ids(_ notifications: ArraySlice<Datasets.Notification>) -> [Int64] {
        Set(notifications.map(\.historyID)).sorted()
    }

    /// Finds what nobody has the claim of; when all goes well, what the queue had no room for.
    private mutating func sweep() {
        let isIdle = queue.count == 0 && flying.isEmpty && settlements.isEmpty && recoveries.isEmpty
        for id in histories.indices where histories[id].debt.owedSince != nil {
            let isFree = histories[id].debt.until.map { $0 < now } ?? true
            if isFree || (!isRough && isIdle) { recoveries.append((Int64(id), nil)) }
        }
    }
}
