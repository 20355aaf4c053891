import JSON
import Operations
import Store

extension CommandLineTool {
    /// `datasets list|show`.
    func datasets(_ arguments: inout Arguments) async throws -> Bool {
        let json = arguments.flag("--json")
        switch arguments.next() {
        case "list":
            let filter = try DatasetFilter(&arguments)
            let before = try arguments.number("--page")
            let limit = try arguments.limit()
            try arguments.end()
            let listing = try await withDesk { try await $0.datasets(filter, before: before, limit: limit) }
            print(listing, json: json, empty: "no such datasets")
        case "show":
            let filter = try one(&arguments)
            try arguments.end()
            return try await showDataset(filter, json: json)
        default:
            throw UsageError(message: "datasets: list or show?")
        }
        return true
    }

    /// The newest history of a dataset's number, the history of a reference, or `--history ID`.
    private func one(_ arguments: inout Arguments) throws(UsageError) -> DatasetFilter {
        var filter = DatasetFilter()
        filter.history = try arguments.number("--history")
        if filter.history != nil { return filter }
        guard let which = arguments.next() else {
            throw UsageError(message: "datasets show: the dataset's number, its reference, or --history ID")
        }
        if let number = Int64(which) { filter.dataset = number } else { filter.reference = which.lowercased() }
        return filter
    }

    private func showDataset(_ filter: DatasetFilter, json isJSON: Bool) async throws -> Bool {
        let found = try await withDesk { desk -> (Details, Listing)? in
            guard let details = try await desk.dataset(filter) else { return nil }
            var events = LogFilter()
            if case .number(let id?)? = details.fields.first?.value { events.history = id }
            return (details, try await desk.events(events, limit: 50))
        }
        guard let (details, events) = found else {
            complaint("integrator: there is no such dataset")
            return false
        }
        if isJSON {
            print(json: { json in
                json.object { json in
                    details.write(to: &json)
                    json.key("events")
                    events.table.write(to: &json)
                }
            })
        } else {
            print(details)
            print("\nIts events, newest first:")
            print(events, json: false, empty: "none")
        }
        return true
    }

    /// `refused list`.
    func refused(_ arguments: inout Arguments) async throws {
        let json = arguments.flag("--json")
        guard arguments.next() == "list" else { throw UsageError(message: "refused: only `list` is there") }
        let before = try arguments.number("--page")
        let limit = try arguments.limit()
        try arguments.end()
        print(
            try await withDesk { try await $0.refused(before: before, limit: limit) }, json: json,
            empty: "no webhook was refused")
    }

    /// `actions list`.
    func actions(_ arguments: inout Arguments) async throws {
        let json = arguments.flag("--json")
        guard arguments.next() == "list" else { throw UsageError(message: "actions: only `list` is there") }
        let before = try arguments.number("--page")
        let limit = try arguments.limit()
        try arguments.end()
        print(
            try await withDesk { try await $0.actions(before: before, limit: limit) }, json: json, empty: "no actions")
    }
}
