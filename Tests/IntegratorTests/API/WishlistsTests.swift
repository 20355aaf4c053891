import Datasets
import JSON
import MySQL
import Testing

@testable import Integrator

/// `GET /api/v1/wishlist-to-group`, and what it tells of what can be done: the same as the operations themselves.
@Suite(.timeLimit(.minutes(10))) struct WishlistsTests {
    private let path = "/api/v1/wishlist-to-group"

    private func wishlist(_ service: ServiceUnderTest, _ wishlist: TestWishlist, _ token: String) async throws
        -> JSONView
    {
        let answer = try await service.get("\(path)?slug=\(wishlist.slug)", token: token)
        return try #require(answer.data?.elements.first, "\(answer.text)")
    }

    /// In the order of Case 1: each wishlist lacks one thing more than the one before it.
    @Test func whatCannotBeDoneIsToldBefore() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let group = scene.wishlist.groupID
            let viewer = try await service.user()
            try await service.member(viewer, of: group, role: "viewer")
            let reader = try await service.token(of: scene.user, abilities: #"["datasets:read"]"#)
            let poor = try await service.group(stripeStatus: "canceled")
            try await service.member(scene.user, of: poor)
            let busy = try await service.wishlist(of: group)
            let running = try await service.history(of: busy, status: .processing)
            let bare = try await service.wishlist(of: group, products: 0, queries: 0)
            let inactive = try await service.wishlist(of: poor, status: 0, products: 0)
            let unpaid = try await service.wishlist(of: poor, products: 0)
            let cases: [(TestWishlist, String, status: Int, code: String?)] = [
                (inactive, reader, 403, "ability_missing"),
                (scene.wishlist, try await service.token(of: viewer), 403, "creation_not_permitted"),
                (inactive, scene.token, 409, "wishlist_inactive"), (unpaid, scene.token, 402, "subscription_required"),
                (busy, scene.token, 409, "dataset_already_processing"), (bare, scene.token, 422, "dataset_incomplete"),
                (scene.wishlist, scene.token, 201, nil),
            ]
            for (wishlist, token, status, code) in cases {
                let told = try await self.wishlist(service, wishlist, token)["create"]
                #expect(told?["allowed"]?.bool == (code == nil) && told?["code"]?.string == code, "\(code ?? "-")")
                #expect((told?["message"]?.string == nil) == (code == nil))
                let tried = try await service.create(wishlist, token: token)
                #expect(tried.status == status && tried.code == code, "\(tried.text)")
            }
            #expect(try await wishlist(service, busy, scene.token)["create"]?["active_history_id"]?.int == running.id)
            #expect(
                try await wishlist(service, bare, scene.token)["create"]?["message"]?.string
                    == "The wishlist has no products, no queries.")
            #expect(try await wishlist(service, unpaid, scene.token)["is_subscribed"]?.bool == false)
        }
    }

    /// A viewer is told so before the wishlist, the body or a key are looked at.
    @Test func viewersMayNotCreate() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene(role: "viewer")
            let path = "\(scene.wishlist.path)/createAnalysis"
            for body in ["", "{}", #"{"x": 1}"#, "no JSON"] {
                let answer = try await service.api("POST", path, token: scene.token, body: body)
                #expect(answer.status == 403 && answer.code == "creation_not_permitted", "\(body)")
            }
            let stranger = try await service.token(of: try await service.user())
            #expect(try await service.api("POST", path, token: stranger).status == 404)
            let rows = try await service.query(
                "SELECT 1 FROM wishlist_dataset_histories WHERE wishlist_to_group_id = \(scene.wishlist.id)")
            #expect(rows.isEmpty)
        }
    }

    @Test func whetherTrainingCanBeSetIsTold() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let viewer = try await service.user()
            try await service.member(viewer, of: scene.wishlist.groupID, role: "viewer")
            func train(_ token: String) async throws -> JSONView? {
                try await wishlist(service, scene.wishlist, token)["train"]
            }
            #expect(try await train(scene.token)?["code"]?.string == "dataset_not_ready")
            _ = try await service.history(of: scene.wishlist, status: .completed)
            let told = try #require(try await train(scene.token))
            #expect(told["allowed"]?.bool == true && told["code"]?.kind == .null)
            #expect(told["statuses"]?.elements.compactMap(\.string) == ["requested"])
            #expect(try await train(service.token(of: viewer))?["code"]?.string == "training_not_permitted")
            let reader = try await service.token(of: scene.user, abilities: #"["datasets:read"]"#)
            #expect(try await train(reader)?["code"]?.string == "ability_missing")
        }
    }

    /// A slug that no channel can be named after has the group's channel only.
    @Test(arguments: ["grün", "a b", String(repeating: "x", count: 150)])
    func channelsAreThosePublishedTo(slug: String) async throws {
        try await ServiceUnderTest.with(["PUSHER_CHANNELS": "wishlist,presence,group"]) { service in
            let scene = try await service.scene()
            let odd = try await service.wishlist(of: scene.wishlist.groupID, slug: slug)
            let answer = try await service.get(path, token: scene.token)
            let channels = Dictionary(
                uniqueKeysWithValues: (answer.data?.elements ?? []).map {
                    ($0["id"]?.int ?? 0, $0["channels"]?.elements.compactMap(\.string))
                })
            let plain = scene.wishlist
            #expect(
                channels[plain.id] == [
                    plain.wishlistChannel, "presence-wishlist-to-group.\(plain.slug)", plain.groupChannel,
                ])
            #expect(channels[odd.id] == [plain.groupChannel])
        }
    }

    @Test func theyAreSearchedAndFiltered() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let second = try await service.group()
            try await service.member(scene.user, of: second, role: "editor")
            let other = try await service.wishlist(of: second, status: 3)
            try await service.execute("UPDATE wishlist_to_groups SET name = '100% Größe _ 日本' WHERE id = \(other.id)")
            try await service.execute("UPDATE `groups` SET name = 'Blue Harbor' WHERE id = \(second)")
            _ = try await service.history(of: scene.wishlist, status: .failed)
            func found(_ query: String) async throws -> [Int64] {
                let answer = try await service.get("\(path)?\(query)", token: scene.token)
                #expect(answer.status == 200, "\(answer.text)")
                return answer.ids
            }
            for query in [
                "search=harbor", "search=100%25", "search=gr%C3%B6%C3%9Fe", "search=%E6%97%A5", "status=canceled",
                "status=3", "dataset_status=none",
            ] {
                #expect(try await found(query) == [other.id], "\(query)")
            }
            for query in ["dataset_status=failed", "dataset_status=4", "status=active", "search=wishlist"] {
                #expect(try await found(query) == [scene.wishlist.id], "\(query)")
            }
            for query in ["search=%F0%9F%98%80", "status=inactive", "search=__", "dataset_status=completed"] {
                #expect(try await found(query) == [], "\(query)")
            }
            #expect(try await found("search=").count == 2)
            #expect(try await wishlist(service, other, scene.token)["group_name"]?.string == "Blue Harbor")
            for query in ["status=5", "status=", "status=new", "dataset_status=x", "dataset_status="] {
                #expect(try await service.get("\(path)?\(query)", token: scene.token).status == 400, "\(query)")
            }
        }
    }
}
