package import MySQL

/// What became of an event, with the numbers in `wishlist_dataset_events.outcome` (spec, section 4).
package enum EventOutcome: Int, Sendable, CaseIterable {
    case applied = 0
    case stale = 1
    case ignored = 2
    case parked = 3
    case rejected = 4

    package var label: String { "\(self)" }
}

/// A row of `wishlist_dataset_events` to be appended.
package struct LoggedEvent: Sendable {
    package var key: String
    package var type: String?
    package var outcome: EventOutcome
    package var event: DatasetEvent?
    /// The history after the change; nil if none is known. Its revision is the event's only if it was applied.
    package var history: DatasetHistory?
    package var reason: String?
    package var body: [UInt8]
}

/// The append-only log as SQL (spec, section 6).
package enum EventLog {
    /// Appends rows, in one statement. A key that is there already is an error on `events_event_key`.
    /// - Parameter now: nil: the database's clock has not been read.
    package static func append(_ events: some Collection<LoggedEvent>, at now: Timestamp?) -> SQL {
        var sql = SQL(capacity: events.reduce(300) { $0 + 2 * $1.body.count + 400 })
        sql.append(
            unescaped: """
                INSERT INTO wishlist_dataset_events (event_key, history_id, revision, dataset_id, sequence, type, \
                outcome, status, progress, stage, message, reason, body, recorded_at) VALUES
                """)
        var clock = SQL()
        if let now { clock.comma(now) } else { clock.append(unescaped: ",UTC_TIMESTAMP(6)") }
        var separator = " ("
        for event in events {
            let applied = event.outcome == .applied ? event.history : nil
            sql.append(unescaped: separator)
            sql.append(value: event.key)
            sql.comma(event.history?.id)
            sql.comma(applied?.revision)
            sql.comma(event.event?.datasetID ?? event.history?.datasetID)
            sql.comma(event.event?.sequence)
            sql.comma(event.type?.limited(to: 100))
            sql.comma(event.outcome.rawValue)
            sql.comma(applied?.status.rawValue)
            sql.comma(applied?.progress)
            sql.comma(applied?.stage)
            sql.comma(applied?.message)
            sql.comma(event.reason?.limited(to: 1000))
            sql.comma(event.body)
            sql.append(clock)
            separator = "),("
        }
        sql.append(unescaped: ")")
        return sql
    }

    /// What is known of these keys: `event_key`, `outcome`, `reason`, `body`.
    package static func known(keys: some Collection<String>) -> SQL {
        "SELECT event_key, outcome, reason, body FROM wishlist_dataset_events WHERE event_key IN \(list: keys)"
    }

    /// Keeps webhooks, just appended, for when their dataset is known.
    package static func park(keys: some Collection<String>) -> SQL {
        """
        INSERT INTO wishlist_dataset_parked (event_id, dataset_id) \
        SELECT id, dataset_id FROM wishlist_dataset_events WHERE event_key IN \(list: keys)
        """
    }

    /// The webhooks that wait for these datasets: `id`, `event_key`, `body`.
    package static func parked(datasetIDs: some Collection<Int64>) -> SQL {
        """
        SELECT e.id, e.event_key, e.body FROM wishlist_dataset_parked p \
        JOIN wishlist_dataset_events e ON e.id = p.event_id WHERE p.dataset_id IN \(list: datasetIDs) FOR UPDATE
        """
    }

    /// Notes what became of a parked webhook, and that it waits no longer.
    package static func unpark(_ id: Int64, as event: LoggedEvent) -> [SQL] {
        let applied = event.outcome == .applied ? event.history : nil
        return [
            """
            UPDATE wishlist_dataset_events SET history_id = \(event.history?.id), revision = \(applied?.revision), \
            outcome = \(event.outcome.rawValue), status = \(applied?.status.rawValue), \
            progress = \(applied?.progress), stage = \(applied?.stage), message = \(applied?.message), \
            reason = \(event.reason?.limited(to: 1000)) WHERE id = \(id)
            """,
            "DELETE FROM wishlist_dataset_parked WHERE event_id = \(id)",
        ]
    }

    /// The changes of a history after a revision, oldest first: `revision`, `type`, `dataset_id`, `status`, `progress`,
    /// `stage`, `message`, `body`, `recorded_at`.
    package static func changes(of historyID: Int64, after revision: Int64, limit: Int) -> SQL {
        """
        SELECT revision, type, dataset_id, status, progress, stage, message, body, recorded_at \
        FROM wishlist_dataset_events WHERE history_id = \(historyID) AND revision > \(revision) \
        ORDER BY revision LIMIT \(limit)
        """
    }
}

extension SQL {
    fileprivate mutating func comma(_ value: (some SQLValue)?) {
        append(unescaped: ",")
        append(value: value)
    }
}
