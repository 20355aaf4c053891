import JSON
import MySQL
import TestSupport
import Testing
import Time

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import Store

/// Sanctum's tokens in all their forms, and what is deleted softly.
@Suite(.timeLimit(.minutes(5))) struct ConsoleTokenTests {
    @Test(
        arguments: [
            (#"["*"]"#, ["*"]), (#"{"0":"*"}"#, ["*"]), (#"{"1":"datasets:read","5":"x"}"#, ["datasets:read", "x"]),
            ("null", []), ("[]", []), ("{}", []), ("", []), ("\"*\"", []), ("true", []), ("[true, 0, null]", []),
            (#"["datasets\u003aread"]"#, ["datasets:read"]), (#"["a\/b"]"#, ["a/b"]), (#"[["*"], {"a": "*"}]"#, []),
            (#"["*""#, []), (#"["\ud83d"]"#, nil), ("\u{FEFF}[\"*\"]", nil),
            (String(repeating: "[", count: 3000) + String(repeating: "]", count: 3000), nil),
        ] as [(String, [String]?)])
    func abilitiesOfEveryForm(json: String, expected: [String]?) {
        let found = AccessTokens.abilities(Array(json.utf8))
        if let expected { #expect(found == expected) } else { #expect(!found.contains("*")) }
    }

    @Test func typesAreThoseOfTheMorphMap() async throws {
        try await ServiceUnderTest.with { service in
            try await service.withAnotherInstance(["SANCTUM_TOKENABLE_TYPES": #"person, App\Models\Admin"#]) { other in
                let scene = try await service.scene()
                for (type, usual, special) in [
                    (#"App\Models\User"#, 200, 401), (#"App\User"#, 200, 401), ("user", 200, 401),
                    ("person", 401, 200), (#"App\Models\Admin"#, 401, 200), ("robot", 401, 401),
                ] {
                    try await service.execute("UPDATE personal_access_tokens SET tokenable_type = \(type)")
                    let path = "\(scene.wishlist.path)/histories"
                    #expect(try await service.get(path, token: scene.token).status == usual, "\(type)")
                    #expect(try await other.get(path, token: scene.token).status == special, "\(type)")
                }
            }
        }
    }

    @Test func theGlobalExpirationCounts() async throws {
        try await ServiceUnderTest.with(["SANCTUM_EXPIRATION": "60"]) { service in
            let scene = try await service.scene()
            let path = "\(scene.wishlist.path)/histories"
            for (age, status) in [(59, 200), (61, 401), (-10, 200)] {
                try await service.execute(
                    "UPDATE personal_access_tokens SET created_at = UTC_TIMESTAMP() - INTERVAL \(age) MINUTE")
                #expect(try await service.get(path, token: scene.token).status == status, "\(age)")
            }
            try await service.execute("UPDATE personal_access_tokens SET created_at = NULL")
            #expect(try await service.get(path, token: scene.token).status == 401)
        }
    }

    @Test func sanctum2HasNoExpiresAt() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            try await service.execute("ALTER TABLE personal_access_tokens DROP COLUMN expires_at")
            try await service.withAnotherInstance { other in
                let answer = try await other.get("\(scene.wishlist.path)/histories", token: scene.token)
                #expect(answer.status == 200)
            }
        }
    }

    /// `deleted_at`, where a table has it.
    @Test func whatIsDeletedSoftlyHasNoAccess() async throws {
        try await ServiceSchema.with { schema in
            let console = try await MySQLConnection.connect(schema.patient)
            for table in ["users", "groups", "group_user", "wishlist_products"] {
                try await console.execute("ALTER TABLE \(identifier: table) ADD COLUMN deleted_at TIMESTAMP NULL")
            }
            await console.close()
            try await ServiceUnderTest.with(database: schema) { service in
                let scene = try await service.scene()
                let (slug, group) = (scene.wishlist.slug, scene.wishlist.groupID)
                func answers() async throws -> [Int] {
                    var answers = [
                        try await service.get("\(scene.wishlist.path)/histories", token: scene.token).status
                    ]
                    for channel in ["private-wishlist-to-group.\(slug)", "private-group.\(group)"] {
                        answers.append(
                            try await service.api(
                                "POST", "/broadcasting/auth", token: scene.token,
                                body: #"{"socket_id": "1.2", "channel_name": "\#(channel)"}"#,
                                headers: [("Content-Type", "application/json")]
                            ).status)
                    }
                    let list = try await service.get("/api/v1/wishlist-to-group", token: scene.token)
                    return answers + [list.status, list.data?.elements.count ?? -1]
                }
                #expect(try await answers() == [200, 200, 200, 200, 1])
                for (table, expected) in [
                    ("group_user", [404, 403, 403, 200, 0]), ("groups", [404, 403, 403, 200, 0]),
                    ("users", [401, 401, 401, 401, -1]),
                ] {
                    try await service.execute("UPDATE \(identifier: table) SET deleted_at = UTC_TIMESTAMP()")
                    #expect(try await answers() == expected, "\(table)")
                    try await service.execute("UPDATE \(identifier: table) SET deleted_at = NULL")
                }
                try await service.execute("UPDATE wishlist_products SET deleted_at = UTC_TIMESTAMP()")
                #expect(try await service.create(scene.wishlist, token: scene.token).status == 422)
            }
        }
    }
}
