import Time
import HTTPClient
import Telemetry

/// The senders: take parcels from the dispatcher, send them to Pusher, and have noted what became of them (spec, section 5).
package struct NotificationSender: Sendable {
    /// Requests on their way at once.
    private static let senders = 8
    private static let backoff = Backoff(base: .milliseconds(250), cap: .seconds(30))

    private let dispatcher: Dispatcher
    private let lanes: HistoryLanes
    private let publisher: PusherPublisher
    private let instruments: Instruments
    private let perParcel: Int

    init(
        configuration: Configuration.PusherServer, dispatcher: Dispatcher, lanes: HistoryLanes, client: HTTPClient,
        instruments: Instruments
    ) {
        self.dispatcher = dispatcher
        self.lanes = lanes
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
            for expired in parcel.expired { lanes.recover(expired.historyID, laneKey: expired.laneKey) }
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
                }
            case .again(let alone):
                var notification = notification
                notification.alone = notification.alone || alone
                if back.last?.historyID != id { back.append((id, [])) }
                back[back.count - 1].notifications.append(notification)
            }
        }
        let (settlements, failures) = dispatcher.finish(done: done, back: back, pause: report.pause)
        for settlement in settlements { lanes.settle(settlement) }
        guard report.pause != nil else { return nil }
        let asked = Duration.seconds(min(max(report.retryAfter ?? 0, 0), 120))
        return max(Self.backoff.delay(afterAttempt: failures), asked)
    }
}
