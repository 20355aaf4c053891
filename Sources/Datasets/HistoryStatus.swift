/// The status of a history, with the numbers that stand in `wishlist_dataset_histories.status` (spec, section 3).
///
///     pending ──▶ queued ──▶ processing ──▶ completed | failed | canceled
///        │          │            │
///        └──────────┴────────────┴──▶ stalled ──▶ queued | processing | completed | failed | canceled
///
/// `pending` may become any; `failed` is left only where the TV Python API was thought unavailable.
package enum HistoryStatus: Int, Sendable, CaseIterable {
    /// Reserved, not yet acknowledged by the TV Python API.
    case pending = 0
    /// Acknowledged by the TV Python API.
    case queued = 1
    /// At work.
    case processing = 2
    /// Done, with a result.
    case completed = 3
    /// Ended, with an error.
    case failed = 4
    /// Ended by somebody's wish.
    case canceled = 5
    /// No webhook came within the deadline.
    case stalled = 6

    /// The name clients see.
    package var label: String { "\(self)" }

    /// The status with this number or name; nil for anything else.
    package init?(text: some StringProtocol) {
        let found = Self.allCases.first { $0.label == text || String($0.rawValue) == text }
        guard let found else { return nil }
        self = found
    }

    /// Whether a history in this status keeps its wishlist from starting another dataset.
    package var isActive: Bool { self == .pending || self == .queued || self == .processing }

    /// Whether the dataset has come to its end.
    package var isFinal: Bool { self == .completed || self == .failed || self == .canceled }

    /// Whether a history may go from this status to `next`.
    ///
    /// - Parameter unavailable: the history has `error_code` `tv_api_unavailable`: its failure was a guess.
    func mayBecome(_ next: HistoryStatus, unavailable: Bool = false) -> Bool {
        switch self {
        case .pending: true
        case .queued: next != .pending
        case .processing: next != .pending && next != .queued
        case .completed, .canceled: false
        case .failed: unavailable
        case .stalled: next != .pending && next != .stalled
        }
    }
}
