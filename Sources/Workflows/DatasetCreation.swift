package import Datasets
import JSON
import Signatures
package import Store
import TVPython
import Time

/// Case 1 of the spec: from a wishlist to a dataset at the TV Python API.
///
/// The row is reserved before the call, with a reference that is also the call's idempotency key, because a webhook can come
/// before the call returns. If the process dies in between, `PendingCreates` sends the same bytes again.
package struct DatasetCreation: Sendable {
    /// What a client may choose.
    package struct Options: Sendable, Equatable {
        package var name: String?
        package var notifications = DatasetHistory.NotificationPreference.all

        package init(name: String? = nil, notifications: DatasetHistory.NotificationPreference = .all) {
            self.name = name
            self.notifications = notifications
        }
    }

    /// How long another instance waits beyond the deadline before it takes a pending row over, in seconds.
    package static let leaseMarginSeconds: Int64 = 15

    let histories: Histories
    let wishlists: Wishlists
    let call: CreateCall

    package init(histories: Histories, wishlists: Wishlists, call: CreateCall) {
        self.histories = histories
        self.wishlists = wishlists
        self.call = call
    }

    /// Creates a dataset. Throws `Refusal` with the code that Case 1 has for each fault, in its order.
    ///
    /// - Parameter lease: the idempotency key under which the row is noted, in the transaction that reserves it.
    package func create(
        of wishlist: Wishlist, by caller: Caller, _ options: Options, exceptSocketID: String?, traceparent: String?,
        under lease: IdempotencyKeys.Lease? = nil
    ) async throws -> DatasetHistory {
        guard wishlist.isActive else {
            throw Refusal(.conflict, "wishlist_inactive", "The wishlist is not active.")
        }
        guard try await wishlists.hasValidSubscription(group: wishlist.groupID) else {
            throw Refusal(.paymentRequired, "subscription_required", "The group has no valid subscription.")
        }
        if let active = try await histories.active(of: wishlist) { throw Self.alreadyProcessing(active) }
        let contents = try await wishlists.contents(of: wishlist.id)
        guard contents.missing.isEmpty else {
            throw Refusal(
                .incomplete, "dataset_incomplete", contents.missing.map { ($0, ["The wishlist has no \($0)."]) })
        }
        let reference = UUIDv7.make(milliseconds: Timestamp.now().microseconds / 1000)
        let request = contents.request(
            reference: reference, name: options.name ?? wishlist.name,
            callback: TVPythonAPI.callbackName, wishlist: wishlist)
        let reservation = Histories.Reservation(
            reference: reference, name: options.name, notifications: options.notifications, createdBy: caller.userID,
            request: request, leaseSeconds: call.deadlineSeconds + Self.leaseMarginSeconds)
        guard let id = try await histories.reserve(reservation, of: wishlist, under: lease) else {
            if let active = try await histories.active(of: wishlist) { throw Self.alreadyProcessing(active) }
            throw Refusal(
                .unavailable(retryAfter: 1), "try_again", "Another dataset has just ended. Try again.")
        }
        let pending = CreateCall.Pending(historyID: id, reference: reference, request: request)
        return try await call.run(pending, exceptSocketID: exceptSocketID, traceparent: traceparent)
    }

    private static func alreadyProcessing(_ active: DatasetHistory) -> Refusal {
        var error = Refusal(
            .conflict, "dataset_already_processing", "A dataset of this wishlist is already being processed.")
        error.members = [("data", active.resource())]
        return error
    }
}
