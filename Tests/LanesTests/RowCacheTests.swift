import TestSupport
import Testing

@testable import Datasets
@testable import Lanes

/// What a lane takes for known, and what it reads again.
@Suite(.timeLimit(.minutes(10))) struct RowCacheTests {
    private let address = WishlistAddress(slug: "shoes", groupID: 1)
    private let start = ContinuousClock.now

    private func known(_ history: DatasetHistory) -> RowCache {
        var known = RowCache()
        known.note(slot(history))
        return known
    }

    private func slot(_ history: DatasetHistory) -> WorkingSet.Slot {
        WorkingSet.Slot(row: history, address: address, readAt: start)
    }

    @Test func aHistoryIsKnownForItsLifetime() {
        let known = known(.sample())
        #expect(known.id(ofDataset: 70, at: start) == 7)
        let end = start + RowCache.lifetime
        #expect(known.isFresh(7, at: end - .milliseconds(1)))
        #expect(!known.isFresh(7, at: end))
        #expect(known.id(ofDataset: 70, at: end) == nil)
        #expect(known.id(ofDataset: 71, at: start) == nil)
    }

    @Test func committingItAgainDoesNotMakeItYounger() {
        var known = RowCache()
        let slot = slot(.sample())
        for revision in 1...2 {
            slot.history.revision = Int64(revision)
            known.note(slot)
        }
        #expect(!known.isFresh(7, at: start + RowCache.lifetime))
    }

    @Test func nothingIsLeftOfItsTransaction() {
        var known = RowCache()
        let slot = slot(.sample())
        slot.history.revision = 5
        slot.result = [1]
        slot.mayDiffer = true
        slot.entries = [
            .init(.webhook(0), key: "a", body: [], event: DatasetEvent(type: .datasetStarted, datasetID: 70))
        ]
        known.note(slot)
        let left = known.slot(7, like: .init(slot.history), slot.history.delivery)
        #expect(left?.row?.revision == 5)
        #expect(left?.result == nil && left?.mayDiffer == false && left?.entries.isEmpty == true)
    }

    /// It is written without a new revision: what the locked row says counts.
    @Test func whatTheRowSaysOfItsDeliveryIsTaken() {
        let known = known(.sample(revision: 3))
        let delivery = DeliveryState(watermark: 3, dispatcher: 2)
        let slot = known.slot(7, like: .init(.sample(revision: 3)), delivery)
        #expect(slot?.history.delivery == delivery)
        #expect(slot?.row?.delivery == delivery)
    }

    @Test func whatHasNoDatasetOrNoAddressIsNotKnown() {
        #expect(!known(.sample(datasetID: nil)).isFresh(7, at: start))
        var known = RowCache()
        known.note(WorkingSet.Slot(row: .sample(), readAt: start))
        #expect(!known.isFresh(7, at: start))
    }

    @Test func whatEverybodyChangesIsCompared() {
        let known = known(.sample(revision: 3))
        let same = RowCache.Mark(.sample(revision: 3))
        #expect(known.slot(7, like: same, DeliveryState())?.address == address)
        let changes: [(inout RowCache.Mark) -> Void] = [
            { $0.status += 1 }, { $0.revision += 1 }, { $0.isRedeliveryAsked = true }, { $0.sequence += 1 },
        ]
        for change in changes {
            var mark = same
            change(&mark)
            #expect(known.slot(7, like: mark, DeliveryState()) == nil)
        }
    }

    @Test func onlySoManyAreKnown() {
        var known = RowCache()
        for id in 1...Int64(RowCache.capacity + 1) {
            known.note(slot(.sample(id: id, datasetID: id)))
        }
        #expect(!known.isFresh(1, at: start))
        #expect(known.isFresh(Int64(RowCache.capacity + 1), at: start))
    }
}
