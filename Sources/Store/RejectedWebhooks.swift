import Datasets
package import MySQL

/// `wishlist_dataset_rejected`: what rejected webhooks are about, to find them by. The log has no index on the dataset, and
/// what is rejected may have no history.
package enum RejectedWebhooks {
    /// Notes what a rejected webhook, appended in this transaction, is about; nil if that is not known.
    package static func noteStatement(key: String, datasetID: Int64?, reference: String?) -> SQL? {
        if datasetID == nil && reference == nil { return nil }
        return """
            INSERT IGNORE INTO wishlist_dataset_rejected (event_id, dataset_id, reference) \
            SELECT id, \(datasetID), \(reference) FROM wishlist_dataset_events WHERE event_key = \(key)
            """
    }

    /// Forgets those of these events that are rejected no longer.
    package static func forgetStatement(among ids: some Collection<Int64>) -> SQL {
        """
        DELETE r FROM wishlist_dataset_rejected r LEFT JOIN wishlist_dataset_events e ON e.id = r.event_id \
        AND e.outcome = \(EventOutcome.rejected.rawValue) WHERE r.event_id IN \(list: ids) AND e.id IS NULL
        """
    }
}
