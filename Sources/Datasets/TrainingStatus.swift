/// The training status of a wishlist, with the numbers that stand in `wishlist_to_groups.training_status` (spec,
/// section 3).
package enum TrainingStatus: Int, Sendable, CaseIterable {
    /// No training was asked for.
    case none = 0
    /// A client asked for it, at `training_scheduled_at` or as soon as possible.
    case requested = 1
    /// The TV Python API is at it.
    case training = 2
    /// It ended well.
    case trained = 3
    /// It ended with an error.
    case failed = 4
    /// A client called it off.
    case canceled = 5

    /// The name clients see.
    package var label: String { "\(self)" }

    /// The status with this number or name; nil for anything else.
    package init?(text: some StringProtocol) {
        let found = Self.allCases.first { $0.label == text || String($0.rawValue) == text }
        guard let found else { return nil }
        self = found
    }

    /// What a client may set from here; setting what is set already changes nothing and is allowed always, but for
    /// `requested`, which may be set again with a new time.
    package var clientTransitions: [TrainingStatus] {
        switch self {
        case .none, .trained, .failed, .canceled: [.requested]
        case .requested: [.none, .requested, .canceled]
        case .training: [.canceled]
        }
    }

    /// Whether a `training.*` webhook may set `next` from here. None sets `canceled` today.
    func mayBeSet(byWebhook next: TrainingStatus) -> Bool {
        switch next {
        case .none, .requested: false
        case .training, .trained, .failed: self != .canceled
        case .canceled: true
        }
    }
}
