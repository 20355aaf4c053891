/// What an app may send. Pusher's own numbers; other servers are stricter.
public struct SandboxPusherLimits: Sendable, Equatable {
    /// Bytes of a whole request body; above: 413. Reverb takes 10,000.
    public var requestBytes = 1 << 20
    /// Events in a batch; above: 400. With 0 there is no batch route (404), as with ipe.
    public var batchEvents = 10
    /// UTF-8 bytes of an event's data; above: 413.
    public var dataBytes = 10_240
    /// Channels an event may go to; above: 400.
    public var channelsPerEvent = 100

    /// Pusher's.
    public init() {}
}

/// What happens to a request to Pusher's HTTP API instead of being treated as it should be.
public struct PusherFault: Sendable, Equatable {
    /// Answered with this status, the request not looked at; nil: it is treated as it should be, after the delay.
    public var status: Int?
    /// Seconds, for the header `Retry-After`.
    public var retryAfter: Int?
    /// Before anything else happens.
    public var delay: Duration
    /// Never answered and not looked at.
    public var hangs: Bool

    /// A fault; see the properties.
    public init(status: Int? = nil, retryAfter: Int? = nil, delay: Duration = .zero, hangs: Bool = false) {
        self.status = status
        self.retryAfter = retryAfter
        self.delay = delay
        self.hangs = hangs
    }
}
