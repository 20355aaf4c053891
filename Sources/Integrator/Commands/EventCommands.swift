import Datasets
import Delivery
import Lanes
import Store
import JSON
import MySQL
import Telemetry

extension CommandLineTool {
    /// `events list|show|replay`.
    func events(_ arguments: inout Arguments) async throws -> Bool {
        let json = arguments.flag("--json")
        switch arguments.next() {
        case "list":
            let filter = try EventFilter(&arguments)
            try arguments.end()
            try await listEvents(filter, json: json)
        case "show":
            guard let which = arguments.next() else { throw UsageError(message: "events show: which?") }
            try arguments.end()
            return try await showEvent(which, json: json)
        case "replay":
            return try await replayEvents(&arguments, json: json)
        default:
            throw UsageError(message: "events: list, show or replay?")
        }
        return true
    }

    /// Lends a connection for a command that needs the database alone.
    func withDatabase<R: Sendable>(
        _ body: @Sendable (isolated MySQLConnection) async throws -> R
    ) async throws -> R {
        let (database, _) = try Configuration.databaseOnly(environment)
        let connection = try await MySQLConnection.connect(database)
        let result: Result<R, any Error>
        do {
            result = .success(try await connection.run(body))
        } catch {
            result = .failure(error)
        }
        await connection.close()
        return try result.get()
    }

    private func listEvents(_ filter: EventFilter, json isJSON: Bool) async throws {
        let rows = try await withDatabase { connection in
            let first = try filter.since.map { since throws(MySQLError) in
                try EventLog.firstID(since: since, on: connection)
            }
            return try connection.query(
                """
                SELECT e.id, e.recorded_at, e.type, e.outcome, e.dataset_id, e.sequence, e.history_id, e.revision, \
                e.event_key, e.reason FROM \(filter.events(first: first)) \
                ORDER BY e.id DESC LIMIT \(filter.limit)
                """)
        }
        var table = Table(
            "id", "recorded_at", "type", "outcome", "dataset_id", "sequence", "history_id", "revision", "key",
            "reason")
        for row in rows {
            table.add(
                .number(try row.int64(0)), .time(try row.timestamp(1)), .text(try row.optionalString(2)),
                .text(EventOutcome(rawValue: Int(try row.int64(3)))?.label), .number(try row.optionalInt64(4)),
                .number(try row.optionalInt64(5)), .number(try row.optionalInt64(6)),
                .number(try row.optionalInt64(7)), .text(String(decoding: try row.bytes(8), as: UTF8.self)),
                .text(try row.optionalString(9)))
        }
        print(table, json: isJSON, empty: "no such events")
    }

    /// Prints a table, or a word instead of an empty one.
    func print(_ table: Table, json isJSON: Bool, empty: String) {
        if isJSON {
            print(json: { table.write(to: &$0) })
        } else {
            print(table.isEmpty ? empty : table.text)
        }
    }

    private func showEvent(_ which: String, json isJSON: Bool) async throws -> Bool {
        let columns: SQL = """
            id, recorded_at, type, outcome, reason, event_key, dataset_id, sequence, history_id, revision, status, \
            progress, stage, message, body
            """
        let row: MySQLRow? = try await withDatabase { connection in
            let byKey = try connection.query(
                "SELECT \(columns) FROM wishlist_dataset_events WHERE event_key = \(which)")
            if let row = byKey.first { return row }
            guard let id = Int64(which) else { return nil }
            return try connection.query("SELECT \(columns) FROM wishlist_dataset_events WHERE id = \(id)").first
        }
        guard let row else {
            complaint("integrator: there is no event `\(which)`")
            return false
        }
        let fields: [(name: String, value: Table.Cell)] = [
            ("id", .number(try row.int64("id"))), ("recorded_at", .time(try row.timestamp("recorded_at"))),
            ("type", .text(try row.optionalString("type"))),
            ("outcome", .text(EventOutcome(rawValue: Int(try row.int64("outcome")))?.label)),
            ("reason", .text(try row.optionalString("reason"))),
            ("key", .text(String(decoding: try row.bytes("event_key"), as: UTF8.self))),
            ("dataset_id", .number(try row.optionalInt64("dataset_id"))),
            ("sequence", .number(try row.optionalInt64("sequence"))),
            ("history_id", .number(try row.optionalInt64("history_id"))),
            ("revision", .number(try row.optionalInt64("revision"))),
            (
                "status",
                .text(
                    try row.optionalInt64("status").flatMap { HistoryStatus(rawValue: Int($0)) }?.label)
            ),
            ("progress", .number(try row.optionalInt64("progress"))),
            ("stage", .text(try row.optionalString("stage"))),
            ("message", .text(try row.optionalString("message"))),
        ]
        let body = try row.bytes("body")
        print(isJSON ? Self.json(fields, body) : Self.lines(fields, body))
        return true
    }

    private static func lines(_ fields: [(name: String, value: Table.Cell)], _ body: [UInt8]) -> String {
        var table = Table("field", "value")
        for (name, value) in fields where !value.isNull { table.add(.text(name), .text(value.text)) }
        table.add(.text("body"), .text(String(decoding: body, as: UTF8.self)))
        return table.text
    }

    /// The body as it is if it is JSON, and as text otherwise.
    private static func json(_ fields: [(name: String, value: Table.Cell)], _ body: [UInt8]) -> String {
        var json = JSONWriter()
        json.object { json in
            for (name, value) in fields { value.write(name, to: &json) }
            json.key("body")
            if (try? JSONDocument(parsing: body)) != nil {
                json.raw(body)
            } else {
                json.value(String(decoding: body, as: UTF8.self))
            }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    // MARK: Replay

    /// Events that are taken in one transaction.
    private static let replayBatch = 100

    private func replayEvents(_ arguments: inout Arguments, json isJSON: Bool) async throws -> Bool {
        let isDry = arguments.flag("--dry-run")
        let filter = try EventFilter(&arguments)
        let given = try arguments.ids()
        if given.isEmpty == filter.isEmpty {
            throw UsageError(message: "events replay: either ids or a filter")
        }
        let configuration = try Configuration(environment)
        let ids = given.isEmpty ? try await replayable(filter) : given
        let replayed =
            try await isDry
            ? Self.replay(ids, configuration, as: nil) { _, _ in }
            : Service(configuration: configuration).asInstance { parts in
                try await Self.replay(ids, configuration, as: parts.dispatcher) { effects, instance in
                    parts.dispatcher.take(effects.outbox, for: instance)
                }
            }
        var table = Table("id", "type", "dataset_id", "history_id", "before", "now", "revision", "reason")
        for event in replayed {
            table.add(
                .number(event.id), .text(event.type), .number(event.datasetID), .number(event.historyID),
                .text(event.before.label), .text(event.after.label), .number(event.revision), .text(event.reason))
        }
        print(table, json: isJSON, empty: "no such events")
        let left = Set(ids).subtracting(replayed.map(\.id))
        if !isJSON, !left.isEmpty { print("\(left.count) left as they are: applied before, or not webhooks") }
        if !isJSON, isDry { print("nothing was changed: --dry-run") }
        return true
    }

    /// The oldest events that a filter means and that changed nothing.
    private func replayable(_ filter: EventFilter) async throws -> [Int64] {
        try await withDatabase { connection in
            let first = try filter.since.map { since throws(MySQLError) in
                try EventLog.firstID(since: since, on: connection)
            }
            let sql: SQL = """
                SELECT e.id FROM \(filter.events(first: first)) \
                AND e.outcome <> \(EventOutcome.applied.rawValue) ORDER BY e.id LIMIT \(filter.limit)
                """
            return try connection.query(sql).map { row throws(MySQLError) in try row.int64(0) }
        }
    }

    /// Ends a dry run's transaction.
    private struct DryRun: Error {
        let replayed: [BatchTransaction.Replayed]
    }

    /// - Parameter dispatcher: of the instance that then sends what is owed; nil: nothing is kept.
    private static func replay(
        _ ids: [Int64], _ configuration: Configuration, as dispatcher: Dispatcher?,
        then take: (BatchTransaction.Effects, UInt64) -> Void
    ) async throws -> [BatchTransaction.Replayed] {
        let pool = MySQLPool(configuration.database, maximumConnections: 1)
        let isDry = dispatcher == nil
        let instance = try await pool.withConnection { connection in
            try dispatcher?.lease(on: connection) ?? 1
        }
        let settings = BatchTransaction.Settings(
            instance: instance, deadlineSeconds: configuration.datasetDeadlineSeconds)
        var all: [BatchTransaction.Replayed] = []
        for start in stride(from: 0, to: ids.count, by: replayBatch) {
            let some = Array(ids[start..<min(start + replayBatch, ids.count)])
            do {
                let (replayed, effects) = try await pool.withTransaction { connection in
                    var transaction = BatchTransaction(
                        settings: settings, batch: Batch(), checksAllKeys: true)
                    let result = try transaction.replay(some, on: connection)
                    if isDry { throw DryRun(replayed: result.replayed) }
                    return result
                }
                take(effects, instance)
                all += replayed
            } catch let run as DryRun {
                all += run.replayed
            }
        }
        await pool.shutdown()
        return all
    }
}
