import Text
import Datasets
import Delivery
import Store
import HTTPClient
import JSON
import MySQL

extension CommandLineTool {
    /// `notifications list|retry|drop`.
    func notifications(_ arguments: inout Arguments) async throws -> Bool {
        let json = arguments.flag("--json")
        let command = arguments.next()
        switch command {
        case "list":
            let history = try arguments.number("--history")
            let limit = try arguments.number("--limit") ?? 50
            try arguments.end()
            try await listNotifications(history: history, limit: limit, json: json)
            return true
        case "retry":
            let (which, count) = try selection(&arguments)
            return try await retry(which, count, json: json)
        case "drop":
            let (which, count) = try selection(&arguments)
            return try await drop(which, json: json) >= count
        default:
            throw UsageError(message: "notifications: list, retry or drop?")
        }
    }

    /// Which dead letters are meant, as a condition on `wishlist_dataset_dead_letters d`, and how many have to be there.
    private func selection(_ arguments: inout Arguments) throws(UsageError) -> (which: SQL, count: Int) {
        let all = arguments.flag("--all")
        let history = try arguments.number("--history")
        let ids = try arguments.ids()
        switch (all, history, ids.isEmpty) {
        case (true, nil, true): return ("TRUE", 0)
        case (false, let history?, true): return ("d.history_id = \(history)", 0)
        case (false, nil, false): return ("d.event_id IN \(list: ids)", Set(ids).count)
        default: throw UsageError(message: "which dead letters: ids, --history ID or --all?")
        }
    }

    private func listNotifications(history: Int64?, limit: Int64, json isJSON: Bool) async throws {
        let only: SQL = history.map { "h.id = \($0)" } ?? "TRUE"
        let (owing, letters) = try await withDatabase { connection in
            (
                try connection.query(
                    """
                    SELECT h.id, h.dataset_id, h.slug, h.status, h.revision, h.notified_revision, e.recorded_at, \
                    TIMESTAMPDIFF(SECOND, e.recorded_at, UTC_TIMESTAMP(6)), l.instance IS NOT NULL \
                    FROM \(Outbox.owed) LEFT JOIN integrator_leases l ON l.instance = h.dispatcher \
                    WHERE \(only) ORDER BY e.recorded_at LIMIT \(limit)
                    """),
                try connection.query(Self.deadLetters("\(only)", limit: limit))
            )
        }
        var owed = Table(
            "history_id", "dataset_id", "slug", "status", "revision", "notified_revision", "owed_since", "age_seconds",
            "leased")
        for row in owing {
            owed.add(
                .number(try row.int64(0)), .number(try row.optionalInt64(1)), .text(try row.string(2)),
                .text(HistoryStatus(rawValue: Int(try row.int64(3)))?.label), .number(try row.int64(4)),
                .number(try row.int64(5)), .time(try row.optionalTimestamp(6)), .number(try row.optionalInt64(7)),
                .bool(try row.int64(8) == 1))
        }
        var dead = Table("id", "history_id", "dataset_id", "slug", "revision", "type", "refused_at", "reason")
        for row in letters {
            dead.add(
                .number(try row.int64(0)), .number(try row.int64(1)), .number(try row.optionalInt64(2)),
                .text(try row.optionalString(3)), .number(try row.int64(4)), .text(try row.optionalString(5)),
                .time(try row.timestamp(6)), .text(try row.string(7)))
        }
        if isJSON {
            print(json: { json in
                json.object { json in
                    json.key("owed")
                    owed.write(to: &json)
                    json.key("dead_letters")
                    dead.write(to: &json)
                }
            })
        } else {
            print("Owed, sent by itself:\n" + (owed.isEmpty ? "none" : owed.text))
            print("\nDead letters, to be retried or dropped:\n" + (dead.isEmpty ? "none" : dead.text))
        }
    }

    private static func deadLetters(_ condition: SQL, limit: Int64) -> SQL {
        """
        SELECT d.event_id, d.history_id, h.dataset_id, h.slug, d.revision, e.type, d.refused_at, d.reason \
        FROM wishlist_dataset_dead_letters d LEFT JOIN wishlist_dataset_events e ON e.id = d.event_id \
        LEFT JOIN wishlist_dataset_histories h ON h.id = d.history_id WHERE \(condition) \
        ORDER BY d.event_id LIMIT \(limit)
        """
    }

    // MARK: Dead letters

    private func drop(_ which: SQL, json isJSON: Bool) async throws -> Int {
        // MySQL has no alias here without naming the table twice.
        let dropped = try await withDatabase { connection in
            try connection.execute("DELETE d FROM wishlist_dataset_dead_letters d WHERE \(which)").affectedRows
        }
        if isJSON {
            print(json: { json in json.object { $0.field("dropped", dropped) } })
        } else {
            print("\(dropped) dropped")
        }
        return dropped
    }

    /// Sends dead letters from here, oldest first: what has come after them has been sent long ago, so that no order is
    /// lost, and the operator hears at once what becomes of them.
    /// - Returns: whether all have been sent, `count` at least.
    private func retry(_ which: SQL, _ count: Int, json isJSON: Bool) async throws -> Bool {
        let configuration = try Configuration(environment)
        let pool = MySQLPool(configuration.database, maximumConnections: 1)
        let client = HTTPClient(maximumConnectionsPerHost: 1, maximumResponseBytes: 1 << 20)
        let publisher = PusherPublisher(
            configuration: configuration.pusher, client: client,
            instruments: DeliveryInstruments(log: configuration.log))
        let ids = try await pool.withConnection { connection in
            try connection.query(
                "SELECT d.event_id FROM wishlist_dataset_dead_letters d WHERE \(which) ORDER BY d.event_id"
            ).map { row throws(MySQLError) in try row.int64(0) }
        }
        var table = Table("id", "history_id", "revision", "type", "outcome", "reason")
        var allSent = ids.count >= count
        for id in ids {
            guard let letter = try await DeadLetter(id, from: pool) else {
                table.add(.number(id), .number(nil), .number(nil), .text(nil), .text("gone"), .text(nil))
                continue
            }
            let (outcome, reason, isAway) = try await letter.send(publisher, pool)
            allSent = allSent && outcome == "sent"
            table.add(
                .number(id), .number(letter.notification.historyID), .number(letter.notification.revision),
                .text(letter.notification.type.rawValue), .text(outcome), .text(reason))
            if isAway { break }
        }
        print(table, json: isJSON, empty: "no such dead letters")
        await client.shutdown()
        await pool.shutdown()
        return allSent
    }
}

/// A notification that Pusher has refused for good.
private struct DeadLetter: Sendable {
    let id: Int64
    let notification: Notification
    let address: WishlistAddress

    /// Reads it back; nil if its event, its history or its wishlist is gone.
    init?(_ id: Int64, from pool: MySQLPool) async throws {
        let read: (Notification, WishlistAddress)? = try await pool.withConnection { connection in
            let columns = HistoryTable.columns
            let histories = try connection.query(
                """
                SELECT \(columns), w.slug AS wishlist_slug, w.group_id, d.revision AS dead_revision \
                FROM wishlist_dataset_dead_letters d JOIN wishlist_dataset_histories h ON h.id = d.history_id \
                JOIN wishlist_to_groups w ON w.id = h.wishlist_to_group_id WHERE d.event_id = \(id)
                """)
            guard let row = histories.first else { return nil }
            let history = try HistoryTable.history(from: row)
            let revision = try row.int64("dead_revision")
            let events = try connection.query(EventLog.changes(of: history.id, after: revision - 1, limit: 1))
            guard let event = events.first, try event.int64("revision") == revision else { return nil }
            return (
                try Notification(history: history, logged: event),
                WishlistAddress(slug: try row.string("wishlist_slug"), groupID: try row.optionalInt64("group_id"))
            )
        }
        guard let (notification, address) = read else { return nil }
        self.id = id
        self.notification = notification
        self.address = address
    }

    /// Sends it, and notes what became of it.
    func send(
        _ publisher: PusherPublisher, _ pool: MySQLPool
    ) async throws -> (outcome: String, reason: String?, isPusherAway: Bool) {
        let report = await publisher.publish([(notification, address)])
        let id = id
        switch report.outcomes.first {
        case .sent:
            _ = try await pool.withTransaction {
                try $0.execute("DELETE FROM wishlist_dataset_dead_letters WHERE event_id = \(id)")
            }
            return ("sent", nil, false)
        case .refused(let reason):
            _ = try await pool.withTransaction {
                try $0.execute(
                    """
                    UPDATE wishlist_dataset_dead_letters SET reason = \(reason.limited(to: 1000)), \
                    refused_at = UTC_TIMESTAMP(6) WHERE event_id = \(id)
                    """)
            }
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
