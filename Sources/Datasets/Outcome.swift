/// What became of an event that is in the log, with the numbers in `wishlist_dataset_events.outcome` (spec, section 4).
package enum EventOutcome: Int, Sendable, CaseIterable {
    case applied = 0
    case stale = 1
    case ignored = 2
    case parked = 3
    case rejected = 4

    package var label: String { "\(self)" }
}

/// What became of an event, as its history decides it, the metrics count it and the sender of a webhook hears it.
package enum Outcome: Sendable, Equatable {
    /// The history changed, and took its next revision.
    case applied
    /// The same webhook-id was stored before.
    case duplicate
    /// Older than what is known, or the status does not allow it: stored, changes nothing that is seen.
    case stale
    /// Of a type that is not known: stored.
    case ignored
    /// Its cause has not come yet: stored, to be applied after that.
    case parked
    /// It cannot be read, or contradicts what is known: stored for the operator, with the reason.
    case rejected(String)
    /// Nothing was stored: the database is away, or too much is waiting.
    case unavailable
    /// Nothing was stored: this webhook cannot be.
    case failed

    /// The labels of all outcomes, by their places.
    package static let labels = [
        "applied", "duplicate", "stale", "ignored", "parked", "rejected", "unavailable", "failed",
    ]

    /// The place of its label.
    package var place: Int {
        switch self {
        case .applied: 0
        case .duplicate: 1
        case .stale: 2
        case .ignored: 3
        case .parked: 4
        case .rejected: 5
        case .unavailable: 6
        case .failed: 7
        }
    }

    package var label: String { Self.labels[place] }

    /// How the log has it; nil: it is not in the log, or was before.
    package var logged: EventOutcome? {
        switch self {
        case .applied: .applied
        case .stale: .stale
        case .ignored: .ignored
        case .parked: .parked
        case .rejected: .rejected
        case .duplicate, .unavailable, .failed: nil
        }
    }

    /// Why it was rejected.
    package var reason: String? {
        if case .rejected(let reason) = self { reason } else { nil }
    }
}
