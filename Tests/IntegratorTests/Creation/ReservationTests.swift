import MySQL
import Synchronization
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import Store

/// Reservations and idempotency keys, as far as a lost answer or another request is in play.
@Suite(.timeLimit(.minutes(5))) struct ReservationTests {
    private static let fingerprint = [UInt8](repeating: 1, count: 32)

    private func with(
        _ body: (ServiceUnderTest, Histories, IdempotencyKeys, Wishlist) async throws -> Void
    ) async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            try await service.instance.stop()
            let scene = try await service.scene()
            let pool = MySQLPool(service.database, maximumConnections: 2)
            let found = try await Wishlists(pool: pool).find(slug: scene.wishlist.slug, user: scene.user)
            try await body(service, Histories(pool: pool), IdempotencyKeys(pool: pool), try #require(found))
        }
    }

    private func reservation(_ reference: String) -> Histories.Reservation {
        Histories.Reservation(
            reference: reference, name: nil, notifications: .all, createdBy: 1, request: [0x7B, 0x7D], leaseSeconds: 60)
    }

    /// The commit succeeded, and its answer was lost: the whole is done again.
    @Test func theSameReservationTwiceIsOneRow() async throws {
        try await with { service, histories, keys, wishlist in
            guard case .new(let claim) = try await keys.begin("k", user: 1, fingerprint: Self.fingerprint, seconds: 60)
            else {
                return #expect(Bool(false))
            }
            let one = reservation("0190a1b2-0000-7000-8000-00000000000b")
            let first = try await histories.reserve(one, of: wishlist, under: claim)
            let second = try await histories.reserve(one, of: wishlist, under: claim)
            #expect(first != nil && first == second)
            #expect(try await service.number("SELECT history_id FROM integrator_idempotency_keys") == first)
            // Another is none.
            let other = reservation("0190a1b2-0000-7000-8000-00000000000c")
            #expect(try await histories.reserve(other, of: wishlist, under: nil) == nil)
        }
    }

    /// Its lease has run out, and another request has the key: what it was answered must not be kept.
    @Test func whoHasLostAKeyKeepsNothingUnderIt() async throws {
        try await with { _, _, keys, _ in
            guard case .new(let first) = try await keys.begin("k", user: 1, fingerprint: Self.fingerprint, seconds: -1),
                case .new = try await keys.begin("k", user: 1, fingerprint: Self.fingerprint, seconds: 60)
            else { return #expect(Bool(false)) }
            try await keys.keep(status: 201, body: [], under: first)
            try await keys.release(first)
            guard case .inFlight = try await keys.begin("k", user: 1, fingerprint: Self.fingerprint, seconds: 60) else {
                return #expect(Bool(false))
            }
        }
    }

    @Test func onlyOldKeysAreRemoved() async throws {
        try await with { service, _, keys, _ in
            for key in ["old", "young"] {
                _ = try await keys.begin(key, user: 1, fingerprint: Self.fingerprint, seconds: 60)
            }
            try await service.execute(
                """
                UPDATE integrator_idempotency_keys SET created_at = UTC_TIMESTAMP(6) - INTERVAL 25 HOUR \
                WHERE idempotency_key = 'old'
                """)
            try await keys.prune()
            let left = try await service.query("SELECT idempotency_key FROM integrator_idempotency_keys")
            #expect(try left.map { String(decoding: try $0.bytes(0), as: UTF8.self) } == ["young"])
        }
    }

    /// Of several instances one asks for the webhooks again, and none if something has come.
    @Test func aRedeliveryIsAskedForOnce() async throws {
        try await with { service, _, _, wishlist in
            let id = try await service.history(
                of: try await service.wishlist(of: wishlist.groupID), status: .processing, sequence: 3
            ).id
            let seen = try #require(try await service.stored(id))
            func asks() async throws -> Bool {
                try await service.connection.run { try HistoryTable.noteRedelivery(seen, on: $0) }
            }
            for column in ["sequence", "revision"] {
                try await service.execute(
                    "UPDATE wishlist_dataset_histories SET \(identifier: column) = \(identifier: column) + 1 WHERE id = \(id)"
                )
                #expect(try await !asks())
                try await service.execute(
                    "UPDATE wishlist_dataset_histories SET \(identifier: column) = \(identifier: column) - 1 WHERE id = \(id)"
                )
            }
            #expect(try await asks())
            try await service.execute("DO SLEEP(0.01)")
            #expect(try await !asks())
        }
    }

    /// The TV Python API may have forgotten the callback, and then nothing comes.
    @Test func silenceHasTheCallbackLookedAt() async throws {
        // It takes the request for redelivery all the same.
        let standIn = TVStandIn(others: { request, _ in request.path.hasSuffix("/redeliver") ? .answer(202, "{}") : nil
        })
        try await ServiceUnderTest.with(standIn, ["DATASET_DEADLINE_SECONDS": "8"]) { service in
            standIn.callback.withLock { $0 = nil }
            let history = try await service.history(of: try await service.scene().wishlist)
            try await service.execute(
                "UPDATE wishlist_dataset_histories SET deadline_at = UTC_TIMESTAMP(6) WHERE id = \(history.id)")
            let deadline = ContinuousClock.now + .seconds(30)
            while standIn.count("PUT") < 2, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(standIn.count("PUT") == 2)
        }
    }
}
