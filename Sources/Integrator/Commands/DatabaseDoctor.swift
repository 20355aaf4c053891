import MySQL
import Operations
import Store
import Time

/// The part of `Doctor` that looks at the database. Changes nothing.
struct DatabaseDoctor {
    /// Seconds that the clocks may differ: less than a webhook's timestamp may be off, by far.
    private static let tolerance: Int64 = 5
    private static let longOwed: Int64 = 300
    /// Seconds; our statements take milliseconds.
    private static let slow: Int64 = 1

    let configuration: MySQLConfiguration

    func examine() async -> [Finding] {
        let connection: MySQLConnection
        do throws(MySQLError) {
            connection = try await MySQLConnection.connect(configuration)
        } catch {
            return [.fault("database", Self.complaint(error), remedy(error))]
        }
        var findings: [Finding] = []
        do {
            findings.append(await version(connection))
            findings += try await settings(connection)
            findings.append(try await clock(connection))
            findings += try await slowStatements(connection)
            let migrations = await migrations(connection)
            findings.append(migrations)
            if migrations.level == .ok {
                let rights = await rights(connection)
                findings += rights
                // Without the rights its columns are not seen either.
                if !rights.contains(where: \.isAboutRight) { findings += try await tables(connection) }
                if rights.allSatisfy({ $0.level == .ok }) {
                    findings += try await times(connection)
                    findings += try await backlog(connection)
                }
            } else {
                findings += try await connection.run { connection in
                    try ConsoleSchema.obstacles(on: connection).map { .fault("tables", $0.text, $0.remedy) }
                }
            }
        } catch {
            findings.append(.fault("database", "a question failed: \(error)", "look at the database's own log"))
        }
        await connection.close()
        return findings
    }

    private static func complaint(_ error: MySQLError) -> String {
        switch error.kind {
        case .refused: "turns us away: \(error)"
        case .tls: "TLS with it fails: \(error)"
        case .unfitSession: "\(error)"
        default: "cannot be reached: \(error)"
        }
    }

    private func remedy(_ error: MySQLError) -> String {
        switch error.kind {
        case .tls:
            """
            check DB_SSL_CA (the certificates of the authority that signed the server's), DB_SSL_MODE, and that the \
            server's certificate is for DB_HOST, `\(configuration.host)`
            """
        case .unfitSession("time_zone"): "set DB_TIMEZONE to a time zone that the server knows, or to an offset"
        case .unfitSession(let variable): "let DB_USERNAME set \(variable), or set it for the whole server"
        case .refused where error.number == 5010:
            """
            have the account log in by mysql_native_password or ed25519, or by caching_sha2_password with \
            DB_SSL_MODE=VERIFY_IDENTITY or over DB_SOCKET
            """
        case .refused where error.number == 1045 && configuration.effectiveTLSMode == .disabled:
            "check DB_USERNAME, DB_PASSWORD and grants; an account with REQUIRE SSL needs DB_SSL_MODE and DB_SSL_CA"
        case .refused: "check DB_USERNAME, DB_PASSWORD, DB_DATABASE and grants"
        case .busy where [1040, 1203, 1226].contains(error.number):
            "raise the server's or the account's limit of connections, or lower DB_CONNECTIONS"
        default: "is it running? Check DB_SOCKET, or DB_HOST and DB_PORT"
        }
    }

    private func tables(_ connection: MySQLConnection) async throws -> [Finding] {
        let differences = try await ConsoleSchema.differences(on: connection)
        if differences.isEmpty { return [.ok("tables", "as they have to be")] }
        return differences.map {
            $0.isFatal ? .fault("tables", $0.text, $0.remedy) : .warning("tables", $0.text, $0.remedy)
        }
    }

    private func times(_ connection: MySQLConnection) async throws -> [Finding] {
        let application = configuration.localTime?.name ?? "UTC"
        let zone = """
            \(application) as the application's time zone (APP_TIMEZONE) and \
            \(configuration.timeZone.map { "`\($0)`" } ?? "what the server hands out") as its connection's (DB_TIMEZONE)
            """
        let contradictions = try await ConsoleTime.contradictions(on: connection)
        if contradictions.isEmpty { return [.ok("times", "the console's agree with \(zone)")] }
        return contradictions.map {
            .fault(
                "times", "\($0), with \(zone)",
                """
                set APP_TIMEZONE to the console's `timezone` (config/app.php), and DB_TIMEZONE to `timezone` of its connection \
                (config/database.php)
                """
            )
        }
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
        guard let row = try await connection.query(DatabaseReadiness.settingsStatement).first else { return [] }
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

    private func slowStatements(_ connection: MySQLConnection) async throws -> [Finding] {
        let slow = try await RunningStatements(ofSeconds: Self.slow, on: connection)
        guard slow.count > 0 else { return [] }
        let state = slow.state.map { ": \($0)" } ?? ""
        return [
            .warning(
                "database", "is slow: a statement of ours has run for \(slow.longest) s\(state)",
                "look at the server's locks and disk: SHOW FULL PROCESSLIST names who holds what")
        ]
    }

    private func clock(_ connection: MySQLConnection) async throws -> Finding {
        let before = Timestamp.now()
        let there = try await connection.query(DatabaseReadiness.clockStatement).first?.timestamp(0) ?? before
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
            let missing = try await Migrations.missing(on: connection)
            if missing.isEmpty { return .ok("migrations", "all applied") }
            return .fault("migrations", "not applied: \(missing.joined(separator: ", "))", "integrator migrate")
        } catch  where error.isDenied {
            return .fault(
                "rights", "SELECT on integrator_migrations is missing",
                "integrator migrate, then fixtures/deploy/grants.sql")
        } catch {
            return .fault("migrations", "none applied", "integrator migrate")
        }
    }

    private func rights(_ connection: MySQLConnection) async -> [Finding] {
        do throws(MySQLError) {
            let lacking = try await DatabaseRight.lacking(on: connection)
            return lacking.isEmpty
                ? [.ok("rights", "the tables can be read and written as needed")] : lacking.map(Self.finding)
        } catch {
            let remedy = "is a table missing? fixtures/deploy/grants.sql has the rights"
            return [.fault("rights", "cannot be looked at: \(error)", remedy)]
        }
    }

    private static func finding(_ right: DatabaseRight) -> Finding {
        .fault(
            "rights", "\(right.text) on \(right.table) is missing",
            "GRANT \(right.text) ON `\(right.table)` TO the user DB_USERNAME; fixtures/deploy/grants.sql has all")
    }

    private func backlog(_ connection: MySQLConnection) async throws -> [Finding] {
        guard let row = try await connection.query(DatabaseReadiness.backlogStatement).first else { return [] }
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

extension Finding {
    /// A right is missing; otherwise all are there, or could not be looked at.
    fileprivate var isAboutRight: Bool { check == "rights" && finding.hasSuffix(" is missing") }
}
