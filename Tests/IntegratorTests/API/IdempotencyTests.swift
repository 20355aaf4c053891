import JSON
import MySQL
import Signatures
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import Store

/// `Idempotency-Key` on creates (spec, section 2, Case 1).
@Suite(.timeLimit(.minutes(10))) struct IdempotencyTests {
    private func create(
        _ service: ServiceUnderTest, _ scene: TestScene, key: String, body: String? = nil, token: String? = nil
    ) async throws -> HTTPAnswer {
        try await service.create(
            scene.wishlist, token: token ?? scene.token, body: body, headers: [("Idempotency-Key", key)])
    }

    private func historyCount(_ service: ServiceUnderTest) async throws -> Int64? {
        try await service.number("SELECT COUNT(*) FROM wishlist_dataset_histories")
    }

    @Test func theFirstAnswerIsGivenAgain() async throws {
        try await ServiceUnderTest.with(sandbox: { $0.scenario.stepDelay = 60 }) { service in
            let scene = try await service.scene()
            let first = try await create(service, scene, key: "key-1", body: #"{"name": "A"}"#)
            #expect(first.status == 201 && first.header("Idempotent-Replayed") == nil)
            let id = try #require(first.data?["id"]?.int)
            try await service.execute("UPDATE wishlist_dataset_histories SET progress = 50 WHERE id = \(id)")
            let again = try await create(service, scene, key: "key-1", body: #"{"name": "A"}"#)
            #expect(again.status == 201 && again.body == first.body)
            #expect(again.header("Idempotent-Replayed") == "true")
            #expect(again.header("Content-Type") == "application/json")

            // A key is compared byte by byte, and is its user's.
            let other = try await create(service, scene, key: "KEY-1", body: #"{"name": "A"}"#)
            #expect(other.status == 409 && other.code == "dataset_already_processing")
            let colleague = try await service.user()
            try await service.member(colleague, of: scene.wishlist.groupID)
            let theirs = try await create(
                service, scene, key: "key-1", body: #"{"name": "A"}"#, token: try await service.token(of: colleague))
            #expect(theirs.status == 409 && theirs.code == "dataset_already_processing")
            // Refusals too.
            let refused = try await create(service, scene, key: "KEY-1", body: #"{"name": "A"}"#)
            #expect(refused.body == other.body && refused.header("Idempotent-Replayed") == "true")

            for body in [#"{"name":"A"}"#, nil] {
                let reused = try await create(service, scene, key: "key-1", body: body)
                #expect(reused.status == 422 && reused.code == "idempotency_key_reused")
            }
            let elsewhere = TestScene(
                user: scene.user, token: scene.token, wishlist: try await service.wishlist(of: scene.wishlist.groupID))
            #expect(try await create(service, elsewhere, key: "key-1", body: #"{"name": "A"}"#).status == 422)
            #expect(try await historyCount(service) == 1)

            // On another instance as well.
            try await service.withAnotherInstance { other in
                let same = try await create(other, scene, key: "key-1", body: #"{"name": "A"}"#)
                #expect(same.body == first.body)
            }
        }
    }

    @Test func afterADayAKeyIsForgotten() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let first = try await create(service, scene, key: "k")
            let id = try #require(first.data?["id"]?.int)
            try await service.waitForPushed(of: id) { $0.contains { $0.name == "dataset.completed" } }
            try await service.execute(
                "UPDATE integrator_idempotency_keys SET created_at = created_at - INTERVAL 23 HOUR")
            #expect(try await create(service, scene, key: "k").body == first.body)
            try await service.execute(
                "UPDATE integrator_idempotency_keys SET created_at = created_at - INTERVAL 1 HOUR")
            let second = try await create(service, scene, key: "k", body: "{}")
            #expect(second.status == 201 && second.data?["id"]?.int != id, "\(second.text)")
            try await service.execute(
                "UPDATE integrator_idempotency_keys SET created_at = created_at - INTERVAL 24 HOUR")
            let pool = MySQLPool(service.database, maximumConnections: 1)
            try await IdempotencyKeys(pool: pool).prune()
            await pool.shutdown()
            #expect(try await service.number("SELECT COUNT(*) FROM integrator_idempotency_keys") == 0)
        }
    }

    @Test(arguments: ["", "a b", "é", String(repeating: "k", count: 256)])
    func keysAreVisibleASCII(key: String) async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let answer = try await create(service, scene, key: key)
            #expect(answer.status == 400 && answer.code == "invalid_idempotency_key")
            #expect(answer.faults == ["Idempotency-Key"])
            #expect(try await create(service, scene, key: String(repeating: "~", count: 255)).status == 201)
        }
    }

    @Test func ofManyAtOnceOneCreates() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let answers = try await withThrowingTaskGroup(of: HTTPAnswer.self) { group in
                for _ in 0..<8 { group.addTask { try await create(service, scene, key: "same") } }
                return try await group.reduce(into: [HTTPAnswer]()) { $0.append($1) }
            }
            let created = answers.filter { $0.status == 201 }
            #expect(Set(created.map(\.body)).count == 1)
            #expect(created.count(where: { $0.header("Idempotent-Replayed") == nil }) == 1)
            for answer in answers where answer.status != 201 {
                #expect(answer.status == 409 && answer.code == "idempotency_key_in_use")
                #expect(answer.header("Retry-After") == "2")
            }
            #expect(try await historyCount(service) == 1)
        }
    }

    /// The TV Python API was away: the same key tries again, as it was told to.
    @Test func whoIsToldToTryAgainMay() async throws {
        try await ServiceUnderTest.with(
            ["TV_API_DEADLINE_SECONDS": "1", "TV_API_URL": "http://127.0.0.1:9"], registered: false
        ) {
            service in
            let scene = try await service.scene()
            let first = try await create(service, scene, key: "k")
            #expect(first.status == 503 && first.code == "tv_api_unavailable")
            try await service.withAnotherInstance(["TV_API_URL": service.sandbox.url]) { other in
                try await other.sandboxLog.wait { $0.contains { $0.contains("callback gb-console registered") } }
                let second = try await create(other, scene, key: "k")
                #expect(second.status == 201 && second.header("Idempotent-Replayed") == nil)
                #expect(try await create(other, scene, key: "k").body == second.body)
                #expect(try await historyCount(service) == 2)
            }
        }
    }

    /// The process died, or the database went, between the reservation and the answer: the row knows what became of it.
    @Test(
        arguments: [
            (HistoryStatus.pending, nil, 409), (.queued, nil, 201), (.completed, nil, 201),
            (.failed, "tv_api_rejected", 502), (.failed, "tv_api_unavailable", 201), (.failed, "oom", 201),
        ] as [(HistoryStatus, String?, Int)])
    func aCrashIsMadeGood(status: HistoryStatus, errorCode: String?, expected: Int) async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist, status: status, errorCode: errorCode)
            let pool = MySQLPool(service.database, maximumConnections: 1)
            let keys = IdempotencyKeys(pool: pool)
            let fingerprint = Digest.sha256(Array("createAnalysis \(scene.wishlist.id) ".utf8))
            guard
                case .new(let lease) = try await keys.begin(
                    "k", user: scene.user, fingerprint: fingerprint, seconds: 60)
            else {
                Issue.record("the key is free")
                return
            }
            try await service.execute(lease.noteStatement(history.id))
            await pool.shutdown()
            let early = try await create(service, scene, key: "k")
            #expect(early.status == 409 && early.code == "idempotency_key_in_use")
            try await service.execute("UPDATE integrator_idempotency_keys SET claimed_until = UTC_TIMESTAMP(6)")

            let answer = try await create(service, scene, key: "k")
            #expect(answer.status == expected, "\(answer.text)")
            if expected == 409 { #expect(answer.code == "idempotency_key_in_use") }
            if expected == 502 { #expect(answer.code == "tv_api_rejected") }
            if expected == 201 {
                let isAnother = errorCode == "tv_api_unavailable"
                #expect((answer.data?["id"]?.int != history.id) == isAnother)
                #expect(try await create(service, scene, key: "k").body == answer.body)
            }
        }
    }
}
