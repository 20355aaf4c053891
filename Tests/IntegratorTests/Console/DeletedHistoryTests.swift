import JSON
import MySQL
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import Store

/// Histories that the console has deleted softly.
@Suite(.timeLimit(.minutes(5))) struct DeletedHistoryTests {
    private static let tables: [SQL] = [
        """
        CREATE TABLE wishlist_dataset_histories (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
        wishlist_to_group_id BIGINT UNSIGNED NOT NULL, dataset_id BIGINT UNSIGNED NULL, slug VARCHAR(255) NOT NULL, \
        status INT NOT NULL DEFAULT 0, created_at TIMESTAMP(6) NULL, updated_at TIMESTAMP(6) NULL, \
        deleted_at TIMESTAMP NULL) CHARSET = utf8mb4
        """
    ]

    @Test func theyAreHiddenAndKeptUpToDate() async throws {
        try await ConsoleTables.with(Self.tables) { service in
            let scene = try await service.scene()
            let path = "\(scene.wishlist.path)/histories"
            let shown = try await service.history(of: scene.wishlist, status: .completed)
            let running = try await service.history(of: scene.wishlist, status: .processing)
            let failed = try await service.history(of: scene.wishlist, status: .failed)
            try await service.execute(
                "UPDATE wishlist_dataset_histories SET deleted_at = UTC_TIMESTAMP() WHERE id IN (\(running.id), \(failed.id))"
            )
            for query in ["", "?sort=updated_at", "?sort=created_at", "?sort=status", "?cursor="] {
                let page = try await service.get("\(path)\(query)", token: scene.token)
                #expect(page.status == 200)
                #expect(page.ids == [shown.id], "\(query) \(page.text)")
                if query.isEmpty { #expect(page.json?["meta"]?["total"]?.int == 1) }
            }
            for history in [running, failed] {
                #expect(try await service.get("\(path)/\(history.id)", token: scene.token).status == 404)
                #expect(try await service.get("\(path)/\(history.id)/events", token: scene.token).status == 404)
            }
            #expect(try await service.get("\(path)/\(shown.id)", token: scene.token).status == 200)
            let list = try await service.get("/api/v1/wishlist-to-group", token: scene.token)
            let latest = list.json?["data"]?.elements.first?["latest_dataset"]?["id"]?.int
            #expect(latest == shown.id, "\(list.text)")

            // Its dataset goes on all the same, and is there when it comes back.
            for (sequence, type) in [(1, DatasetEventType.datasetProgress), (2, .datasetCompleted)] {
                let webhook = TestWebhook(type, of: running, sequence: Int64(sequence))
                #expect(try await service.post(webhook).outcome == "applied")
            }
            #expect(try await service.stored(running.id)?.status == .completed)
            // A training that has begun ends, and one of the latest that is seen begins.
            for (history, type, status) in [
                (running, .trainingCompleted, .trained), (shown, .trainingStarted, .training),
            ] as [(TestHistory, DatasetEventType, TrainingStatus)] {
                let webhook = TestWebhook(type, of: history, sequence: 3)
                #expect(try await service.post(webhook).outcome == "applied")
                #expect(try await training(of: scene.wishlist, service) == status)
            }
            try await service.execute("UPDATE wishlist_dataset_histories SET deleted_at = NULL")
            let again = try await service.get("\(path)/\(running.id)", token: scene.token)
            #expect(again.data?["status_label"]?.string == "completed")
        }
    }

    /// The latest that is seen decides whether there may be a training.
    @Test func trainingAsksForTheLatestThatIsSeen() async throws {
        try await ConsoleTables.with(Self.tables) { service in
            let scene = try await service.scene()
            _ = try await service.history(of: scene.wishlist, status: .completed)
            let failed = try await service.history(of: scene.wishlist, status: .failed)
            let request = {
                try await service.api(
                    "PATCH", "\(scene.wishlist.path)/update-training-status", token: scene.token,
                    body: #"{"training_status": "requested"}"#)
            }
            #expect(try await request().status == 409)
            try await service.execute(
                "UPDATE wishlist_dataset_histories SET deleted_at = UTC_TIMESTAMP() WHERE id = \(failed.id)")
            #expect(try await request().status == 200)
        }
    }

    private func training(of wishlist: TestWishlist, _ service: ServiceUnderTest) async throws -> TrainingStatus? {
        try await service.number("SELECT training_status FROM wishlist_to_groups WHERE id = \(wishlist.id)")
            .flatMap { TrainingStatus(rawValue: Int($0)) }
    }
}
