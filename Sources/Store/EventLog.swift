package import Datasets
package import MySQL
import Text
package import Time

/// Rows of `wishlist_dataset_events` to be appended, as text.
package struct EventRows: Sendable {
    fileprivate var values = SQL()
    package private(set) var count = 0

    package init() {}

    /// - Parameters:
    ///   - history: after the change; nil if none is known. Its revision is the event's only if it was applied.
    ///   - clock: the time of the transaction.
    package mutating func append(
        key: String, body: [UInt8], type: String?, outcome: EventOutcome, datasetID: Int64?, sequence: Int64?,
        history: DatasetHistory? = nil, reason: String? = nil, times: WebhookTimes? = nil, at clock: Timestamp
    ) {
        let applied = outcome == .applied ? history : nil
        values.append(unescaped: count == 0 ? "(" : ",(")
        values.append(value: key)
        values.comma(history?.id)
        values.comma(applied?.revision)
        values.comma(datasetID ?? history?.datasetID)
        values.comma(sequence)
        values.comma(type?.limited(to: 100))
        values.comma(outcome.rawValue)
        values.comma(applied?.status.rawValue)
        values.comma(applied?.progress)
        values.comma(applied?.stage)
        values.comma(applied?.message)
        values.comma(reason?.limited(to: 1000))
        values.comma(body)
        values.comma(clock)
        values.comma(times?.sent)
        values.comma(times?.received)
        values.append(unescaped: ")")
        count += 1
    }
}

/// The append-only log as SQL (spec, section 6).
package enum EventLog {
    /// Appends rows, in one statement, first `rows`, then `last`. A key that is there already is an error on
    /// `events_event_key`.
    package static func appendStatement(_ rows: EventRows, last: EventRows) -> SQL {
        var sql = SQL(capacity: rows.values.bytes.count + last.values.bytes.count + 300)
        sql.append(
            unescaped: """
                INSERT INTO wishlist_dataset_events (event_key, history_id, revision, dataset_id, sequence, type, \
                outcome, status, progress, stage, message, reason, body, recorded_at, sent_at, received_at) VALUES
                """)
        sql.append(rows.values)
        if rows.count > 0 && last.count > 0 { sql.append(unescaped: ",") }
        sql.append(last.values)
        return sql
    }

    /// What is known of these keys: `event_key`, `outcome`, `reason`, `body`.
    package static func knownStatement(keys: some Collection<String>) -> SQL {
        "SELECT event_key, outcome, reason, body FROM wishlist_dataset_events WHERE event_key IN \(list: keys)"
    }

    /// Keeps webhooks, just appended, for when their dataset is known.
    package static func parkStatement(keys: some Collection<String>) -> SQL {
        """
        INSERT INTO wishlist_dataset_parked (event_id, dataset_id) \
        SELECT id, dataset_id FROM wishlist_dataset_events WHERE event_key IN \(list: keys)
        """
    }

    /// The webhooks that wait for these datasets: `id`, `event_key`, `body`.
    package static func parkedStatement(datasetIDs: some Collection<Int64>) -> SQL {
        """
        SELECT e.id, e.event_key, e.body FROM wishlist_dataset_parked p \
        JOIN wishlist_dataset_events e ON e.id = p.event_id WHERE p.dataset_id IN \(list: datasetIDs) FOR UPDATE
        """
    }

    /// Notes what became of a parked webhook, and that it waits no longer.
    package static func unpark(
        _ id: Int64, outcome: EventOutcome, reason: String?, history: DatasetHistory
    ) -> [SQL] {
        let applied = outcome == .applied ? history : nil
        return [
            """
            UPDATE wishlist_dataset_events SET history_id = \(history.id), revision = \(applied?.revision), \
            outcome = \(outcome.rawValue), status = \(applied?.status.rawValue), \
            progress = \(applied?.progress), stage = \(applied?.stage), message = \(applied?.message), \
            reason = \(reason?.limited(to: 1000)) WHERE id = \(id)
            """,
            "DELETE FROM wishlist_dataset_parked WHERE event_id = \(id)",
        ]
    }

    /// The changes of a history after a revision, oldest first: `revision`, `type`, `dataset_id`, `status`, `progress`,
    /// `stage`, `message`, `body`, `recorded_at`.
    package static func changesStatement(of historyID: Int64, after revision: Int64, limit: Int) -> SQL {
        """
        SELECT revision, type, dataset_id, status, progress, stage, message, body, recorded_at \
        FROM wishlist_dataset_events WHERE history_id = \(historyID) AND revision > \(revision) \
        ORDER BY revision LIMIT \(limit)
        """
    }
}

extension SQL {
    @inline(__always)
    fileprivate mutating func comma(_ value: (some SQLValue)?) {
        append(unescaped: ",")
        append(value: value)
    }
}
