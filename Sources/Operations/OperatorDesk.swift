package import Datasets
package import JSON
package import MySQL
package import Store
package import Time

/// A page of rows, newest first as a rule, and where to go on.
package struct Listing: Sendable {
    package var table: Table
    /// Where the next page begins; nil: there is none.
    package var next: Int64?
    /// The search ended here for its cost; what is older was not looked at.
    package var searchedTo: Timestamp?

    package init(table: Table, next: Int64? = nil, searchedTo: Timestamp? = nil) {
        self.table = table
        self.next = next
        self.searchedTo = searchedTo
    }
}

/// Named values of one thing, in order.
package struct Details: Sendable {
    package var fields: [(name: String, value: Table.Cell)] = []

    package init() {}

    package mutating func add(_ name: String, _ value: Table.Cell) { fields.append((name, value)) }

    /// As members of an object.
    package func write(to json: inout JSONWriter) {
        for (name, value) in fields { value.write(name, to: &json) }
    }
}

/// What an operator asks (spec, section 10): the same functions answer the page and the command line.
package struct OperatorDesk: Sendable {
    let pool: MySQLPool
    /// `DATASET_DEADLINE_SECONDS`.
    let deadlineSeconds: Int64

    /// How tokens are made.
    let tokens: AccessTokens.Settings

    package init(pool: MySQLPool, deadlineSeconds: Int64, tokens: AccessTokens.Settings = AccessTokens.Settings()) {
        self.pool = pool
        self.deadlineSeconds = deadlineSeconds
        self.tokens = tokens
    }

    // MARK: The log

    /// Webhooks and changes, newest first.
    package func events(_ filter: LogFilter, before: Int64? = nil, limit: Int) async throws -> Listing {
        let page = try await pool.withConnection { connection in
            try EventLog.page(filter, before: before, limit: limit, on: connection)
        }
        var table = Table(
            "id", "recorded_at", "type", "outcome", "dataset_id", "sequence", "history_id", "revision", "key", "reason")
        for entry in page.entries {
            table.add(
                .number(entry.id), .time(entry.recordedAt), .text(entry.type), .text(entry.outcome.label),
                .number(entry.datasetID), .number(entry.sequence), .number(entry.historyID), .number(entry.revision),
                .text(entry.key), .text(entry.reason))
        }
        return Listing(table: table, next: page.next, searchedTo: page.searchedTo)
    }

    /// One event, by its id or its webhook-id, and its body; nil: there is none.
    package func event(_ which: String) async throws -> (details: Details, body: [UInt8])? {
        try await pool.withConnection { connection in
            guard let (entry, body) = try EventLog.entry(which, on: connection) else { return nil }
            var details = Details()
            details.add("id", .number(entry.id))
            details.add("happened_at", .time(entry.isOwn ? nil : Self.happenedAt(body)))
            details.add("sent_at", .time(entry.times?.sent))
            details.add("received_at", .time(entry.times?.received))
            details.add("recorded_at", .time(entry.recordedAt))
            details.add("type", .text(entry.type))
            details.add("outcome", .text(entry.outcome.label))
            details.add("answer", .text(entry.isOwn ? nil : entry.outcome.answer))
            details.add("reason", .text(entry.reason))
            details.add("key", .text(entry.key))
            details.add("dataset_id", .number(entry.datasetID))
            details.add("sequence", .number(entry.sequence))
            details.add("history_id", .number(entry.historyID))
            details.add("revision", .number(entry.revision))
            details.add("status", .text(entry.status?.label))
            details.add("progress", .number(entry.progress))
            details.add("stage", .text(entry.stage))
            details.add("message", .text(entry.message))
            details.add("notified", .text(try Self.notified(entry, on: connection)))
            return (details, body)
        }
    }

    /// When it happened, as the TV Python API says in the body's `timestamp`.
    private static func happenedAt(_ body: [UInt8]) -> Timestamp? {
        (try? JSONDocument(parsing: body))?.root["timestamp"]?.string.flatMap(ISO8601.parse)
    }

    private static func notified(
        _ entry: LogEntry, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> String? {
        guard let history = entry.historyID, let revision = entry.revision else { return "no: it changed nothing" }
        guard
            let delivery = try Backlog.delivery(event: entry.id, of: history, revision: revision, on: connection)
        else { return nil }
        if let refusal = delivery.refusal { return "no: Pusher refused it for good: \(refusal)" }
        if let time = delivery.notifiedAt { return time.iso8601 }
        if delivery.watermark >= revision {
            return "yes, unless overtaken or not wanted"
                + (delivery.laterNotifiedAt.map { "; by \($0.iso8601) at the latest" } ?? "")
        }
        return "owed" + (delivery.owedSince.map { " since \($0.iso8601)" } ?? "")
    }

    /// What waits, by kind.
    package func counts() async throws -> Backlog.Counts? {
        try await pool.withConnection { try Backlog.counts(on: $0) }
    }

    /// The last hour by outcome.
    package func recent() async throws -> RecentOutcomes {
        try await pool.withConnection { try RecentOutcomes(on: $0) }
    }

    // MARK: Datasets

    /// Histories across all customers, newest first, each with why it is not further.
    package func datasets(_ filter: DatasetFilter, before: Int64? = nil, limit: Int) async throws -> Listing {
        let seconds = deadlineSeconds
        let (found, next) = try await pool.withConnection { connection in
            try DatasetSearch.page(filter, before: before, limit: limit, deadlineSeconds: seconds, on: connection)
        }
        var table = Table(
            "history_id", "dataset_id", "status", "progress", "slug", "group_id", "created_at", "heard_at", "why")
        for item in found {
            let history = item.history
            table.add(
                .number(history.id), .number(history.datasetID), .text(history.status.label),
                .number(history.progress.map(Int64.init)), .text(item.wishlistSlug ?? history.slug),
                .number(item.groupID), .time(history.createdAt), .time(history.heardAt), .text(why(item)))
        }
        return Listing(table: table, next: next)
    }

    private func why(_ item: DatasetFinding) -> String {
        item.history.whyLate(
            at: item.now, deadlineSeconds: deadlineSeconds, createUntil: item.createUntil,
            owedSince: item.owedSince)
    }

    /// One history; nil: there is none.
    package func dataset(_ filter: DatasetFilter) async throws -> Details? {
        let seconds = deadlineSeconds
        let found = try await pool.withConnection { connection in
            try DatasetSearch.page(filter, limit: 1, deadlineSeconds: seconds, on: connection).found
        }
        guard let item = found.first else { return nil }
        let history = item.history
        var details = Details()
        details.add("history_id", .number(history.id))
        details.add("dataset_id", .number(history.datasetID))
        details.add("reference", .text(history.reference))
        details.add("name", .text(history.name))
        details.add("status", .text(history.status.label))
        details.add("why", .text(why(item)))
        details.add("progress", .number(history.progress.map(Int64.init)))
        details.add("stage", .text(history.stage))
        details.add("message", .text(history.message))
        details.add("error_code", .text(history.error?.code))
        details.add("error_message", .text(history.error?.message))
        details.add("slug", .text(item.wishlistSlug ?? history.slug))
        details.add("wishlist", .text(item.wishlistName))
        details.add("wishlist_id", .number(history.wishlistID))
        details.add("group_id", .number(item.groupID))
        details.add("created_by", .number(history.createdBy))
        details.add("sequence", .number(history.sequence))
        details.add("revision", .number(history.revision))
        details.add("notified_revision", .number(history.delivery.watermark))
        details.add("owed_since", .time(item.owedSince))
        details.add("created_at", .time(history.createdAt))
        details.add("started_at", .time(history.startedAt))
        details.add("heard_at", .time(history.heardAt))
        details.add("deadline_at", .time(history.deadlineAt))
        details.add("redelivery_asked_at", .time(history.redeliveryAskedAt))
        details.add("finished_at", .time(history.finishedAt))
        details.add("updated_at", .time(history.updatedAt))
        return details
    }

    /// How many datasets there are of each status, and how many are late.
    package func datasetCounts() async throws -> (byStatus: [HistoryStatus: Int64], late: Int) {
        let seconds = deadlineSeconds
        return try await pool.withConnection { try DatasetSearch.counts(deadlineSeconds: seconds, on: $0) }
    }

    // MARK: Notifications

    /// Who owes notifications, for longest first.
    package func owing(history: Int64? = nil, limit: Int64) async throws -> Table {
        let owing = try await pool.withConnection { try Backlog.owing(history: history, limit: limit, on: $0) }
        var table = Table(
            "history_id", "dataset_id", "slug", "status", "revision", "notified_revision", "owed_since", "age_seconds",
            "leased")
        for history in owing {
            table.add(
                .number(history.historyID), .number(history.datasetID), .text(history.slug),
                .text(history.status?.label),
                .number(history.revision), .number(history.notified), .time(history.owedSince),
                .number(history.ageSeconds), .bool(history.isLeased))
        }
        return table
    }

    /// What Pusher has refused for good, the oldest first.
    package func deadLetters(_ selection: DeadLetters.Selection, after: Int64 = 0, limit: Int64) async throws -> Listing
    {
        let entries = try await pool.withConnection { connection in
            try DeadLetters.page(selection, after: after, limit: limit + 1, on: connection)
        }
        var table = Table("id", "history_id", "dataset_id", "slug", "revision", "type", "refused_at", "reason")
        for entry in entries.prefix(Int(limit)) {
            table.add(
                .number(entry.id), .number(entry.historyID), .number(entry.datasetID), .text(entry.slug),
                .number(entry.revision), .text(entry.type), .time(entry.refusedAt), .text(entry.reason))
        }
        return Listing(table: table, next: entries.count > limit ? entries[Int(limit) - 1].id : nil)
    }

    // MARK: Refused

    /// Webhooks that were not taken, newest first, with the true reason, which their senders do not get.
    package func refused(before: Int64? = nil, limit: Int) async throws -> Listing {
        let found = try await pool.withConnection { connection in
            try RefusedWebhooks.newest(limit + 1, before: before, on: connection)
        }
        var table = Table("id", "refused_at", "reason", "address", "webhook_id")
        for item in found.prefix(limit) {
            table.add(
                .number(item.id), .time(item.webhook.time), .text(item.webhook.reason.rawValue),
                .text(item.webhook.address), .text(item.webhook.webhookID))
        }
        return Listing(table: table, next: found.count > limit ? found[limit - 1].id : nil)
    }

    // MARK: Actions

    /// Who did what, newest first.
    package func actions(before: Int64? = nil, limit: Int) async throws -> Listing {
        let entries = try await pool.withConnection { connection in
            try ActionLog.page(before: before, limit: limit + 1, on: connection)
        }
        var table = Table("id", "begun_at", "actor", "action", "changed", "ended_at", "target", "result")
        for entry in entries.prefix(limit) {
            table.add(
                .number(entry.id), .time(entry.begunAt), .text(entry.actor), .text(entry.action),
                .number(entry.changed), .time(entry.endedAt), .text(entry.target),
                .text(entry.endedAt == nil ? "not known to have ended" : entry.result))
        }
        return Listing(table: table, next: entries.count > limit ? entries[limit - 1].id : nil)
    }
}

extension EventOutcome {
    /// What a webhook with this outcome is answered (spec, section 4).
    package var answer: String {
        switch self {
        case .applied, .stale, .ignored: "200 \(label)"
        case .parked: "202 parked"
        case .rejected: "422 webhook_rejected"
        }
    }
}
