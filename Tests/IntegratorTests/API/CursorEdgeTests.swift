import JSON
import MySQL
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox

/// Cursors over histories from before this service, which have no times.
@Suite(.timeLimit(.minutes(5))) struct CursorEdgeTests {
    @Test(arguments: ["created_at", "-created_at", "updated_at", "-updated_at", "status", "-status"])
    func historiesWithoutTimesAreMetOnce(sort: String) async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            let scene = try await service.scene()
            var ids: [Int64] = []
            for number in 0..<6 {
                let status: HistoryStatus = number < 3 ? .completed : .failed
                ids.append(try await service.history(of: scene.wishlist, status: status).id)
            }
            try await service.execute(
                """
                UPDATE wishlist_dataset_histories SET created_at = NULL, updated_at = NULL \
                WHERE id IN \(list: [ids[1], ids[4]])
                """)
            try await service.execute(
                """
                UPDATE wishlist_dataset_histories SET created_at = '2020-01-01', updated_at = '2020-01-01' \
                WHERE id IN \(list: [ids[0], ids[2], ids[5]])
                """)
            var met: [Int64] = []
            var cursor = ""
            for _ in 0..<9 {
                let page = try await service.get(
                    "\(scene.wishlist.path)/histories?per_page=1&sort=\(sort)&cursor=\(cursor)", token: scene.token)
                #expect(page.status == 200)
                met += page.json?["data"]?.elements.compactMap { $0["id"]?.int } ?? []
                guard let next = page.json?["meta"]?["next_cursor"]?.string else { break }
                cursor = next
            }
            #expect(met.count == 6 && Set(met) == Set(ids))
        }
    }
}
