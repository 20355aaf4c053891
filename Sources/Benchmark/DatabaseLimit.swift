import MySQL
import Synchronization

/// What the database takes when the same rows come straight from here, as text that was written before: an event in the log,
/// and the change of the history with the notification that is owed.
struct DatabaseLimit {
    struct Result: Sendable {
        var perSecond: Double
        var databaseCPUSeconds: Double
        var rows: Int
    }

    let database: BenchmarkDatabase
    let databaseProcess: Int32
    let seconds: Double

    /// Transactions of `size` webhooks from so many connections, each with datasets of its own.
    func measure(
        connections: Int, size: Int, expected: Int, datasets: [BenchmarkDatabase.Dataset]
    ) async throws -> Result {
        let perConnection = datasets.count / connections
        let transactions = expected / connections / size + 1
        var open: [(MySQLConnection, [SQL])] = []
        for index in 0..<connections {
            let own = Array(datasets[index * perConnection..<(index + 1) * perConnection])
            let texts = (0..<transactions).map { LimitText.transaction($0, size: size, of: own) }
            open.append((try await database.connect(), texts))
        }
        let before = ProcessUsage(of: databaseProcess)
        let start = Clock.now()
        let end = start + UInt64(seconds * 1e9)
        let done = try await withThrowingTaskGroup(of: Int.self) { group in
            for (connection, texts) in open {
                group.addTask {
                    try await connection.run { connection in
                        var done = 0
                        while done < texts.count, Clock.now() < end {
                            try connection.executeAll([texts[done]])
                            done += 1
                        }
                        return done
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        let elapsed = Double(Clock.now() - start) / 1e9
        let after = ProcessUsage(of: databaseProcess)
        for (connection, _) in open { await connection.close() }
        return Result(
            perSecond: Double(done * size) / elapsed, databaseCPUSeconds: after.cpuSeconds - before.cpuSeconds,
            rows: done * size)
    }
}

/// The statements of one transaction, with semicolons between them: one round trip.
private enum LimitText {
    static let now = "'2026-11-23 16:00:00.123456'"
    static let instance = "1234567890123456789"

    static func transaction(_ number: Int, size: Int, of datasets: [BenchmarkDatabase.Dataset]) -> SQL {
        let changes = (0..<size).map { place in
            let made = number * size + place
            return (dataset: datasets[made % datasets.count], sequence: made / datasets.count + 1)
        }
        var sql = SQL(capacity: 500 + size * 900)
        sql.append(unescaped: "START TRANSACTION;")
        append(events: changes, to: &sql)
        sql.append(unescaped: ";")
        if changes.count == 1 {
            append(update: changes[0].dataset, changes[0].sequence, to: &sql)
        } else {
            append(updates: changes, to: &sql)
        }
        sql.append(unescaped: ";COMMIT")
        return sql
    }

    private static func append(
        events: [(dataset: BenchmarkDatabase.Dataset, sequence: Int)], to sql: inout SQL
    ) {
        sql.append(
            unescaped: """
                INSERT INTO wishlist_dataset_events (event_key, history_id, revision, dataset_id, sequence, type, \
                outcome, status, progress, stage, message, body, recorded_at) VALUES
                """)
        var separator = " ("
        for (dataset, sequence) in events {
            sql.append(
                unescaped: """
                    \(separator)'\(WebhookText.randomID())',\(dataset.historyID),\(sequence),\(dataset.datasetID),\(sequence),\
                    'dataset.progress',0,2,\(WebhookText.progress(sequence)),'\(WebhookText.stage)',\
                    '\(WebhookText.message(sequence))',
                    """)
            sql.append(value: Array(WebhookText.body(of: dataset, sequence: sequence).utf8))
            sql.append(unescaped: ",\(now)")
            separator = "),("
        }
        sql.append(unescaped: ")")
    }

    private static func append(update dataset: BenchmarkDatabase.Dataset, _ sequence: Int, to sql: inout SQL) {
        sql.append(
            unescaped: """
                UPDATE wishlist_dataset_histories SET status = 2, progress = \(WebhookText.progress(sequence)), \
                stage = '\(WebhookText.stage)', message = '\(WebhookText.message(sequence))', sequence = \(sequence), \
                revision = \(sequence), notified_revision = \(sequence - 1), dispatcher = \(instance), \
                heard_at = \(now), updated_at = \(now) WHERE id = \(dataset.historyID)
                """)
    }

    private static func append(
        updates changes: [(dataset: BenchmarkDatabase.Dataset, sequence: Int)], to sql: inout SQL
    ) {
        sql.append(unescaped: "UPDATE JSON_TABLE('[")
        var separator = ""
        // The last change of each dataset, in order of their ids.
        let last = Dictionary(changes.map { ($0.dataset.historyID, $0.sequence) }) { max($0, $1) }
        for (id, sequence) in last.sorted(by: { $0.key < $1.key }) {
            sql.append(
                unescaped: """
                    \(separator)[\(id),\(WebhookText.progress(sequence)),"\(WebhookText.message(sequence))",\(sequence)]
                    """)
            separator = ","
        }
        sql.append(
            unescaped: """
                ]', '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$[0]', progress INT PATH '$[1]', \
                message VARCHAR(1000) PATH '$[2]', sequence BIGINT UNSIGNED PATH '$[3]')) AS j \
                STRAIGHT_JOIN wishlist_dataset_histories h ON h.id = j.id \
                SET h.status = 2, h.progress = j.progress, h.stage = '\(WebhookText.stage)', h.message = j.message, \
                h.sequence = j.sequence, h.revision = j.sequence, h.notified_revision = j.sequence - 1, \
                h.dispatcher = \(instance), h.heard_at = \(now), h.updated_at = \(now)
                """)
    }
}
