import Datasets
package import HTTPClient
import Telemetry
import Time

/// The senders: take notifications from the dispatcher, send them to Pusher, and note what became of them (spec, section 5).
package struct NotificationSender: Sendable {
    /// Publish requests on their way at once.
    private static let senders = 64
    private static let backoff = Backoff(base: .milliseconds(250), cap: .seconds(30))

    private let dispatcher: Dispatcher
    private let outbox: OutboxKeeper
    private let publisher: PusherPublisher
    private let instruments: DeliveryInstruments
    private let perRequest: Int

    package init(
        configuration: PusherSettings, dispatcher: Dispatcher, outbox: OutboxKeeper, client: HTTPClient,
        instruments: DeliveryInstruments
    ) {
        self.dispatcher = dispatcher
        self.outbox = outbox
        self.instruments = instruments
        publisher = PusherPublisher(configuration: configuration, client: client, instruments: instruments)
        perRequest = max(1, configuration.batchEvents / max(1, configuration.channels.count))
    }

    /// Sends until the dispatcher is drained or the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for _ in 0..<Self.senders {
                group.addTask { await self.work() }
            }
        }
    }

    private func work() async {
        while case .send(let notifications) = await dispatcher.next(maximum: perRequest) {
            var report = await publisher.publish(notifications)
            await bury(notifications.map(\.notification), &report)
            let failures = dispatcher.finish(
                Self.outcomes(notifications.map(\.notification), report), pause: report.pause)
            if report.pause != nil {
                let asked = Duration.seconds(min(max(report.retryAfter ?? 0, 0), 120))
                try? await Task.sleep(for: max(Self.backoff.delay(afterAttempt: failures), asked))
                dispatcher.resume()
            }
        }
    }

    /// Keeps what was refused for good. What cannot be kept counts as not sent, and nor does what comes after it.
    private func bury(_ notifications: [Notification], _ report: inout PusherPublisher.Report) async {
        var letters: [(notification: Notification, reason: String)] = []
        for (notification, outcome) in zip(notifications, report.outcomes) {
            switch outcome {
            case .sent:
                instruments.notificationsSent.increment()
                // By two clocks: never less than nothing.
                let since = notification.history.updatedAt?.microseconds ?? .max
                instruments.notificationSeconds.observe(Double(max(0, Timestamp.now().microseconds - since)) / 1e6)
            case .refused(let reason): letters.append((notification, reason))
            case .again: break
            }
        }
        if letters.isEmpty { return }
        guard await outbox.bury(letters) else {
            let first = report.outcomes.firstIndex { if case .refused = $0 { true } else { false } } ?? 0
            for index in first..<report.outcomes.count { report.outcomes[index] = .again(isSentAlone: true) }
            report.pause = .failing
            return
        }
        for (notification, reason) in letters {
            instruments.notificationsDead.increment()
            instruments.log.error(
                "notification refused for good",
                ["event_id": .string(notification.eventID), "reason": .string(reason)])
        }
    }

    /// By history; the notifications of one follow each other.
    private static func outcomes(
        _ notifications: [Notification], _ report: PusherPublisher.Report
    ) -> [Dispatcher.Outcome] {
        var outcomes: [Dispatcher.Outcome] = []
        for (notification, outcome) in zip(notifications, report.outcomes) {
            if outcomes.last?.historyID != notification.historyID {
                outcomes.append(.init(historyID: notification.historyID))
            }
            switch outcome {
            case .sent:
                outcomes[outcomes.count - 1].delivered += 1
            case .refused:
                outcomes[outcomes.count - 1].delivered += 1
                outcomes[outcomes.count - 1].hasRefused = true
            case .again(let alone):
                var notification = notification
                notification.isSentAlone = notification.isSentAlone || alone
                outcomes[outcomes.count - 1].back.append(notification)
            }
        }
        return outcomes
    }
}
