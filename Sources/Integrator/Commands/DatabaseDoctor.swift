import Store
import Time
import MySQL

/// The part of `Doctor` that looks at the database. Changes nothing.
struct DatabaseDoctor {
    typealias Finding = Doctor.Finding

    /// Seconds that the clocks may differ: less than a webhook's timestamp may be off, by far.
    private static let tolerance: Int64 = 5
    private static let longOwed: Int64 = 300

    let configuration: MySQLConfiguration

    func examine() async -> [Finding] {
        let connection: MySQLConnection
        do throws(MySQLError) {
            connection = try await MySQLConnection.connect(configuration)
        } catch {
            return [
                error.kind == .refused
                    ? .fault(
                        "database", "turns us away: \(error)", "check DB_USERNAME, DB_PASSWORD, DB_DATABASE and grants")
                    : .fault(
                        "database", "cannot be reached: \(error)",
                        "is it running? Check DB_SOCKET, or DB_HOST and DB_PORT")
            ]
        }
        var findings: [Finding] = []
        do {
            findings.append(await version(connection))
            findings += try await settings(connection)
            findings.append(try await clock(connection))
            let migrations = await migrations(connection)
            findings.append(migrations)
            if migrations.level == .ok {
                findings.append(await rights(connection))
                findings += try await backlog(connection)
            }
        } catch {
            findings.append(.fault("database", "a question failed: \(error)", "look at the database's own log"))
        }
        await connection.close()
        return findings
    }

    private func version(_ connection: MySQLConnection) async -> Finding {
        // MariaDB puts 5.5.5- before its version for old clients.
        let text = await connection.serverVersion.replacing("5.5.5-", with: "")
        let isMariaDB = text.contains("MariaDB")
        let numbers = text.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        let isNew = numbers.count == 2 && (numbers[0], numbers[1]) >= (isMariaDB ? (10, 6) : (8, 0))
        return isNew
            ? .ok(
                "database", "reachable, \(isMariaDB ? "MariaDB" : "MySQL") \(text.prefix { $0 == "." || $0.isNumber })")
            : .fault("database", "is \(text)", "MariaDB 10.6 or newer, or MySQL 8.0 or newer, is needed")
    }

    private func settings(_ connection: MySQLConnection) async throws -> [Finding] {
        let row = try await connection.query(
            "SELECT @@max_allowed_packet, @@innodb_flush_log_at_trx_commit, @@read_only"
        ).first
        guard let row else { return [] }
        var findings: [Finding] = []
        if try row.int64(0) < 16 << 20 {
            findings.append(
                .warning("database", "max_allowed_packet is below 16 MiB", "raise it: batches of webhooks need it"))
        }
        if try row.int64(1) != 1 {
            findings.append(
                .warning(
                    "database", "innodb_flush_log_at_trx_commit is not 1",
                    "set it to 1, or a power failure may lose acknowledged webhooks (but in a synchronous cluster)"))
        }
        if try row.int64(2) != 0 {
            findings.append(.fault("database", "is read-only", "connect to the node that takes writes"))
        }
        return findings
    }

    private func clock(_ connection: MySQLConnection) async throws -> Finding {
        let before = Timestamp.now()
        let there = try await connection.query("SELECT UTC_TIMESTAMP(6)").first?.timestamp(0) ?? before
        let after = Timestamp.now()
        let ahead = max(there.microseconds - after.microseconds, 0)
        let behind = max(before.microseconds - there.microseconds, 0)
        let seconds = max(ahead, behind) / 1_000_000
        guard seconds >= Self.tolerance else { return .ok("clock", "in step with the database's") }
        let text = "\(seconds) s \(ahead > 0 ? "behind" : "ahead of") the database's"
        let remedy = "have both synchronised (NTP): webhooks more than 5 minutes off are refused"
        return seconds >= 60 ? .fault("clock", text, remedy) : .warning("clock", text, remedy)
    }

    private func migrations(_ connection: MySQLConnection) async -> Finding {
        do {
            let rows = try await connection.query("SELECT name FROM integrator_migrations")
            let applied = try rows.map { try $0.string(0) }
            let missing = Migrations.all.map(\.name).filter { !applied.contains($0) }
            if missing.isEmpty { return .ok("migrations", "all applied") }
            return .fault("migrations", "not applied: \(missing.joined(separator: ", "))", "integrator migrate")
        } catch {
            return .fault("migrations", "none applied", "integrator migrate")
        }
    }

    /// Statements that touch no row still need the rights, and a server that takes writes.
    private func rights(_ connection: MySQLConnection) async -> Finding {
        let statements: [SQL] = [
            """
            INSERT INTO wishlist_dataset_events (event_key, outcome, body, recorded_at) \
            SELECT event_key, outcome, body, recorded_at FROM wishlist_dataset_events WHERE FALSE
            """,
            "UPDATE wishlist_dataset_events SET outcome = outcome WHERE FALSE",
            """
            INSERT INTO wishlist_dataset_histories (wishlist_to_group_id, slug, status) \
            SELECT wishlist_to_group_id, slug, status FROM wishlist_dataset_histories WHERE FALSE
            """,
            "UPDATE wishlist_dataset_histories SET status = status WHERE FALSE",
            "DELETE FROM wishlist_dataset_parked WHERE FALSE",
            "DELETE FROM wishlist_dataset_dead_letters WHERE FALSE",
            "DELETE FROM wishlist_dataset_requests WHERE FALSE",
            "UPDATE wishlist_to_groups SET training_status = training_status WHERE FALSE",
            """
            SELECT 1 FROM users, `groups`, group_user, subscriptions, personal_access_tokens, wishlist_products, \
            wishlist_categories, wishlist_search_queries LIMIT 0
            """,
        ]
        do {
            for statement in statements { try await connection.execute(statement) }
            return .ok("rights", "the tables can be read and written as needed")
        } catch {
            return .fault("rights", "\(error)", "grant SELECT, INSERT, UPDATE and DELETE on the schema to DB_USERNAME")
        }
    }

    private func backlog(_ connection: MySQLConnection) async throws -> [Finding] {
        let row = try await connection.query(
            """
            SELECT (SELECT COUNT(*) FROM wishlist_dataset_dead_letters), \
            (SELECT TIMESTAMPDIFF(SECOND, MIN(e.recorded_at), UTC_TIMESTAMP(6)) FROM \(Outbox.owed)), \
            (SELECT COUNT(*) FROM wishlist_dataset_parked)
            """
        ).first
        guard let row else { return [] }
        var findings: [Finding] = []
        let dead = try row.int64(0)
        if dead > 0 {
            findings.append(
                .warning(
                    "notifications", "\(dead) dead letters", "integrator notifications list; then retry or drop them"))
        }
        if let owed = try row.optionalInt64(1), owed > Self.longOwed {
            findings.append(
                .warning(
                    "notifications", "owed for \(owed) s", "is `integrator serve` running, and does it reach Pusher?"))
        }
        let parked = try row.int64(2)
        if parked > 0 {
            findings.append(
                .warning(
                    "webhooks", "\(parked) parked: their datasets are not known here",
                    "integrator events list --outcome parked; datasets made by others are none of ours"))
        }
        return findings
    }
}
