/// The lease of an instance: while it holds, the instance delivers the notifications of all histories whose row names it.
///
/// It is a row of `integrator_leases` that the instance renews. Others watch it by their own monotonic clocks: one that has
/// not changed for `term` they remove, and whoever is named by a history and has no lease is gone. So no clock has to be
/// right, neither this machine's nor the database's. An instance that finds its lease removed goes on under a new number, and
/// what the old one left is found as that of any other.
struct InstanceLease: Sendable {
    /// How long a lease has to stay as it is for others to remove it.
    static let term: Duration = .seconds(30)
    /// How often it is renewed.
    static let renewal: Duration = .seconds(5)
    /// Nothing is sent so shortly before others may remove it that it would be on its way then.
    static let margin: Duration = PusherPublisher.timeout + .seconds(2)

    /// The number to go by; random, below 2^63.
    private(set) var number = UInt64.random(in: 1..<(1 << 63))
    private var isHeld = false
    private var sendsUntil: ContinuousClock.Instant?

    /// The number, if the lease has been taken.
    var holder: UInt64? { isHeld ? number : nil }

    func allowsSending(at now: ContinuousClock.Instant) -> Bool { sendsUntil.map { now < $0 } ?? false }

    /// Notes that it was taken or renewed by a statement that was begun at `start`.
    mutating func renewed(_ number: UInt64, from start: ContinuousClock.Instant) {
        guard number == self.number else { return }
        isHeld = true
        sendsUntil = start + Self.term - Self.margin
    }

    /// Notes that others have removed it.
    mutating func lost(_ number: UInt64) {
        if number == self.number { self = InstanceLease() }
    }
}

/// Watches the leases of other instances by this process's monotonic clock.
struct LeaseWatch: Sendable {
    private var seen: [UInt64: (renewedAt: String, since: ContinuousClock.Instant)] = [:]

    /// Whether there were others at the last look.
    var hasOthers: Bool { !seen.isEmpty }

    /// Takes a look.
    /// - Returns: leases that have not changed for their whole term.
    mutating func stale(
        _ leases: [UInt64: String], but own: UInt64, at now: ContinuousClock.Instant
    ) -> [(instance: UInt64, renewedAt: String)] {
        seen = seen.filter { leases[$0.key] != nil }
        var stale: [(UInt64, String)] = []
        for (instance, renewedAt) in leases where instance != own {
            if let known = seen[instance], known.renewedAt == renewedAt {
                if now - known.since >= InstanceLease.term { stale.append((instance, renewedAt)) }
            } else {
                seen[instance] = (renewedAt, now)
            }
        }
        return stale
    }
}
