import Datasets
import JSON
import Lanes
import MySQL
import Operations
import Store
import Telemetry
import Web

extension CommandLineTool {
    /// `events list|show|replay|drop`.
    func events(_ arguments: inout Arguments) async throws -> Bool {
        let json = arguments.flag("--json")
        switch arguments.next() {
        case "list":
            let filter = try LogFilter(&arguments)
            let before = try arguments.number("--page")
            let limit = try arguments.limit()
            try arguments.end()
            let listing = try await withDesk { try await $0.events(filter, before: before, limit: limit) }
            print(listing, json: json, empty: "no such events")
        case "show":
            guard let which = arguments.next() else { throw UsageError(message: "events show: which?") }
            try arguments.end()
            return try await showEvent(which, json: json)
        case "replay":
            return try await replayEvents(&arguments, json: json)
        case "drop":
            return try await dropEvents(&arguments, json: json)
        default:
            throw UsageError(message: "events: list, show, replay or drop?")
        }
        return true
    }

    private func showEvent(_ which: String, json isJSON: Bool) async throws -> Bool {
        let found = try await withDesk { try await $0.event(which) }
        guard let (details, body) = found else {
            complaint("integrator: there is no event `\(which)`")
            return false
        }
        if isJSON {
            print(json: { json in
                json.object { json in
                    details.write(to: &json)
                    json.key("body")
                    // As it is if it is JSON, and as text otherwise.
                    if (try? JSONDocument(parsing: body)) != nil {
                        json.raw(body)
                    } else {
                        json.value(String(decoding: body, as: UTF8.self))
                    }
                }
            })
        } else {
            print(details, and: [("body", .text(String(decoding: body, as: UTF8.self)))])
        }
        return true
    }

    // MARK: Replay and drop

    /// Events by their ids, or by a filter: what an action is about.
    private struct Meant {
        var ids: [Int64]
        var filter: LogFilter
        var target: String { ids.isEmpty ? filter.text : ids.map(String.init).joined(separator: " ") }
    }

    private func meant(_ command: String, _ arguments: inout Arguments) throws(UsageError) -> (Meant, limit: Int64) {
        let filter = try LogFilter(&arguments)
        let limit = try arguments.number("--limit") ?? 50
        let ids = try arguments.ids()
        if ids.isEmpty == filter.isEmpty { throw UsageError(message: "events \(command): either ids or a filter") }
        return (Meant(ids: ids, filter: filter), limit)
    }

    private func replayEvents(_ arguments: inout Arguments, json isJSON: Bool) async throws -> Bool {
        let isDry = arguments.flag("--dry-run")
        let (meant, limit) = try meant("replay", &arguments)
        let configuration = try Configuration(environment)
        let (ids, unknown) = try await withDesk { desk in
            meant.ids.isEmpty
                ? (try await desk.unapplied(meant.filter, limit: limit), [])
                : (meant.ids, try await desk.unknownEvents(meant.ids))
        }
        let replayed: Table
        if isDry {
            replayed = try await withDesk(configuration.datasetDeadlineSeconds) {
                try await Replay.dryRun(ids, desk: $0)
            }
        } else if ids.isEmpty {
            replayed = Table("id")
        } else {
            replayed = try await Service(configuration: configuration).asInstance { parts in
                try await parts.tools.replay.run(ids, meant.target, by: Self.actor)
            }
        }
        print(Listing(table: replayed), json: isJSON, empty: "no such events")
        if !isJSON, replayed.count < ids.count - unknown.count {
            print("\(ids.count - unknown.count - replayed.count) left as they are: applied before, or not webhooks")
        }
        if !isJSON, isDry { print("nothing was changed: --dry-run") }
        for id in unknown { complaint("integrator: there is no event `\(id)`") }
        return unknown.isEmpty
    }

    private func dropEvents(_ arguments: inout Arguments, json isJSON: Bool) async throws -> Bool {
        let isDry = arguments.flag("--dry-run")
        let (meant, limit) = try meant("drop", &arguments)
        let (count, isAll) = try await withDesk { desk in
            let ids = meant.ids.isEmpty ? try await desk.droppable(meant.filter, limit: limit) : meant.ids
            if isDry {
                let open = try await desk.droppable(ids)
                return (open.count, open.count == ids.count)
            }
            let dropped = try await desk.dropEvents(ids, meant.target, by: Self.actor)
            return (dropped, dropped == ids.count)
        }
        if isJSON {
            print(json: { json in json.object { $0.field(isDry ? "would_drop" : "dropped", count) } })
        } else {
            print("\(count) \(isDry ? "would be dropped" : "dropped")")
        }
        return isAll
    }
}
