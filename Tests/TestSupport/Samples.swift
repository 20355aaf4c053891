package import Datasets
import Synchronization
import Time

/// Numbers that are used once in a test process, so that ids of different kinds are never equal by chance.
package enum Fresh {
    private static let counter = Atomic(Int64.random(in: 1_000_000..<2_000_000))

    package static func number() -> Int64 {
        counter.wrappingAdd(1, ordering: .relaxed).newValue
    }
}

extension DatasetHistory {
    /// A history in memory.
    package static func sample(
        id: Int64 = 7, status: HistoryStatus = .queued, datasetID: Int64? = 70, reference: String? = nil,
        preference: NotificationPreference = .all, sequence: Int64 = 0, revision: Int64 = 0, error: DatasetError? = nil
    ) -> DatasetHistory {
        DatasetHistory(
            origin: .init(
                id: id, wishlistID: 700, reference: reference, slug: "shoes", name: nil, preference: preference,
                createdBy: nil, createdAt: nil),
            datasetID: datasetID, status: status, error: error, sequence: sequence, revision: revision,
            delivery: DeliveryState())
    }
}

/// A notification of a history at a revision.
package func notification(
    _ type: DatasetEventType = .datasetProgress, of id: Int64 = 7, revision: Int64, alone: Bool = false
) -> Datasets.Notification {
    var history = DatasetHistory.sample(id: id, revision: revision)
    history.updatedAt = Timestamp(seconds: revision)
    var notification = Notification(history: history, type: type)
    notification.isSentAlone = alone
    return notification
}
