import MySQL

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import Store

extension ModelWorld {
    /// The rows of the histories and of the wishlist.
    func compareRows(_ model: WishlistModel, _ wishlist: TestWishlist) async throws -> [String] {
        var differences: [String] = []
        for dataset in model.datasets {
            guard let row = try await service.stored(dataset.historyID) else { return ["a row is gone"] }
            let name = "history \(dataset.historyID)"
            let pairs: [(String, String, String)] = [
                ("status", row.status.label, dataset.status.label),
                ("sequence", "\(row.sequence)", "\(dataset.sequence)"),
                ("revision", "\(row.revision)", "\(dataset.revision)"),
                ("progress", "\(row.progress ?? -1)", "\(dataset.progress ?? -1)"),
                ("dataset_id", "\(row.datasetID ?? -1)", "\(dataset.isNamed ? dataset.name : -1)"),
            ]
            for (field, found, expected) in pairs where found != expected {
                differences.append("\(name): \(field) is \(found), should be \(expected)")
            }
        }
        let training = try await service.number(
            "SELECT training_status FROM wishlist_to_groups WHERE id = \(wishlist.id)")
        if training != Int64(model.training.rawValue) {
            differences.append("training is \(training ?? -1), should be \(model.training.rawValue)")
        }
        return differences
    }

    /// Each webhook once, with its outcome and revision; none besides.
    func compareLog(_ model: WishlistModel) async throws -> [String] {
        let prefixes = model.datasets.map { "model_\($0.historyID)_" }
        var found: [String: WishlistModel.Entry] = [:]
        for prefix in prefixes {
            let sql: SQL = """
                SELECT event_key, outcome, revision FROM wishlist_dataset_events WHERE event_key >= \(prefix) \
                AND event_key < \(prefix + "a")
                """
            for row in try await service.query(sql) {
                found[String(decoding: try row.bytes(0), as: UTF8.self)] = .init(
                    outcome: EventOutcome(rawValue: Int(try row.int64(1))) ?? .stale,
                    revision: try row.optionalInt64(2))
            }
        }
        let lost = model.log.keys.filter { found[$0] == nil }
        Chaos.count(.webhooksAcknowledged, model.log.count)
        Chaos.count(.webhooksStored, model.log.count - lost.count)
        Chaos.count(.webhooksLost, lost.count)
        Chaos.count(.webhooksApplied, found.values.count { $0.outcome == .applied })
        return Set(found.keys).union(model.log.keys).sorted().compactMap { key in
            found[key] == model.log[key]
                ? nil : "\(key): log has \(describe(found[key])), should be \(describe(model.log[key]))"
        }
    }

    private func describe(_ entry: WishlistModel.Entry?) -> String {
        entry.map { "\($0.outcome.label) \($0.revision.map(String.init) ?? "-")" } ?? "nothing"
    }

    /// What subscribers saw, once nothing is owed: each change as it was, in order, none missing but overtaken progress.
    func compareNotifications(_ model: WishlistModel) async throws -> [String] {
        let ids = model.datasets.map(\.historyID)
        try await service.waitForNumber(
            0,
            """
            SELECT COUNT(*) FROM wishlist_dataset_histories WHERE id IN \(list: ids) \
            AND (dispatcher > 0 OR notified_revision <> revision)
            """, timeout: .seconds(120))
        var differences: [String] = []
        for dataset in model.datasets {
            let name = "history \(dataset.historyID)"
            var seen: [Int64] = []
            for event in service.pushed(of: dataset.historyID) where !seen.contains(event.revision) {
                seen.append(event.revision)
                let expected = dataset.notifications[event.revision] ?? "nothing"
                if event.name != expected {
                    differences.append("\(name): revision \(event.revision) was \(event.name), should be \(expected)")
                }
            }
            if seen != seen.sorted() { differences.append("\(name): seen in the order \(seen)") }
            let missing = dataset.notifications.filter { $0.value != "dataset.progress" && !seen.contains($0.key) }
            let progress = dataset.notifications.filter { $0.value == "dataset.progress" }.keys
            Chaos.count(.notificationsOwed, dataset.notifications.count - progress.count)
            Chaos.count(.notificationsDelivered, dataset.notifications.count - progress.count - missing.count)
            Chaos.count(.notificationsLost, missing.count)
            Chaos.countProgress(owed: Set(progress), seen: seen)
            if !missing.isEmpty { differences.append("\(name): never seen: \(missing)") }
            if seen.last != dataset.notifications.keys.max() {
                differences.append("\(name): last seen is \(seen.last ?? -1)")
            }
        }
        return differences
    }
}
