package import Time

/// Tells when the webhooks' signatures fail while none is right: another secret than ours is registered, or another's
/// webhooks come here. One that is right ends it. Pure.
package struct SignatureWatch: Sendable, Equatable {
    /// So many in a row are no accident.
    static let enough = 3
    /// What lies further back is forgotten, in seconds: retries of one webhook are up to half an hour apart at first.
    static let window: Int64 = 3600
    /// Between two calls to look at the registration, in seconds.
    static let interval: Int64 = 60

    /// Failed since the last one that was right.
    package private(set) var count = 0
    package private(set) var since: Timestamp?
    private var lastAt: Timestamp?
    private var saidAt: Timestamp?

    package init() {}

    /// Notes one that no secret of ours has made.
    /// - Returns: whether the registration is to be looked at.
    package mutating func failed(at now: Timestamp) -> Bool {
        if !isRecent(at: now) { self = SignatureWatch() }
        count += 1
        since = since ?? now
        lastAt = now
        guard count >= Self.enough, saidAt.map({ $0.adding(seconds: Self.interval) <= now }) ?? true else {
            return false
        }
        saidAt = now
        return true
    }

    /// Notes one that is right.
    package mutating func succeeded() { self = SignatureWatch() }

    /// Whether something is wrong.
    func isFailing(at now: Timestamp) -> Bool { count >= Self.enough && isRecent(at: now) }

    private func isRecent(at now: Timestamp) -> Bool {
        lastAt.map { now < $0.adding(seconds: Self.window) } ?? false
    }
}
