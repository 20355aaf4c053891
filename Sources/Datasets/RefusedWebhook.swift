import Text
package import Time

/// A webhook that was not taken, for the operator: its sender gets only 401 (spec, section 4).
package struct RefusedWebhook: Sendable, Equatable {
    /// Why; a closed set, fit for the label of a counter.
    package enum Reason: String, Sendable, CaseIterable {
        /// One of the three headers is absent or empty.
        case missingHeader = "missing_header"
        case malformedID = "malformed_id"
        case malformedTimestamp = "malformed_timestamp"
        case malformedSignature = "malformed_signature"
        /// Sent more than five minutes ago, or replayed.
        case tooOld = "too_old"
        /// Sent in the future: a clock is wrong.
        case tooNew = "too_new"
        /// No secret gives one of its signatures.
        case noMatch = "no_match"
        /// Not from one of `WEBHOOK_NETWORKS`.
        case foreignNetwork = "foreign_network"
        /// Rightly signed, but too much waits to be stored.
        case queueFull = "queue_full"
    }

    package var time: Timestamp
    /// Where it came from; at most 100 characters.
    package var address: String
    /// What it called itself; from a stranger, at most 255 characters.
    package var webhookID: String?
    package var reason: Reason

    package init(time: Timestamp, address: String, webhookID: String?, reason: Reason) {
        self.time = time
        self.address = address.limited(to: 100)
        self.webhookID = webhookID?.limited(to: 255)
        self.reason = reason
    }
}
