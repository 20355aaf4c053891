package import Datasets
import JSON
package import Lanes
import Signatures
package import Store
import Time

/// Setting a wishlist's training status for a client (spec, section 2, Case 3): a compare-and-set on what the client was
/// judged by, made as a change of the wishlist's latest history.
package struct TrainingUpdate: Sendable {
    /// What is set now.
    package struct Outcome: Sendable {
        package var wishlist: Wishlist
        package var training: TrainingChange
        /// The wishlist's latest.
        package var history: DatasetHistory
    }

    let histories: Histories
    let wishlists: Wishlists
    let lanes: HistoryLanes

    package init(histories: Histories, wishlists: Wishlists, lanes: HistoryLanes) {
        self.histories = histories
        self.wishlists = wishlists
        self.lanes = lanes
    }

    /// Sets the status, or leaves it if it is set. Throws `Refusal`, `notFound` if the wishlist went meanwhile.
    package func set(
        _ request: TrainingRequest, of wishlist: Wishlist, by caller: Caller, exceptSocketID: String?
    ) async throws -> Outcome {
        let history = try await histories.latest(of: wishlist)
        guard let history, history.status == .completed else { throw Self.notReady(history) }
        let present = wishlist.trainingChange
        let target = request.target(from: present)
        if target == present { return Outcome(wishlist: wishlist, training: present, history: history) }
        guard wishlist.training.clientTransitions.contains(target.status) else {
            throw Self.invalidTransition(to: target.status, from: wishlist.training)
        }
        var event = DatasetEvent(type: .trainingUpdated, datasetID: history.datasetID, reference: history.reference)
        event.training = target
        // Unique: the same status may be set again later, which is another change.
        let key = ".training.updated.\(UUIDv7.make(milliseconds: Timestamp.now().microseconds / 1000))"
        let answer = try await lanes.make(
            event, of: history.id, key: key, body: event.envelope(exceptSocketID: exceptSocketID),
            exceptSocketID: exceptSocketID
        ) { history, context, _ in
            history.status == .completed && context.isLatest && context.training == present.status
                && context.trainingScheduledAt == present.scheduledAt
        }
        if answer.isApplied { return Outcome(wishlist: wishlist, training: target, history: answer.history) }
        return try await lost(request, wishlist, caller)
    }

    /// Another was faster: what is set now decides.
    private func lost(_ request: TrainingRequest, _ wishlist: Wishlist, _ caller: Caller) async throws -> Outcome {
        guard let wishlist = try await wishlists.find(slug: wishlist.slug, user: caller.userID) else {
            throw Refusal.notFound
        }
        let history = try await histories.latest(of: wishlist)
        guard let history, history.status == .completed else { throw Self.notReady(history) }
        let present = wishlist.trainingChange
        if request.target(from: present) == present {
            return Outcome(wishlist: wishlist, training: present, history: history)
        }
        throw Self.invalidTransition(to: request.status, from: present.status, meanwhile: true)
    }

    private static func notReady(_ history: DatasetHistory?) -> Refusal {
        let state = history.map { "The latest dataset is \($0.status.label)" } ?? "There is no dataset yet"
        return Refusal(.conflict, "dataset_not_ready", "\(state); training needs a completed one.")
    }

    private static func invalidTransition(
        to next: TrainingStatus, from present: TrainingStatus, meanwhile: Bool = false
    ) -> Refusal {
        let allowed = present.clientTransitions.map(\.label)
        let state = meanwhile ? "has meanwhile become \(present.label)" : "is \(present.label)"
        var error = Refusal(
            .invalid, "invalid_transition",
            [
                (
                    "training_status",
                    [
                        "The training status \(state) and cannot become \(next.label). "
                            + "Allowed: \(allowed.joined(separator: ", "))."
                    ]
                )
            ])
        var list = JSONWriter()
        list.array { json in for label in allowed { json.value(label) } }
        error.members = [
            ("training_status", Array(String(present.rawValue).utf8)),
            ("training_status_label", Array("\"\(present.label)\"".utf8)), ("allowed", list.bytes),
        ]
        return error
    }
}

extension Wishlist {
    /// What its row says of training.
    fileprivate var trainingChange: TrainingChange {
        TrainingChange(status: training, scheduledAt: trainingScheduledAt)
    }
}

extension TrainingUpdate.Outcome {
    /// The training status as clients see it.
    package func resource() -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.field("slug", wishlist.slug)
            json.field("training_status", training.status.rawValue)
            json.field("training_status_label", training.status.label)
            json.field("training_scheduled_at", training.scheduledAt?.iso8601)
            json.field("history_id", history.id)
            json.field("dataset_id", history.datasetID)
            json.field("revision", history.revision)
        }
        return json.bytes
    }
}
