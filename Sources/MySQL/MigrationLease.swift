import Synchronization

/// A row that says who may migrate, and until when: the one lock that holds between the nodes of a cluster, where
/// `GET_LOCK` and `FOR UPDATE` hold on one node only. It is taken by compare-and-set and renewed by a task on a
/// connection of its own; whoever dies loses it by time. Time is the server's.
final class MigrationLease: Sendable {
    private let table: String
    private let duration: Duration
    private let configuration: MySQLConfiguration
    /// 128 random bits in hexadecimal.
    private let owner = String(UInt128.random(in: 0 ... .max), radix: 16)
    private let lost = Atomic(false)

    init(table: String, duration: Duration, configuration: MySQLConfiguration) {
        self.table = table
        self.duration = duration
        self.configuration = configuration
    }

    /// Creates the table and its one row, unless they are there.
    func prepare(on connection: isolated MySQLConnection) throws(MySQLError) {
        try connection.execute(
            """
            create table if not exists \(identifier: table) (
                id tinyint unsigned not null primary key,
                owner varbinary(32) null,
                expires_at datetime(6) not null
            ) engine = InnoDB
            """)
        try connection.execute(
            "insert ignore into \(identifier: table) (id, owner, expires_at) values (1, null, utc_timestamp(6))")
    }

    /// Takes the lease if it is free or has run out.
    func take(on connection: isolated MySQLConnection) throws(MySQLError) -> Bool {
        do {
            return try connection.execute(
                """
                update \(identifier: table) set owner = \(owner), expires_at = \(expiry)
                where id = 1 and (owner is null or expires_at < utc_timestamp(6))
                """
            ).affectedRows == 1
        } catch {
            guard error.kind == .conflict else { throw error }
            return false
        }
    }

    /// How long it still belongs to somebody else, in seconds, and whether that one seems to be dead: who lives renews it three
    /// times in its duration. Nil if it is free.
    func holder(on connection: isolated MySQLConnection) throws(MySQLError) -> (seconds: Int64, isDead: Bool)? {
        let rows = try connection.query(
            """
            select timestampdiff(microsecond, utc_timestamp(6), expires_at) from \(identifier: table)
            where id = 1 and owner is not null
            """)
        guard let left = try rows.first?.int64(0), left > 0 else { return nil }
        return ((left + 999_999) / 1_000_000, left < duration.components.seconds * 1_000_000 / 2)
    }

    /// Prolongs the lease. False if another one has taken it.
    func renew(on connection: isolated MySQLConnection) throws(MySQLError) -> Bool {
        try connection.execute(
            "update \(identifier: table) set expires_at = \(expiry) where id = 1 and owner = \(owner)"
        ).affectedRows == 1
    }

    /// Gives the lease back, if it is still ours.
    func giveBack(on connection: isolated MySQLConnection) throws(MySQLError) {
        try connection.execute("update \(identifier: table) set owner = null where id = 1 and owner = \(owner)")
    }

    /// Throws if the lease may have been lost.
    func check() throws(MySQLError) {
        if lost.load(ordering: .acquiring) { throw Self.lostError }
    }

    static let lostError = MySQLError(kind: .other, message: "the migration lease was lost to another migrator")

    /// Renews the lease three times in its duration until the task is cancelled or the lease is lost.
    func keep() async {
        var connection: MySQLConnection?
        var validUntil = ContinuousClock.now.advanced(by: duration)
        while (try? await Task.sleep(for: duration / 3)) != nil {
            let start = ContinuousClock.now
            do {
                let current: MySQLConnection
                if let connection, connection.isUsable {
                    current = connection
                } else {
                    current = try await MySQLConnection.connect(configuration)
                }
                connection = current
                guard try await current.run({ try self.renew(on: $0) }) else { break }
                validUntil = start.advanced(by: duration)
            } catch {
                // It may work the next time.
                guard .now < validUntil else { break }
            }
        }
        if !Task.isCancelled { lost.store(true, ordering: .releasing) }
    }

    private var expiry: SQL {
        "utc_timestamp(6) + interval \(duration.components.seconds) second"
    }
}
