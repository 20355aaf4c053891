import JSON
import MySQL
import Testing

@testable import Integrator

/// What is not named rightly is not found.
@Suite(.timeLimit(.minutes(5))) struct WishlistEdgeTests {
    @Test func slugsAndIDsAreComparedAsTheyAre() async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let gone = try await service.wishlist(of: scene.wishlist.groupID)
            try await service.execute(
                "UPDATE wishlist_to_groups SET deleted_at = UTC_TIMESTAMP() WHERE id = \(gone.id)")
            func listed(_ query: String) async throws -> [String] {
                let answer = try await service.get("/api/v1/wishlist-to-group\(query)", token: scene.token)
                return answer.json?["data"]?.elements.compactMap { $0["slug"]?.string } ?? []
            }
            #expect(try await listed("") == [scene.wishlist.slug])
            #expect(try await listed("?slug=\(scene.wishlist.slug)") == [scene.wishlist.slug])
            #expect(try await listed("?slug=\(scene.wishlist.slug.uppercased())") == [])
            let path = "\(scene.wishlist.path)/histories"
            #expect(try await service.get("\(path)/\(history.id)", token: scene.token).status == 200)
            for id in ["+\(history.id)", "-1", "0x1", "%20\(history.id)"] {
                #expect(try await service.get("\(path)/\(id)", token: scene.token).status == 404)
            }
        }
    }
}
