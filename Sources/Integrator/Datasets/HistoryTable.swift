import JSON
package import MySQL

/// `wishlist_dataset_histories` as SQL (spec, section 6).
package enum HistoryTable {
    /// What `history(from:)` reads, and the database's clock.
    package static let columns: SQL = """
        h.id, h.wishlist_to_group_id, h.dataset_id, h.reference, h.slug, h.name, h.notifications, h.created_by, \
        h.status, h.progress, h.stage, h.message, h.error_code, h.error_message, h.sequence, h.revision, \
        h.notified_revision, h.owed_since, h.dispatcher, h.dispatch_until, h.heard_at, h.deadline_at, \
        h.redelivery_asked_at, h.started_at, h.finished_at, h.created_at, h.updated_at, UTC_TIMESTAMP(6) AS db_now
        """

    /// Position of `db_now`.
    package static let clockColumn: MySQLColumn = 27

    /// Locks the rows of these datasets, in the order of the index: the same for every transaction.
    package static func lock(datasetIDs: some Collection<Int64>) -> SQL {
        """
        SELECT \(columns) FROM wishlist_dataset_histories h FORCE INDEX (histories_dataset_id) \
        WHERE h.dataset_id IN \(list: datasetIDs) ORDER BY h.dataset_id, h.id FOR UPDATE
        """
    }

    /// Locks the rows with these references.
    package static func lock(references: some Collection<String>) -> SQL {
        """
        SELECT \(columns) FROM wishlist_dataset_histories h FORCE INDEX (histories_reference) \
        WHERE h.reference IN \(list: references) ORDER BY h.reference FOR UPDATE
        """
    }

    /// Locks the rows with these ids.
    package static func lock(ids: some Collection<Int64>) -> SQL {
        """
        SELECT \(columns) FROM wishlist_dataset_histories h FORCE INDEX (PRIMARY) \
        WHERE h.id IN \(list: ids) ORDER BY h.id FOR UPDATE
        """
    }

    /// Reads a row of `columns`.
    package static func history(from row: MySQLRow) throws(MySQLError) -> DatasetHistory {
        let code = try row.optionalString(12)
        let message = try row.optionalString(13)
        return DatasetHistory(
            id: try row.int64(0), wishlistID: try row.int64(1), reference: try row.optionalString(3),
            slug: try row.string(4), name: try row.optionalString(5),
            preference: .init(rawValue: Int(try row.int64(6))) ?? .all, createdBy: try row.optionalInt64(7),
            createdAt: try row.optionalTimestamp(25), datasetID: try row.optionalInt64(2),
            // A number that the console used before this service and that means nothing here: webhooks may revive it.
            status: HistoryStatus(rawValue: Int(try row.int64(8))) ?? .stalled,
            progress: try row.optionalInt64(9).map(Int.init), stage: try row.optionalString(10),
            message: try row.optionalString(11),
            error: code.map { DatasetError(code: $0, message: message ?? "") }, sequence: try row.int64(14),
            revision: try row.int64(15), startedAt: try row.optionalTimestamp(23),
            finishedAt: try row.optionalTimestamp(24), updatedAt: try row.optionalTimestamp(26),
            heardAt: try row.optionalTimestamp(20), deadlineAt: try row.optionalTimestamp(21),
            redeliveryAskedAt: try row.optionalTimestamp(22),
            debt: NotificationDebt(
                notified: try row.int64(16), owedSince: try row.optionalTimestamp(17),
                dispatcher: try row.optionalUInt64(18), until: try row.optionalTimestamp(19)))
    }

    /// Writes rows back in one statement. The rows must be locked.
    ///
    /// A JSON table joined from the left: each row is found by its primary key, and no column that we do not know is
    /// named, as an `INSERT ... ON DUPLICATE KEY UPDATE` would have to.
    package static func update(_ histories: some Collection<DatasetHistory>) -> SQL {
        var json = JSONWriter()
        json.array { rows in
            for history in histories {
                rows.array { row in row.append(history) }
            }
        }
        return """
            UPDATE JSON_TABLE(\(String(decoding: json.bytes, as: UTF8.self)), '$[*]' COLUMNS ( \
            id BIGINT UNSIGNED PATH '$[0]', dataset_id BIGINT UNSIGNED PATH '$[1]', status INT PATH '$[2]', \
            progress INT PATH '$[3]', stage VARCHAR(100) PATH '$[4]', message VARCHAR(1000) PATH '$[5]', \
            error_code VARCHAR(100) PATH '$[6]', error_message VARCHAR(1000) PATH '$[7]', \
            sequence BIGINT UNSIGNED PATH '$[8]', revision BIGINT UNSIGNED PATH '$[9]', \
            notified_revision BIGINT UNSIGNED PATH '$[10]', owed_since DATETIME(6) PATH '$[11]', \
            dispatcher BIGINT UNSIGNED PATH '$[12]', dispatch_until DATETIME(6) PATH '$[13]', \
            heard_at DATETIME(6) PATH '$[14]', deadline_at DATETIME(6) PATH '$[15]', \
            redelivery_asked_at DATETIME(6) PATH '$[16]', started_at DATETIME(6) PATH '$[17]', \
            finished_at DATETIME(6) PATH '$[18]', updated_at DATETIME(6) PATH '$[19]')) AS j \
            STRAIGHT_JOIN wishlist_dataset_histories h ON h.id = j.id \
            SET h.dataset_id = j.dataset_id, h.status = j.status, h.progress = j.progress, h.stage = j.stage, \
            h.message = j.message, h.error_code = j.error_code, h.error_message = j.error_message, \
            h.sequence = j.sequence, h.revision = j.revision, h.notified_revision = j.notified_revision, \
            h.owed_since = j.owed_since, h.dispatcher = j.dispatcher, h.dispatch_until = j.dispatch_until, \
            h.heard_at = j.heard_at, h.deadline_at = j.deadline_at, h.redelivery_asked_at = j.redelivery_asked_at, \
            h.started_at = j.started_at, h.finished_at = j.finished_at, h.updated_at = j.updated_at, \
            h.create_until = IF(j.status = 0, h.create_until, NULL)
            """
    }

    /// Stores the result of a dataset, as it was received.
    package static func setResult(_ result: [UInt8], of id: Int64) -> SQL {
        "UPDATE wishlist_dataset_histories SET result = \(String(decoding: result, as: UTF8.self)) WHERE id = \(id)"
    }
}

extension JSONWriter {
    fileprivate mutating func append(_ history: DatasetHistory) {
        value(history.id)
        optional(history.datasetID)
        value(history.status.rawValue)
        optional(history.progress.map(Int64.init))
        optional(history.stage)
        optional(history.message)
        optional(history.error?.code)
        optional(history.error?.message)
        value(history.sequence)
        value(history.revision)
        value(history.debt.notified)
        optional(history.debt.owedSince)
        if let dispatcher = history.debt.dispatcher { value(dispatcher) } else { null() }
        optional(history.debt.until)
        optional(history.heardAt)
        optional(history.deadlineAt)
        optional(history.redeliveryAskedAt)
        optional(history.startedAt)
        optional(history.finishedAt)
        optional(history.updatedAt)
    }

    private mutating func optional(_ number: Int64?) {
        if let number { value(number) } else { null() }
    }

    private mutating func optional(_ text: String?) {
        if let text { value(text) } else { null() }
    }

    private mutating func optional(_ time: Timestamp?) {
        guard let time else { return null() }
        var literal: [UInt8] = []
        time.appendLiteral(to: &literal)
        value(String(decoding: literal.dropFirst().dropLast(), as: UTF8.self))
    }
}
