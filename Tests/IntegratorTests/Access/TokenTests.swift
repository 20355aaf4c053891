import JSON
import MySQL
import Signatures
import Testing

@testable import Integrator

/// Who may call: Sanctum tokens, abilities, memberships (spec, section 2).
@Suite(.timeLimit(.minutes(10))) struct TokenTests {
    private func status(_ service: ServiceUnderTest, _ scene: TestScene, authorization: String?) async throws -> Int {
        let headers = authorization.map { [(name: "Authorization", value: $0)] } ?? []
        return try await service.api("GET", "\(scene.wishlist.path)/histories", headers: headers).status
    }

    @Test func bothFormsAreTaken() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let plaintext = String(scene.token.split(separator: "|")[1])
            for taken in [
                "Bearer \(scene.token)", "bearer \(scene.token)", "Bearer \(plaintext)",
                "Basic eDp5 Bearer \(scene.token), more",
            ] {
                #expect(try await status(service, scene, authorization: taken) == 200, "\(taken)")
            }
            let id = String(scene.token.split(separator: "|")[0])
            for refused in [
                nil, "", "Bearer ", "Bearer", scene.token, "Basic \(scene.token)", "Bearer \(id)|", "Bearer \(id)|x",
                "Bearer |\(plaintext)", "Bearer x|\(plaintext)", "Bearer +\(id)|\(plaintext)",
                "Bearer 99999999999999999999|\(plaintext)", "Bearer \(plaintext)x", "Bearer \(plaintext.uppercased())",
                "Bearer " + String(repeating: "a", count: 2000),
                "Bearer \(id)|\(Digest.hex(Digest.sha256(Array(plaintext.utf8))))",
            ] {
                #expect(try await status(service, scene, authorization: refused) == 401, "\(refused ?? "nothing")")
            }
            let answer = try await service.api("GET", "\(scene.wishlist.path)/histories")
            #expect(answer.text == #"{"message":"Unauthenticated.","code":"unauthenticated"}"#)
            #expect(answer.header("WWW-Authenticate") == "Bearer")
        }
    }

    @Test func whatIsOverIsRefusedAtOnce() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            func tries(_ token: String) async throws -> Int {
                try await status(service, scene, authorization: "Bearer \(token)")
            }
            #expect(try await tries(service.token(of: scene.user, expiresIn: 60)) == 200)
            #expect(try await tries(service.token(of: scene.user, expiresIn: -1)) == 401)
            #expect(try await tries(scene.token) == 200)
            try await service.execute("UPDATE personal_access_tokens SET tokenable_type = 'App\\\\Models\\\\Robot'")
            #expect(try await tries(scene.token) == 401)
            try await service.execute("UPDATE personal_access_tokens SET tokenable_type = 'App\\\\Models\\\\User'")
            #expect(try await tries(scene.token) == 200)
            try await service.execute("DELETE FROM users WHERE id = \(scene.user)")
            #expect(try await tries(scene.token) == 401)
        }
    }

    @Test func abilitiesDecide() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let read = ["GET \(scene.wishlist.path)/histories"]
            let write = [
                "POST \(scene.wishlist.path)/createAnalysis", "PATCH \(scene.wishlist.path)/update-tranning-status",
                "PATCH \(scene.wishlist.path)/update-training-status",
            ]
            for (abilities, mayRead, mayWrite) in [
                (#"["*"]"#, true, true), (#"["datasets:read"]"#, true, false), (#"["datasets:write"]"#, false, true),
                (#"["datasets:read","datasets:write"]"#, true, true), ("[]", false, false), ("null", false, false),
                (#""*""#, false, false), ("nonsense", false, false), (#"["datasets:*"]"#, false, false),
            ] {
                let token = try await service.token(of: scene.user, abilities: abilities)
                for (calls, isAllowed) in [(read, mayRead), (write, mayWrite)] {
                    for call in calls {
                        let parts = call.split(separator: " ").map(String.init)
                        let answer = try await service.api(parts[0], parts[1], token: token, body: "[]")
                        if isAllowed {
                            #expect(answer.status != 403, "\(abilities) \(call)")
                        } else {
                            #expect(answer.status == 403 && answer.code == "ability_missing", "\(abilities) \(call)")
                            #expect(answer.json?["message"]?.string == "Invalid ability provided.")
                        }
                    }
                }
            }
        }
    }

    @Test func hiddenThingsAreNotFound() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            func answers(_ slug: String) async throws -> Int {
                try await service.get("/api/v1/wishlist-to-group/\(slug)/histories", token: scene.token).status
            }
            let wishlist = scene.wishlist
            #expect(try await answers(wishlist.slug) == 200)
            #expect(try await answers(wishlist.slug.uppercased()) == 404)
            #expect(try await answers("\(wishlist.slug)%20") == 404)
            let spaced = try await service.wishlist(of: wishlist.groupID, slug: "été / 1")
            #expect(try await answers("%C3%A9t%C3%A9%20%2F%201") == 200)
            try await service.execute("UPDATE wishlist_to_groups SET deleted_at = NOW() WHERE id = \(spaced.id)")
            #expect(try await answers("%C3%A9t%C3%A9%20%2F%201") == 404)
            let homeless = try await service.wishlist(of: wishlist.groupID)
            try await service.execute("UPDATE wishlist_to_groups SET group_id = NULL WHERE id = \(homeless.id)")
            #expect(try await answers(homeless.slug) == 404)
            try await service.execute("DELETE FROM `groups` WHERE id = \(wishlist.groupID)")
            #expect(try await answers(wishlist.slug) == 404)
        }
    }

    @Test func useIsWrittenOnceAMinute() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let id = Int64(scene.token.split(separator: "|")[0]) ?? 0
            func call() async throws {
                #expect(try await status(service, scene, authorization: "Bearer \(scene.token)") == 200)
            }
            let isRecent: SQL = """
                SELECT COUNT(*) FROM personal_access_tokens WHERE id = \(id) \
                AND last_used_at BETWEEN UTC_TIMESTAMP() - INTERVAL 20 SECOND AND UTC_TIMESTAMP()
                """
            try await call()
            try await service.waitForNumber(1, isRecent)
            for (time, isWritten) in [(61, true), (-3600, true), (40, false)] {
                try await service.execute(
                    """
                    UPDATE personal_access_tokens SET last_used_at = UTC_TIMESTAMP() - INTERVAL \(time) SECOND \
                    WHERE id = \(id)
                    """)
                try await call()
                if isWritten {
                    try await service.waitForNumber(1, isRecent)
                } else {
                    // Another token's write shows that this one had its turn.
                    let other = try await service.token(of: scene.user)
                    #expect(try await status(service, scene, authorization: "Bearer \(other)") == 200)
                    try await service.waitForNumber(
                        1,
                        """
                        SELECT COUNT(*) FROM personal_access_tokens \
                        WHERE id = \(Int64(other.split(separator: "|")[0])) AND last_used_at IS NOT NULL
                        """)
                    #expect(try await service.number(isRecent) == 0)
                }
            }
        }
    }

    /// Trial, grace period, active; none; several.
    @Test(
        arguments: [
            ("active", nil, nil, 201), ("trialing", nil, nil, 201), ("canceled", nil, nil, 402),
            ("past_due", nil, nil, 402),
            ("incomplete", nil, nil, 402), ("unpaid", nil, nil, 402), ("active", nil, 60, 201),
            ("active", nil, -1, 402),
            ("canceled", nil, 60, 201), ("canceled", nil, -1, 402), ("incomplete", 60, nil, 201),
            ("canceled", -1, nil, 402),
            ("canceled", 60, -1, 201), ("trialing", -1, nil, 201),
        ] as [(String, Int64?, Int64?, Int)])
    func subscriptionsAreJudgedByTheirEnds(
        status: String, trialEndsIn: Int64?, endsIn: Int64?, expected: Int
    ) async throws {
        try await ServiceUnderTest.with { service in
            let user = try await service.user()
            let group = try await service.group(stripeStatus: nil)
            try await service.member(user, of: group)
            let token = try await service.token(of: user)
            let wishlist = try await service.wishlist(of: group)
            let without = try await service.create(wishlist, token: token)
            #expect(without.status == 402 && without.code == "subscription_required")
            try await service.subscription(of: group, status: status, trialEndsIn: trialEndsIn, endsIn: endsIn)
            #expect(try await service.create(wishlist, token: token).status == expected)
            if expected == 402 {
                try await service.subscription(of: group, status: "active")
                #expect(try await service.create(wishlist, token: token).status == 201)
            }
        }
    }
}
