import Datasets
import Delivery
import HTTPClient
import JSON
import MySQL
import Operations
import Store
import Text

extension CommandLineTool {
    /// `notifications list|retry|drop`.
    func notifications(_ arguments: inout Arguments) async throws -> Bool {
        let json = arguments.flag("--json")
        switch arguments.next() {
        case "list":
            let history = try arguments.number("--history")
            let after = try arguments.number("--page") ?? 0
            let limit = try arguments.limit()
            try arguments.end()
            try await listNotifications(history: history, after: after, limit: Int64(limit), json: json)
            return true
        case "retry":
            let (selection, count) = try selection(&arguments)
            return try await retry(selection, count, json: json)
        case "drop":
            let (selection, count) = try selection(&arguments)
            let dropped = try await withDesk { try await $0.dropDeadLetters(selection, by: Self.actor) }
            if json {
                print(json: { json in json.object { $0.field("dropped", dropped) } })
            } else {
                print("\(dropped) dropped")
            }
            return dropped >= count
        default:
            throw UsageError(message: "notifications: list, retry or drop?")
        }
    }

    /// Which dead letters are meant, and how many have to be there.
    private func selection(
        _ arguments: inout Arguments
    ) throws(UsageError) -> (selection: DeadLetters.Selection, count: Int) {
        let all = arguments.flag("--all")
        let history = try arguments.number("--history")
        let ids = try arguments.ids()
        switch (all, history, ids.isEmpty) {
        case (true, nil, true): return (.all, 0)
        case (false, let history?, true): return (.history(history), 0)
        case (false, nil, false): return (.events(ids), Set(ids).count)
        default: throw UsageError(message: "which dead letters: ids, --history ID or --all?")
        }
    }

    private func listNotifications(history: Int64?, after: Int64, limit: Int64, json isJSON: Bool) async throws {
        let (owed, dead) = try await withDesk { desk in
            (
                try await desk.owing(history: history, limit: limit),
                try await desk.deadLetters(history.map { .history($0) } ?? .all, after: after, limit: limit)
            )
        }
        if isJSON {
            print(json: { json in
                json.object { json in
                    json.key("owed")
                    owed.write(to: &json)
                    json.key("dead_letters")
                    dead.table.write(to: &json)
                }
            })
        } else {
            print("Owed, sent by itself:")
            print(Listing(table: owed), json: false, empty: "none")
            print("\nDead letters, to be retried or dropped:")
            print(dead, json: false, empty: "none")
        }
    }

    /// - Returns: whether all have been sent, `count` at least.
    private func retry(_ selection: DeadLetters.Selection, _ count: Int, json isJSON: Bool) async throws -> Bool {
        let configuration = try Configuration(environment)
        let client = HTTPClient(maximumConnectionsPerHost: 1, maximumResponseBytes: 1 << 20)
        let publisher = PusherPublisher(
            configuration: configuration.pusher, client: client,
            instruments: DeliveryInstruments(log: configuration.log))
        let result: Result<(table: Table, found: Int, sent: Int), any Error>
        do {
            result = .success(
                try await withDesk {
                    try await DeadLetterRetry(desk: $0, publisher: publisher).run(selection, by: Self.actor)
                })
        } catch {
            result = .failure(error)
        }
        await client.shutdown()
        let (table, found, sent) = try result.get()
        print(Listing(table: table), json: isJSON, empty: "no such dead letters")
        return sent == found && found >= count
    }
}
