package import Datasets
package import HTTPClient
import MySQL
import Pusher
import Synchronization
import Telemetry
import Time

/// Sends notifications to Pusher: one alone by `events`, several by `batch_events` (spec, section 5).
package struct PusherPublisher: Sendable {
    /// How long notifications that were taken together may take, however many requests they need: a server that hangs is
    /// found out by this, and what is sent is sent while the lease holds.
    package static let timeout: Duration = .seconds(10)

    /// What became of a notification.
    package enum Outcome: Sendable {
        case sent
        /// For good.
        case refused(String)
        /// Not sent, or not known whether; `alone`: it was in a batch that was refused.
        case again(isSentAlone: Bool)
    }

    /// What became of notifications that were taken together.
    package struct Report: Sendable {
        package var outcomes: [Outcome] = []
        package var pause: Dispatcher.Pause?
        /// Seconds that Pusher asked for.
        package var retryAfter: Int?
    }

    private let api: PusherAPI
    private let configuration: PusherSettings
    private let client: HTTPClient
    private let instruments: DeliveryInstruments
    private let batches: BatchSupport
    private let warned = WarnedSlugs()
    private let now: @Sendable () -> ContinuousClock.Instant

    /// The slugs that a warning has named, so many at most.
    private final class WarnedSlugs: Sendable {
        private let slugs = Mutex<Set<String>>([])

        func isNew(_ slug: String) -> Bool {
            slugs.withLock { $0.count < 1000 && $0.insert(slug).inserted }
        }
    }

    /// Whether the server has `batch_events`; some have not.
    private final class BatchSupport: Sendable {
        let isThere = Atomic(true)
    }

    package init(
        configuration: PusherSettings, client: HTTPClient, instruments: DeliveryInstruments,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.now = now
        self.configuration = configuration
        self.client = client
        self.instruments = instruments
        batches = BatchSupport()
        api = configuration.api
    }

    /// Sends in order, and stops at the first request that fails, or when less than half of the time is left.
    package func publish(
        _ notifications: [(notification: Notification, address: WishlistAddress)]
    ) async -> Report {
        let events = notifications.map { event(of: $0.notification, to: $0.address) }
        var requests = [0..<min(1, events.count)]
        if events.count > 1 {
            requests =
                batches.isThere.load(ordering: .relaxed)
                ? api.batches(
                    of: events, maximumEntries: configuration.batchEvents, maximumBytes: configuration.requestBytes)
                : events.indices.map { $0..<$0 + 1 }
        }
        var report = Report()
        let end = now() + Self.timeout
        for range in requests {
            let left = now().duration(to: end)
            if range.lowerBound > 0 && left < Self.timeout / 2 { break }
            await send(Array(events[range]), within: left, &report)
            // What comes after something that goes back would overtake it.
            if case .again = report.outcomes.last { break }
        }
        while report.outcomes.count < notifications.count { report.outcomes.append(.again(isSentAlone: false)) }
        return report
    }

    private func event(of notification: Notification, to address: WishlistAddress) -> PusherEvent {
        if !ChannelName.hasAll(configuration.channels, of: address), warned.isNew(address.slug) {
            instruments.log.warning(
                "the wishlist's slug cannot be a channel's name: its changes are published on the group's channel alone",
                ["slug": .string(address.slug)])
        }
        return PusherEvent(
            name: notification.type.notificationName, channels: ChannelName.all(configuration.channels, of: address),
            data: notification.payload(), socketID: notification.exceptSocketID)
    }

    private func send(_ events: [PusherEvent], within time: Duration, _ report: inout Report) async {
        let isBatch = events.count > 1
        let outcome: Outcome
        switch await request(events, within: time) {
        case .delivered:
            outcome = .sent
        case .refused(let reason):
            outcome = isBatch ? .again(isSentAlone: true) : .refused(reason)
        case .unsupported where isBatch:
            batches.isThere.store(false, ordering: .relaxed)
            outcome = .again(isSentAlone: false)
        case .unsupported:
            (outcome, report.pause) = (.again(isSentAlone: false), .unauthorised)
            instruments.log.error("Pusher does not know the app")
        case .unauthorised(let reason):
            (outcome, report.pause) = (.again(isSentAlone: false), .unauthorised)
            instruments.log.error(
                "Pusher does not accept us: all notifications are held back", ["reason": .string(reason)])
        case .retry(let after):
            (outcome, report.pause) = (.again(isSentAlone: false), .failing)
            report.retryAfter = after
        }
        report.outcomes += events.map { _ in outcome }
    }

    /// One request, signed for this attempt.
    private func request(_ events: [PusherEvent], within time: Duration) async -> PusherAnswer {
        let now = Timestamp.now().seconds
        let request: PusherRequest
        do throws(PusherError) {
            request =
                events.count == 1
                ? try api.trigger(events[0], now: now)
                : try api.triggerBatch(events, limit: configuration.batchEvents, now: now)
        } catch {
            return .refused(reason: "\(error)")
        }
        let started = ContinuousClock.now
        let operation = events.count == 1 ? "events" : "batch_events"
        do throws(HTTPClientError) {
            let response = try await client.send(
                HTTPClientRequest(
                    method: request.method, url: request.url, headers: [("Content-Type", "application/json")],
                    body: request.body, timeout: time))
            let isTaken = (200..<300).contains(response.status)
            let answer = PusherAnswer(
                status: response.status, retryAfter: isTaken ? nil : response.header("Retry-After"), body: response.body
            )
            instruments.pusherCalls.observe(operation, answer.name, since: started)
            if case .retry = answer {
                instruments.log.warning("Pusher cannot take notifications", ["status": .int(response.status)])
            }
            return answer
        } catch {
            instruments.pusherCalls.observe(operation, "unreachable", since: started)
            instruments.log.warning("Pusher cannot be reached", ["reason": .string("\(error)")])
            return .retry(after: nil)
        }
    }
}

extension PusherAnswer {
    /// A label.
    fileprivate var name: String {
        switch self {
        case .delivered: "delivered"
        case .refused: "refused"
        case .unauthorised: "unauthorised"
        case .retry: "retry"
        case .unsupported: "unsupported"
        }
    }
}
