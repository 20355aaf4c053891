import Datasets
package import Delivery
import MySQL
package import Store

/// Sends dead letters from here, oldest first: what has come after them has been sent long ago, so that no order is lost, and
/// the operator hears at once what becomes of them.
package struct DeadLetterRetry: Sendable {
    private let desk: OperatorDesk
    private let publisher: PusherPublisher

    package init(desk: OperatorDesk, publisher: PusherPublisher) {
        self.desk = desk
        self.publisher = publisher
    }

    /// - Returns: what became of each, and how many were sent. It ends where Pusher takes nothing.
    package func run(
        _ selection: DeadLetters.Selection, by actor: String
    ) async throws -> (table: Table, found: Int, sent: Int) {
        try await desk.recorded("notifications retry", selection.text, by: actor) {
            let ids = try await desk.pool.withConnection { try DeadLetters.ids(selection, on: $0) }
            var table = Table("id", "history_id", "revision", "type", "outcome", "reason")
            var sent = 0
            for id in ids {
                let found = try await desk.pool.withConnection { try DeadLetters.notification(id, on: $0) }
                guard let (notification, address) = found else {
                    table.add(.number(id), .number(nil), .number(nil), .text(nil), .text("gone"), .text(nil))
                    continue
                }
                let (outcome, reason, isAway) = try await send(id, notification, address)
                if outcome == "sent" { sent += 1 }
                table.add(
                    .number(id), .number(notification.historyID), .number(notification.revision),
                    .text(notification.type.rawValue), .text(outcome), .text(reason))
                if isAway { break }
            }
            return ((table, ids.count, sent), sent, "\(sent) of \(ids.count) sent")
        }
    }

    /// Sends it, and notes what became of it.
    private func send(
        _ id: Int64, _ notification: Notification, _ address: WishlistAddress
    ) async throws -> (outcome: String, reason: String?, isPusherAway: Bool) {
        let report = await publisher.publish([(notification, address)])
        switch report.outcomes.first {
        case .sent:
            try await desk.pool.withTransaction { _ = try DeadLetters.remove(.events([id]), on: $0) }
            return ("sent", nil, false)
        case .refused(let reason):
            try await desk.pool.withTransaction { try DeadLetters.refusedAgain(id, reason: reason, on: $0) }
            return ("refused", reason, false)
        case .again, nil:
            let reason =
                report.pause == .unauthorised
                ? "Pusher does not accept key, secret, clock or quota: see `integrator doctor`"
                : "Pusher cannot take it at present"
            return ("not sent", reason, true)
        }
    }
}
