package import Datasets
import Time
package import HTTPClient
import Telemetry

/// The senders: take parcels from the dispatcher, send them to Pusher, and have noted what became of them (spec, section 5).
package struct NotificationSender: Sendable {
    /// Requests on their way at once.
    private static let senders = 8
    private static let backoff = Backoff(base: .milliseconds(250), cap: .seconds(30))

    private let dispatcher: Dispatcher
    private let settle: @Sendable (Settlement) -> Void
    private let recover: @Sendable (_ historyID: Int64, _ laneKey: Int64) -> Void
    private let publisher: PusherPublisher
    private let instruments: DeliveryInstruments
    private let perParcel: Int

    /// - Parameters:
    ///   - settle: has noted what has been dealt with.
    ///   - recover: has a history claimed, and what it owes read from the log.
    package init(
        configuration: PusherSettings, dispatcher: Dispatcher, client: HTTPClient, instruments: DeliveryInstruments,
        settle: @escaping @Sendable (Settlement) -> Void,
        recover: @escaping @Sendable (_ historyID: Int64, _ laneKey: Int64) -> Void
    ) {
        self.dispatcher = dispatcher
        self.settle = settle
        self.recover = recover
        self.instruments = instruments
        publisher = PusherPublisher(configuration: configuration, client: client, instruments: instruments)
        perParcel = max(1, configuration.batchEvents / max(1, configuration.channels.count))
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
        while case .send(let parcel) = await dispatcher.next(maximum: perParcel) {
            for expired in parcel.expired { recover(expired.historyID, expired.laneKey) }
            let report = await publisher.publish(parcel.notifications)
            let pause = note(report, of: parcel)
            if let pause {
                try? await Task.sleep(for: pause)
                dispatcher.resume()
            }
        }
    }

    /// Has the outcome noted.
    /// - Returns: how long to wait before Pusher is tried again, if it fails.
    private func note(_ report: PusherPublisher.Report, of parcel: NotificationQueue.Parcel) -> Duration? {
        var done: [(historyID: Int64, count: Int, deadLetters: [Settlement.DeadLetter])] = []
        var back: [(historyID: Int64, notifications: [Notification])] = []
        for ((notification, _), outcome) in zip(parcel.notifications, report.outcomes) {
            let id = notification.historyID
            switch outcome {
            case .sent, .refused:
                if done.last?.historyID != id { done.append((id, 0, [])) }
                done[done.count - 1].count += 1
                if case .refused(let reason) = outcome {
                    instruments.notificationsDead.increment()
                    instruments.log.error(
                        "notification refused for good",
                        ["event_id": .string(notification.eventID), "reason": .string(reason)])
                    done[done.count - 1].deadLetters.append(.init(revision: notification.revision, reason: reason))
                } else {
                    instruments.notificationsSent.increment()
                    // By two clocks: never less than nothing.
                    let microseconds = Timestamp.now().microseconds - notification.arisenAt.microseconds
                    instruments.notificationSeconds.observe(Double(max(0, microseconds)) / 1e6)
                }
            case .again(let alone):
                var notification = notification
                notification.alone = notification.alone || alone
                if back.last?.historyID != id { back.append((id, [])) }
                back[back.count - 1].notifications.append(notification)
            }
        }
        let (settlements, failures) = dispatcher.finish(done: done, back: back, pause: report.pause)
        for settlement in settlements { settle(settlement) }
        guard report.pause != nil else { return nil }
        let asked = Duration.seconds(min(max(report.retryAfter ?? 0, 0), 120))
        return max(Self.backoff.delay(afterAttempt: failures), asked)
    }
}
