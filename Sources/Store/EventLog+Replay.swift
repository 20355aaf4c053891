package import Datasets
package import MySQL
import Text

extension EventLog {
    /// Events as they came: `id`, `event_key`, `body`.
    package static func bodiesStatement(_ ids: some Collection<Int64>) -> SQL {
        "SELECT id, event_key, body FROM wishlist_dataset_events WHERE id IN \(list: ids) ORDER BY id"
    }

    /// Locks those of these events that have not been applied: `id`, `outcome`.
    package static func lockUnappliedStatement(_ ids: some Collection<Int64>) -> SQL {
        """
        SELECT id, outcome FROM wishlist_dataset_events WHERE id IN \(list: ids) \
        AND outcome <> \(EventOutcome.applied.rawValue) ORDER BY id FOR UPDATE
        """
    }

    /// Parks an event of the log.
    package static func parkStatements(_ id: Int64, _ event: DatasetEvent) -> [SQL] {
        [
            """
            UPDATE wishlist_dataset_events SET type = \(event.type.rawValue), dataset_id = \(event.datasetID), \
            sequence = \(event.sequence), outcome = \(EventOutcome.parked.rawValue), reason = NULL WHERE id = \(id)
            """,
            "INSERT IGNORE INTO wishlist_dataset_parked (event_id, dataset_id) VALUES (\(id), \(event.datasetID))",
        ]
    }

    /// Notes that an event of the log is of a type that is not known.
    package static func ignoreStatement(_ id: Int64, type: String) -> SQL {
        """
        UPDATE wishlist_dataset_events SET outcome = \(EventOutcome.ignored.rawValue), \
        type = \(type.limited(to: 100)), reason = NULL WHERE id = \(id)
        """
    }

    /// Notes that an event of the log is rejected.
    package static func rejectStatement(_ id: Int64, _ invalid: InvalidWebhook) -> SQL {
        """
        UPDATE wishlist_dataset_events SET outcome = \(EventOutcome.rejected.rawValue), \
        type = \(invalid.type?.limited(to: 100)), dataset_id = \(invalid.datasetID), \
        sequence = \(invalid.sequence), reason = \(invalid.reason.limited(to: 1000)) WHERE id = \(id)
        """
    }

    /// What has become of events: `id`, `event_key`, `type`, `outcome`, `reason`, `dataset_id`, `history_id`, `revision`.
    package static func resultsStatement(_ ids: some Collection<Int64>) -> SQL {
        """
        SELECT id, event_key, type, outcome, reason, dataset_id, history_id, revision \
        FROM wishlist_dataset_events WHERE id IN \(list: ids) ORDER BY id
        """
    }

    /// Datasets that are known and for which webhooks are parked, so many at most: `dataset_id`.
    package static func parkedOfKnownStatement(limit: Int) -> SQL {
        """
        SELECT DISTINCT p.dataset_id FROM wishlist_dataset_parked p \
        JOIN wishlist_dataset_histories h ON h.dataset_id = p.dataset_id LIMIT \(limit)
        """
    }

    /// The same, among these datasets.
    package static func parkedOfKnownStatement(among datasetIDs: some Collection<Int64>) -> SQL {
        """
        SELECT DISTINCT p.dataset_id FROM wishlist_dataset_parked p \
        JOIN wishlist_dataset_histories h ON h.dataset_id = p.dataset_id \
        WHERE p.dataset_id IN \(list: datasetIDs)
        """
    }
}
