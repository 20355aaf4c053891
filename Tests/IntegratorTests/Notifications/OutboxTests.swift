import MySQL
import Sandbox
import Telemetry
import Testing

@testable import Datasets
@testable import Delivery
@testable import Integrator
@testable import Lanes
@testable import Store

/// What instances find of each other in the database.
@Suite(.timeLimit(.minutes(10))) struct OutboxTests {
    /// An instance's memory and its keeper, without senders.
    private struct Instance {
        let dispatcher = Dispatcher()
        let keeper: OutboxKeeper

        init(_ service: ServiceUnderTest) async {
            keeper = OutboxKeeper(
                pool: MySQLPool(service.database, maximumConnections: 1), dispatcher: dispatcher,
                log: Logger(sink: LogSink { _ in }))
            #expect(await keeper.renew())
        }

        /// The revisions that a sender would be given now.
        func next() async -> [Int64] {
            guard dispatcher.counts.waiting > 0 else { return [] }
            guard case .send(let notifications) = await dispatcher.next(maximum: 100) else { return [] }
            return notifications.map(\.notification.revision)
        }

        func sweep(_ watch: inout LeaseWatch, now: ContinuousClock.Instant = .now) async throws {
            #expect(try await keeper.sweep(for: dispatcher.number, &watch, now: now))
        }
    }

    /// A history with changes that nobody has told of, and no service beside.
    private func with(_ body: (ServiceUnderTest, Int64) async throws -> Void) async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            try await service.instance.stop()
            let history = try await service.history(of: try await service.scene().wishlist)
            let types: [DatasetEventType] = [.datasetStarted, .datasetProgress, .datasetCompleted]
            try await service.connection.run { connection in
                var batch = Batch()
                batch.webhooks = types.enumerated().map { index, type in
                    let webhook = TestWebhook(type, of: history, sequence: Int64(index + 1))
                    return .init(webhook: IncomingWebhook(id: webhook.id, body: webhook.body)) { _ in }
                }
                try connection.begin()
                var transaction = BatchTransaction(settings: .init(instance: 77, deadlineSeconds: 60), batch: batch)
                _ = try transaction.run(on: connection)
                try connection.commit()
            }
            try await body(service, history.id)
        }
    }

    private func dispatcher(of id: Int64, _ service: ServiceUnderTest) async throws -> Int64? {
        try await service.number("SELECT dispatcher FROM wishlist_dataset_histories WHERE id = \(id)")
    }

    @Test func whatAnInstanceWithoutALeaseLeftIsTakenOver() async throws {
        try await with { service, id in
            let instance = await Instance(service)
            var watch = LeaseWatch()
            try await instance.sweep(&watch)
            #expect(try await dispatcher(of: id, service) == Int64(instance.dispatcher.number))
            #expect(await instance.next() == [1, 2, 3])
            // It is in memory now.
            try await instance.sweep(&watch)
            #expect(instance.dispatcher.counts.waiting == 3)
        }
    }

    @Test func whatOthersDeliverIsLeftToThemUntilTheirLeaseHasRunOut() async throws {
        try await with { service, id in
            try await service.execute("INSERT INTO integrator_leases VALUES (77, '2001-01-01'), (78, '2999-01-01')")
            let instance = await Instance(service)
            var watch = LeaseWatch()
            try await instance.sweep(&watch)
            // A lease that changes is alive, whatever time it says.
            try await service.execute("UPDATE integrator_leases SET renewed_at = '2000-01-01' WHERE instance = 78")
            try await instance.sweep(&watch, now: .now + InstanceLease.term - .seconds(1))
            #expect(instance.dispatcher.counts.waiting == 0)
            #expect(try await dispatcher(of: id, service) == 77)
            try await instance.sweep(&watch, now: .now + InstanceLease.term)
            #expect(await instance.next() == [1, 2, 3])
            #expect(try await service.number("SELECT COUNT(*) FROM integrator_leases WHERE instance = 77") == 0)
            #expect(try await service.number("SELECT COUNT(*) FROM integrator_leases WHERE instance = 78") == 1)
        }
    }

    /// A program from before the leases, beside this one or gone.
    @Test func theClaimOfAnOldProgramHoldsUntilItRunsOut() async throws {
        try await with { service, id in
            for (seconds, expected): (Int, [Int64]) in [(30, []), (-1, [1, 2, 3])] {
                try await service.execute(
                    """
                    UPDATE wishlist_dataset_histories SET owed_since = UTC_TIMESTAMP(6), \
                    dispatch_until = UTC_TIMESTAMP(6) + INTERVAL \(seconds) SECOND WHERE id = \(id)
                    """)
                let instance = await Instance(service)
                var watch = LeaseWatch()
                try await instance.sweep(&watch)
                #expect(await instance.next() == expected)
            }
            #expect(
                try await service.number(
                    """
                    SELECT COUNT(*) FROM wishlist_dataset_histories WHERE owed_since IS NOT NULL \
                    OR dispatch_until IS NOT NULL
                    """) == 0)
        }
    }

    /// It goes on sending what it has; this one reads from the log what is not known to be sent.
    @Test func aChangeTakesOverFromAnOldProgram() async throws {
        try await with { service, id in
            try await service.execute(
                """
                UPDATE wishlist_dataset_histories SET owed_since = UTC_TIMESTAMP(6), notified_revision = 1, \
                dispatch_until = UTC_TIMESTAMP(6) + INTERVAL 30 SECOND, status = 6 WHERE id = \(id)
                """)
            let instance = await Instance(service)
            let number = instance.dispatcher.number
            let dataset = try await service.number("SELECT dataset_id FROM wishlist_dataset_histories")
            let entries = try await service.connection.run { connection in
                var batch = Batch()
                let webhook = TestWebhook(.datasetProgress, dataset: dataset, sequence: 9)
                batch.webhooks = [.init(webhook: IncomingWebhook(id: webhook.id, body: webhook.body)) { _ in }]
                try connection.begin()
                var transaction = BatchTransaction(
                    settings: .init(instance: number, deadlineSeconds: 60), batch: batch)
                let entries = try transaction.run(on: connection).outbox
                try connection.commit()
                return entries
            }
            #expect(entries.map(\.from) == [3] && entries.map(\.watermark) == [1])
            instance.dispatcher.take(entries, for: number)
            let loads = instance.dispatcher.withQueue { $0.takeLoads(limit: 9) }
            try await instance.keeper.load(loads, for: number)
            // The progress between is overtaken.
            #expect(await instance.next() == [3, 4])
        }
    }

    @Test func whatIsDeliveredIsReleased() async throws {
        try await with { service, id in
            let instance = await Instance(service)
            let number = instance.dispatcher.number
            var watch = LeaseWatch()
            try await instance.sweep(&watch)
            #expect(await instance.next() == [1, 2, 3])
            var outcome = Dispatcher.Outcome(historyID: id)
            outcome.delivered = 3
            #expect(instance.dispatcher.finish([outcome], pause: nil) == 0)
            // Somebody holds the row: it is tried again, and nobody waits.
            let other = try await MySQLConnection.connect(service.database)
            try await other.begin()
            _ = try await other.query("SELECT id FROM wishlist_dataset_histories WHERE id = \(id) FOR UPDATE")
            _ = try await instance.keeper.release(for: number, since: .now)
            #expect(try await dispatcher(of: id, service) == Int64(number))
            await other.rollback()
            await other.close()
            _ = try await instance.keeper.release(for: number, since: .now)
            #expect(try await dispatcher(of: id, service) == 0)
            #expect(try await service.number("SELECT notified_revision FROM wishlist_dataset_histories") == 3)
            #expect(instance.dispatcher.withQueue { $0.isEmpty })
        }
    }

    /// Killed after the request to Pusher and before the watermark was written: sent again, from where the row stands.
    @Test func whatWasSentAndNotNotedIsSentAgain() async throws {
        try await with { service, id in
            try await service.execute("UPDATE wishlist_dataset_histories SET notified_revision = 2 WHERE id = \(id)")
            let instance = await Instance(service)
            var watch = LeaseWatch()
            try await instance.sweep(&watch)
            #expect(await instance.next() == [3])
        }
    }

    @Test func whoHasLostTheLeaseLeavesEverything() async throws {
        try await with { service, id in
            let instance = await Instance(service)
            let first = instance.dispatcher.number
            var watch = LeaseWatch()
            try await instance.sweep(&watch)
            #expect(instance.dispatcher.counts.waiting == 3)
            try await service.execute("DELETE FROM integrator_leases")
            #expect(await !instance.keeper.renew())
            #expect(instance.dispatcher.counts.waiting == 0)
            #expect(instance.dispatcher.instance == nil)
            #expect(await instance.keeper.renew())
            #expect(instance.dispatcher.number != first)
            // What it had it finds as anybody would.
            try await instance.sweep(&watch)
            #expect(try await dispatcher(of: id, service) == Int64(instance.dispatcher.number))
            #expect(await instance.next() == [1, 2, 3])
            // What was noted for the lost lease is dropped: it is found in the row.
            instance.dispatcher.take([], unread: [id], for: first)
            #expect(instance.dispatcher.withQueue { $0.takeLoads(limit: 1) }.isEmpty)
        }
    }

    @Test func whatIsLockedOrGoneHoldsNobodyUp() async throws {
        try await with { service, id in
            let instance = await Instance(service)
            let other = try await MySQLConnection.connect(service.database)
            try await other.begin()
            _ = try await other.query("SELECT id FROM wishlist_dataset_histories WHERE id = \(id) FOR UPDATE")
            try await instance.keeper.load([id: 0, id + 1000: 0], for: instance.dispatcher.number, from: [77])
            #expect(instance.dispatcher.withQueue { $0.takeLoads(limit: 9) } == [id: 0])
            await other.close()
        }
    }
}
