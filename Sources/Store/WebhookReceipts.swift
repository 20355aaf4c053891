package import MySQL

/// Finds what became of webhooks. Read only.
package struct WebhookReceipts: Sendable {
    let pool: MySQLPool

    package init(pool: MySQLPool) {
        self.pool = pool
    }

    /// The webhook of this `webhook-id`; nil if none was stored. Changes that the service made itself are not found.
    package func find(_ webhookID: String) async throws -> LogEntry? {
        // The column holds 255 bytes of ASCII, and what is compared with it is not to be converted.
        guard (1...255).contains(webhookID.utf8.count), webhookID.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        let sql: SQL = "SELECT \(LogEntry.columns) FROM wishlist_dataset_events e WHERE e.event_key = \(webhookID)"
        let entry = try await pool.withConnection { try $0.query(sql).first.map(LogEntry.init(from:)) }
        return entry.flatMap { $0.isOwn ? nil : $0 }
    }
}
