import Datasets
package import MySQL
import Store
package import Telemetry

/// Keeps the database and this instance's memory in step about what is owed to Pusher, beside the lanes: holds the lease,
/// writes the watermark of histories that have gone quiet, reads from the log what is not in memory, and takes over what
/// instances without a lease have left.
package struct OutboxKeeper: Sendable {
    /// How long a history is left alone after its last notification: the next change takes its watermark along.
    private static let quiet: Duration = .seconds(3)
    /// The same while other instances serve: until then the next change of the history waits for this one to see it.
    private static let quietAmongOthers: Duration = .milliseconds(200)
    /// Between two looks into memory.
    private static let tick: Duration = .milliseconds(50)
    /// Between two looks for what is left behind, in milliseconds.
    private static let sweepInterval: ClosedRange<Int64> = 10_000...20_000
    /// Histories in one transaction.
    private static let page = 200
    /// Notifications whose time is kept in one transaction: all, unless there is much to do.
    private static let timesPerTransaction = 20
    /// Changes of one history that are read from the log at once.
    static let changesPerHistory = 200

    private let pool: MySQLPool
    private let dispatcher: Dispatcher
    private let log: Logger

    package init(pool: MySQLPool, dispatcher: Dispatcher, log: Logger) {
        self.pool = pool
        self.dispatcher = dispatcher
        self.log = log
    }

    /// Keeps it until cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await keepLease() }
            group.addTask { await keepOutbox() }
        }
    }

    /// Writes what has been delivered, and gives the lease up: others need not wait for it to run out.
    package func close() async {
        guard let instance = dispatcher.instance else { return }
        do {
            while try await release(for: instance, since: .now) {}
            _ = try await pool.withTransaction { try $0.execute(Outbox.giveUpStatement(lease: instance)) }
        } catch {
            log.warning("lease not given up", ["error": .string("\(error)")])
        }
    }

    // MARK: The lease

    private func keepLease() async {
        while !Task.isCancelled {
            let isHeld = await renew()
            try? await Task.sleep(for: isHeld ? InstanceLease.renewal : .milliseconds(Int64.random(in: 200...500)))
        }
    }

    /// Takes the lease, or renews it.
    /// - Returns: whether it is held.
    func renew() async -> Bool {
        let start = ContinuousClock.now
        let (number, isHeld) = dispatcher.withLease { ($0.number, $0.holder != nil) }
        do {
            let found = try await pool.withTransaction { connection in
                try connection.execute(
                    isHeld ? Outbox.renewStatement(lease: number) : Outbox.takeStatement(lease: number)
                ).affectedRows
            }
            if found == 0 {
                log.warning("lease lost: others deliver what this instance had to", ["instance": .string("\(number)")])
                dispatcher.withLease { $0.lost(number) }
                return false
            }
            dispatcher.withLease { $0.renewed(number, from: start) }
            return true
        } catch {
            log.warning("lease not renewed", ["error": .string("\(error)")])
            return false
        }
    }

    // MARK: The outbox

    private func keepOutbox() async {
        var watch = LeaseWatch()
        var nextSweep = ContinuousClock.now
        while !Task.isCancelled {
            do {
                if let instance = dispatcher.instance {
                    let quiet = watch.hasOthers ? Self.quietAmongOthers : Self.quiet
                    while try await release(for: instance, since: .now - quiet) {}
                    let loads = dispatcher.withQueue { $0.takeLoads(limit: Self.page) }
                    if !loads.isEmpty { try await load(loads, for: instance) }
                    if nextSweep <= .now {
                        nextSweep = .now + .seconds(1)
                        let isDone = try await sweep(for: instance, &watch)
                        if isDone { nextSweep = .now + .milliseconds(Int64.random(in: Self.sweepInterval)) }
                    }
                }
            } catch {
                log.warning("outbox not kept", ["error": .string("\(error)")])
                try? await Task.sleep(for: .seconds(1))
            }
            try? await Task.sleep(for: Self.tick)
        }
    }

    /// Writes the watermarks of histories that are delivered, many at once; nobody delivers them then.
    /// - Returns: whether there may be more.
    func release(for instance: UInt64, since time: ContinuousClock.Instant) async throws -> Bool {
        let idle = dispatcher.withQueue { $0.takeIdle(since: time, limit: Self.page) }
        if idle.isEmpty { return false }
        let ids = idle.map(\.id)
        do {
            let (revisions, lost) = try await pool.withTransaction { connection in
                var revisions: [Int64: Int64] = [:]
                var lost: Set<Int64> = []
                for row in try connection.query(Outbox.lockStatement(ids)) {
                    let id = try row.int64(0)
                    revisions[id] = try row.int64(1)
                    if try row.optionalUInt64(2) != instance { lost.insert(id) }
                }
                let delivered = idle.filter { revisions[$0.id] == $0.delivered && !lost.contains($0.id) }.map(\.id)
                if !delivered.isEmpty {
                    try Outbox.release(delivered, on: connection)
                    try EventLog.keepTimes(of: Self.times(of: idle, among: Set(delivered)), on: connection)
                }
                lost.formUnion(try Self.gone(ids.filter { revisions[$0] == nil }, on: connection))
                return (revisions, lost)
            }
            dispatcher.withQueue { queue in
                for history in idle {
                    if lost.contains(history.id) || revisions[history.id] == history.delivered {
                        queue.released(history.id, at: history.delivered)
                    } else {
                        queue.notReleased(history.id, revision: revisions[history.id], now: .now)
                    }
                }
            }
        } catch {
            dispatcher.withQueue { queue in for id in ids { queue.notReleased(id, now: .now) } }
            throw error
        }
        return idle.count == Self.page
    }

    /// How long ago Pusher took the last notification of these histories.
    private static func times(
        of idle: [NotificationQueue.Idle], among delivered: Set<Int64>
    ) -> [EventLog.NotifiedChange] {
        let now = ContinuousClock.now
        return idle.lazy.filter { delivered.contains($0.id) }.compactMap { history in
            history.sent.map {
                EventLog.NotifiedChange(historyID: history.id, revision: $0.revision, age: now - $0.at)
            }
        }.prefix(timesPerTransaction).map { $0 }
    }

    /// Those of some histories that have been deleted.
    private static func gone(
        _ ids: [Int64], on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [Int64] {
        if ids.isEmpty { return [] }
        let present = try connection.query(HistoryTable.presentStatement(ids: ids)).map { row throws(MySQLError) in
            try row.int64(0)
        }
        return ids.filter { !present.contains($0) }
    }

    /// Reads histories from the log that this instance is to deliver; those of which nobody else does it takes over.
    ///
    /// - Parameters:
    ///   - loads: the histories, and the revision after which.
    ///   - others: instances that have no lease.
    func load(_ loads: [Int64: Int64], for instance: UInt64, from others: Set<UInt64> = []) async throws {
        do {
            let (entries, left, locked) = try await pool.withTransaction { connection in
                try Self.read(loads, for: instance, from: others, on: connection)
            }
            dispatcher.withQueue { queue in for id in left { queue.forget(id) } }
            dispatcher.take(entries, unread: locked, for: instance)
        } catch {
            dispatcher.take([], unread: Array(loads.keys), for: instance)
            throw error
        }
    }

    private static func read(
        _ loads: [Int64: Int64], for instance: UInt64, from others: Set<UInt64>,
        on connection: isolated MySQLConnection
    ) throws(MySQLError) -> (entries: [OutboxEntry], left: [Int64], locked: [Int64]) {
        let histories = try connection.query(HistoryTable.lockStatement(ids: loads.keys.sorted())).map {
            row throws(MySQLError) in try HistoryTable.history(from: row)
        }
        let found = Set(histories.map(\.id))
        let missing = loads.keys.filter { !found.contains($0) }
        let gone = try gone(missing, on: connection)
        // Of a program from before the leases: nobody's, and yet it owes something.
        let ours = histories.filter {
            $0.delivery.dispatcher == instance || others.contains($0.delivery.dispatcher)
                || ($0.delivery.dispatcher == 0 && $0.delivery.watermark < $0.revision)
        }
        let taken = ours.filter { $0.delivery.dispatcher != instance }.map(\.id)
        if !taken.isEmpty { try Outbox.deliver(taken, by: instance, on: connection) }
        let addresses = try Outbox.addresses(ofWishlists: Set(ours.map(\.wishlistID)), on: connection)
        var entries: [OutboxEntry] = []
        for history in ours {
            let address = addresses[history.wishlistID] ?? WishlistAddress(slug: history.slug, groupID: nil)
            entries.append(try entry(history, address, after: loads[history.id] ?? 0, on: connection))
        }
        let ids = Set(ours.map(\.id))
        return (entries, histories.map(\.id).filter { !ids.contains($0) } + gone, missing.filter { !gone.contains($0) })
    }

    private static func entry(
        _ history: DatasetHistory, _ address: WishlistAddress, after revision: Int64,
        on connection: isolated MySQLConnection
    ) throws(MySQLError) -> OutboxEntry {
        let watermark = history.delivery.watermark
        var entry = OutboxEntry(
            historyID: history.id, address: address, from: max(revision, watermark), to: history.revision,
            watermark: watermark, notifications: [], isFromLog: true)
        let rows = try connection.query(
            EventLog.changesStatement(of: history.id, after: entry.from, limit: changesPerHistory))
        for row in rows {
            let notification = try Notification(history: history, logged: row)
            if rows.count == changesPerHistory { entry.to = notification.revision }
            if history.preference.wants(notification.type) { entry.notifications.append(notification) }
        }
        return entry
    }

    // MARK: What is left behind

    /// Looks for histories that nobody delivers: of instances that have no lease, and of this one if they are not in memory.
    /// - Returns: whether it got to the end.
    func sweep(
        for instance: UInt64, _ watch: inout LeaseWatch, now: ContinuousClock.Instant = .now
    ) async throws -> Bool {
        // First who is named, then who has a lease: a new instance takes its lease before it is named.
        let (dispatchers, leases) = try await pool.withConnection { connection in
            var dispatchers: [UInt64] = []
            while let next = try connection.query(Outbox.dispatcherStatement(after: dispatchers.last ?? 0)).first?
                .optionalUInt64(0)
            {
                dispatchers.append(next)
            }
            let leases = try connection.query(Outbox.leases).map { row throws(MySQLError) in
                (try row.optionalUInt64(0) ?? 0, try row.string(1))
            }
            return (dispatchers, Dictionary(uniqueKeysWithValues: leases))
        }
        var live = Set(leases.keys)
        for (other, renewedAt) in watch.stale(leases, but: instance, at: now) {
            let removed = try await pool.withTransaction {
                try $0.execute(Outbox.removeStatement(lease: other, renewedAt: renewedAt)).affectedRows
            }
            guard removed > 0 else { continue }
            log.warning("an instance has gone without a word", ["instance": .string("\(other)")])
            live.remove(other)
        }
        live.insert(instance)
        let orphaned = Set(dispatchers).subtracting(live)
        for dispatcher in orphaned.sorted() + [instance] {
            guard try await take(of: dispatcher, from: orphaned, for: instance) else { return false }
        }
        return true
    }

    /// Takes what names an instance and is in nobody's memory.
    /// - Returns: whether there was room for all.
    private func take(of other: UInt64, from orphaned: Set<UInt64>, for instance: UInt64) async throws -> Bool {
        var last: Int64 = 0
        while true {
            let after = last
            let ids = try await pool.withConnection { connection in
                try connection.query(Outbox.historiesStatement(of: other, after: after, limit: Self.page)).map {
                    row throws(MySQLError) in try row.int64(0)
                }
            }
            guard let end = ids.last else { return true }
            var (unknown, hasRoom) = dispatcher.withQueue { ($0.unknown(ids), $0.hasRoom) }
            // While Pusher fails, one is enough to find out when it does no longer.
            if dispatcher.pause != nil { unknown = Array(unknown.prefix(1)) }
            if !unknown.isEmpty {
                guard hasRoom else { return false }
                try await load(
                    Dictionary(uniqueKeysWithValues: unknown.map { ($0, 0) }), for: instance, from: orphaned)
                if dispatcher.pause != nil { return true }
            }
            last = end
        }
    }

    // MARK: Dead letters

    /// Keeps what Pusher has refused for good.
    /// - Returns: false if it could not be kept.
    func bury(_ letters: [(notification: Notification, reason: String)]) async -> Bool {
        let statements = letters.map {
            Outbox.buryStatement($0.notification.historyID, $0.notification.revision, reason: $0.reason)
        }
        do {
            try await pool.withTransaction { connection in
                for statement in statements { try connection.execute(statement) }
            }
            return true
        } catch {
            log.warning("dead letters not kept yet", ["error": .string("\(error)")])
            return false
        }
    }
}
