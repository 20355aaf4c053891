package import Time

/// Which notifications of a history are still owed, and which instance has claimed to send them (spec, sections 5 and 9).
///
/// The revisions up to `notified` are settled; those from there to the history's `revision` are owed. They are not stored a
/// second time: the event log has what they tell. The instance that makes a change claims the history in the same
/// transaction, if no other holds a claim, and sends; another that makes a change meanwhile leaves it to the holder, who sees
/// it when settling. A claim that has run out may be taken by anyone. All times are the database's.
package struct NotificationDebt: Sendable, Equatable {
    /// How long a claim holds without being renewed, in seconds.
    package static let claimSeconds: Int64 = 30

    /// `notified_revision`: all notifications up to here are settled (sent, dropped, dead letters, or not wanted).
    package var notified: Int64 = 0
    /// `owed_since`: when the oldest owed notification arose; nil: none is owed.
    package var owedSince: Timestamp?
    /// `dispatcher`: who sends.
    package var dispatcher: UInt64?
    /// `dispatch_until`: when the claim runs out.
    package var until: Timestamp?

    package init(
        notified: Int64 = 0, owedSince: Timestamp? = nil, dispatcher: UInt64? = nil, until: Timestamp? = nil
    ) {
        self.notified = notified
        self.owedSince = owedSince
        self.dispatcher = dispatcher
        self.until = until
    }

    /// Takes the claim, or renews it.
    /// - Returns: false if another instance holds it.
    package mutating func claim(by instance: UInt64, at now: Timestamp) -> Bool {
        if let dispatcher, dispatcher != instance, let until, until > now { return false }
        dispatcher = instance
        until = now.adding(seconds: Self.claimSeconds)
        return true
    }

    /// Notes that the history went to `revision`.
    ///
    /// - Parameter wanted: at least one of the changes is to be notified.
    /// - Returns: true if this instance is to send what is owed.
    package mutating func incur(revision: Int64, wanted: Bool, by instance: UInt64, at now: Timestamp) -> Bool {
        if !wanted && owedSince == nil {
            notified = revision
            return false
        }
        if owedSince == nil { owedSince = now }
        return claim(by: instance, at: now)
    }

    /// Notes that all notifications up to `settled` have been dealt with.
    ///
    /// - Parameters:
    ///   - revision: the history's revision now.
    ///   - oldest: when the oldest notification that this instance still has to send arose.
    /// - Returns: true if more is owed and this instance (still) has the claim to it.
    package mutating func settle(
        upTo settled: Int64, of revision: Int64, oldest: Timestamp?, by instance: UInt64, at now: Timestamp
    ) -> Bool {
        notified = max(notified, min(settled, revision))
        if notified == revision {
            owedSince = nil
            dispatcher = nil
            until = nil
            return false
        }
        owedSince = oldest ?? now
        return claim(by: instance, at: now)
    }
}
