package import Time

/// What is known of the callback's registration, for health, metrics and the operator's page.
package struct CallbackState: Sendable, Equatable {
    /// Whether it was as it should be when it was last seen; nil: it has not been seen yet.
    package internal(set) var isRegistered: Bool?
    /// Since when that is so; nil: never seen.
    package internal(set) var since: Timestamp?
    /// When it was last seen, by GET.
    var seenAt: Timestamp?
    /// What is wrong with it, or why it could not be put right; empty if all is well.
    package internal(set) var faults: [String] = []
    /// Why it could not be looked at the last time; nil: it could.
    var problem: String?
    /// How often it was found wrong and put right, since the start.
    var repairs = 0
    /// Webhooks whose signature no secret of ours has made, while none was right; 0: all is well.
    var failingSignatures = 0
    /// Since when.
    var failingSince: Timestamp?

    package init() {}

    /// Why the service is degraded, in sentences; empty: it is not.
    package var reasons: [String] {
        var reasons: [String] = []
        switch isRegistered {
        case true: break
        case nil: reasons.append("the callback has not been looked at yet" + (problem.map { ": \($0)" } ?? ""))
        case false:
            let why = (faults + [problem].compactMap { $0 }).joined(separator: "; ")
            reasons.append("the callback is not as it should be: \(why)")
        }
        if failingSignatures > 0, let failingSince {
            reasons.append(
                "\(failingSignatures) webhooks with a wrong signature since \(failingSince.iso8601), and none that is right: "
                    + "is another secret registered?")
        }
        return reasons
    }
}
