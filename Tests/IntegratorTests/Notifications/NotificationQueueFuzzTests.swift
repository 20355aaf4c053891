import MySQL
import Testing

@testable import Integrator

/// Many random histories through the queue, against what a subscriber must see: in order, nothing twice, nothing missing
/// but overtaken progress.
@Suite struct NotificationQueueFuzzTests {
    /// A database, as far as the queue can tell: the log of each history and its watermark.
    private struct Model {
        var log: [Int64: [DatasetEventType]] = [:]
        var notified: [Int64: Int64] = [:]
        var delivered: [Int64: [Int64]] = [:]

        func revision(_ id: Int64) -> Int64 { Int64(log[id]?.count ?? 0) }

        func handoff(_ id: Int64, after: Int64, recovered: Bool) -> Handoff {
            let from = max(after, recovered ? notified[id] ?? 0 : after)
            let types = Array((log[id] ?? []).dropFirst(Int(from)))
            return Handoff(
                historyID: id, laneKey: id, address: WishlistAddress(slug: "s", groupID: nil), from: from,
                to: revision(id), notified: notified[id] ?? 0,
                notifications: types.enumerated().map { index, type in
                    notification(type, of: id, revision: from + Int64(index) + 1)
                }, isRecovered: recovered)
        }
    }

    @Test(arguments: UInt64(1)...60)
    func subscribersSeeEverythingInOrder(seed: UInt64) {
        var generator = SeededGenerator(state: seed)
        var queue = NotificationQueue(maximumDatasets: 3, maximumPerDataset: 4)
        var model = Model()
        var flying: [[Integrator.Notification]] = []
        var settlements: [Settlement] = []
        let ids: [Int64] = [1, 2, 3, 4]
        let until = ContinuousClock.now + .seconds(1000)

        func load(_ id: Int64, after: Int64) {
            switch queue.offer(model.handoff(id, after: after, recovered: true), claimedUntil: until) {
            case .load: Issue.record("what was read from the log has a gap")
            case .settle(let settlement): settlements.append(settlement)
            case .accepted, .left: break
            }
        }

        func step(_ action: Int) {
            switch action {
            case 0, 1:  // A change is committed: by us, or by another instance that leaves it to us.
                guard let id = ids.randomElement(using: &generator) else { return }
                let before = model.revision(id)
                let types: [DatasetEventType] = [.datasetProgress, .datasetProgress, .datasetQueued, .trainingStarted]
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    model.log[id, default: []].append(types.randomElement(using: &generator) ?? .datasetQueued)
                }
                if Int.random(in: 0..<4, using: &generator) == 0 { return }
                switch queue.offer(model.handoff(id, after: before, recovered: false), claimedUntil: until) {
                case .load(let after): load(id, after: after)
                case .settle(let settlement): settlements.append(settlement)
                case .accepted, .left: break
                }
            case 2:  // A sender takes a parcel.
                let parcel = queue.take(maximum: Int.random(in: 1...5, using: &generator), now: .now)
                let notifications = parcel.notifications.map(\.notification)
                for id in Set(notifications.map(\.historyID)) {
                    #expect(!flying.joined().contains { $0.historyID == id }, "two requests for one dataset")
                }
                if notifications.contains(where: \.alone) { #expect(notifications.count == 1) }
                if !notifications.isEmpty { flying.append(notifications) }
            case 3:  // A request has ended: some were sent, the rest goes back.
                guard !flying.isEmpty else { return }
                let parcel = flying.remove(at: Int.random(in: 0..<flying.count, using: &generator))
                let sent = Int.random(in: 0...parcel.count, using: &generator)
                for notification in parcel[..<sent] {
                    model.delivered[notification.historyID, default: []].append(notification.revision)
                }
                let alone = Bool.random(using: &generator)
                let back = Dictionary(grouping: parcel[sent...], by: \.historyID)
                for (id, notifications) in back {
                    queue.putBack(
                        id,
                        notifications.map {
                            var notification = $0
                            notification.alone = alone
                            return notification
                        })
                }
                for (id, notifications) in Dictionary(grouping: parcel[..<sent], by: \.historyID) {
                    if let settlement = queue.finish(id, taken: notifications.count) { settlements.append(settlement) }
                }
            default:  // A settlement is committed.
                guard !settlements.isEmpty else { return }
                let settlement = settlements.removeFirst()
                let id = settlement.historyID
                model.notified[id] = max(model.notified[id] ?? 0, settlement.upTo)
                let isOwed = model.notified[id] ?? 0 < model.revision(id)
                let after = queue.settled(id, owed: isOwed, revision: model.revision(id), claimedUntil: until)
                if let after { load(id, after: after) }
            }
        }

        for _ in 0..<400 { step(Int.random(in: 0..<5, using: &generator)) }
        // What the queue had no room for is found by the sweep.
        for _ in 0..<5000 {
            for action in [2, 3, 4] { step(action) }
            if queue.hasReady || !flying.isEmpty || !settlements.isEmpty { continue }
            for id in ids where model.notified[id] ?? 0 < model.revision(id) { load(id, after: 0) }
        }

        #expect(queue.isEmpty)
        #expect(queue.count == 0)
        for (id, log) in model.log {
            let delivered = model.delivered[id] ?? []
            #expect(model.notified[id] == Int64(log.count))
            #expect(delivered == delivered.sorted())
            #expect(Set(delivered).count == delivered.count)
            let needed = log.indices.filter { log[$0] != .datasetProgress }.map { Int64($0) + 1 }
            #expect(Set(needed).isSubset(of: delivered))
            // The last word is always sent.
            #expect(delivered.last == Int64(log.count))
        }
    }
}
