import JSON
import MySQL
import Testing

@testable import Datasets
@testable import Integrator

extension TestWishlist {
    var path: String { "/api/v1/wishlist-to-group/\(slug)" }
}

extension HTTPAnswer {
    var data: JSONView? { json?["data"] }
    /// The ids of a list's resources.
    var ids: [Int64] { (data?.elements ?? []).compactMap { $0["id"]?.int } }
    /// `errors`: the fields at fault.
    var faults: [String] { (json?["errors"]?.members ?? []).map(\.name) }
}

extension ServiceUnderTest {
    func get(
        _ path: String, token: String, headers: [(name: String, value: String)] = []
    ) async throws -> HTTPAnswer {
        try await api("GET", path, token: token, headers: headers)
    }

    /// Sets columns of a history.
    func change(_ history: TestHistory, _ assignments: SQL) async throws {
        try await execute("UPDATE wishlist_dataset_histories SET \(assignments) WHERE id = \(history.id)")
    }

    /// So many histories of a wishlist, completed, a minute apart; oldest first.
    func completedHistories(_ count: Int, of wishlist: TestWishlist) async throws -> [TestHistory] {
        var histories: [TestHistory] = []
        for index in 0..<count {
            let history = try await history(of: wishlist, status: .completed)
            let minutes = Int64(count - index)
            try await change(
                history,
                """
                created_at = '2026-11-20 12:00:00' - INTERVAL \(minutes) MINUTE, \
                updated_at = '2026-11-20 13:00:00' - INTERVAL \(minutes) MINUTE
                """)
            histories.append(history)
        }
        return histories
    }
}

/// Follows the `next` links from a path, and gathers the ids.
func walk(_ service: ServiceUnderTest, _ path: String, token: String, link: String = "next") async throws -> [[Int64]] {
    var pages: [[Int64]] = []
    var next: String? = path
    while let path = next, pages.count < 50 {
        let answer = try await service.get(path, token: token)
        try #require(answer.status == 200, "\(answer.text)")
        pages.append(answer.ids)
        next = answer.json?["links"]?[link]?.string.map { String($0.dropFirst(service.instance.url.count)) }
    }
    return pages
}
