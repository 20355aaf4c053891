/// The session variables that our statements rest on: each connection sets them, whatever the server, `init_connect` or a
/// proxy hands out, and reads them back.
///
/// Gone through: all session variables of MariaDB 10.11 and of MySQL 9.7. Left alone is what changes speed, warnings or
/// formats only, what tables of our own do not use, and limits with which a statement fails instead of doing less.
struct SessionSettings {
    /// A variable: as it is set, and as the server then shows it.
    struct Setting {
        var name: String
        var literal: String
        var shown: String
    }

    /// How long a statement waits for a row or for a table's definition, in seconds.
    var lockWaitSeconds: UInt32
    /// Nil: what the server hands out.
    var timeZone: String? = "+00:00"
    /// Whether the binary log is written statement by statement: there READ COMMITTED may not write (error 1665).
    var logsStatements = false

    /// REPEATABLE READ only where READ COMMITTED may not write.
    var isolation: String { logsStatements ? "REPEATABLE-READ" : "READ-COMMITTED" }

    /// What both servers have.
    private var common: [Setting] {
        // Without NO_ZERO_DATE: a row or a definition of others may hold `0000-00-00`, and must be able to keep it.
        let mode = """
            ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION
            """
        let largest = String(UInt64.max)
        return [
            Setting(name: "sql_mode", literal: "'\(mode)'", shown: mode),
            Setting(name: "autocommit", literal: "1", shown: "ON"),
            Setting(name: "completion_type", literal: "NO_CHAIN", shown: "NO_CHAIN"),
            Setting(name: "foreign_key_checks", literal: "1", shown: "ON"),
            Setting(name: "unique_checks", literal: "1", shown: "ON"),
            Setting(name: "sql_safe_updates", literal: "0", shown: "OFF"),
            Setting(name: "sql_select_limit", literal: largest, shown: largest),
            Setting(name: "sql_big_selects", literal: "1", shown: "ON"),
            Setting(name: "sql_auto_is_null", literal: "0", shown: "OFF"),
            Setting(name: "group_concat_max_len", literal: "1048576", shown: "1048576"),
            Setting(name: "max_sort_length", literal: "1024", shown: "1024"),
            Setting(name: "div_precision_increment", literal: "4", shown: "4"),
            Setting(name: "default_week_format", literal: "0", shown: "0"),
            Setting(name: "default_storage_engine", literal: "InnoDB", shown: "InnoDB"),
            Setting(
                name: "innodb_lock_wait_timeout", literal: String(lockWaitSeconds), shown: String(lockWaitSeconds)),
            Setting(name: "lock_wait_timeout", literal: String(lockWaitSeconds), shown: String(lockWaitSeconds)),
        ] + zone
    }

    private var zone: [Setting] {
        guard let timeZone else { return [] }
        let literal = String(decoding: SQL("\(timeZone)").bytes, as: UTF8.self)
        return [Setting(name: "time_zone", literal: literal, shown: timeZone)]
    }

    private var onMariaDB: [Setting] {
        [
            Setting(name: "tx_isolation", literal: "'\(isolation)'", shown: isolation),
            Setting(name: "tx_read_only", literal: "0", shown: "OFF"),
            Setting(name: "max_statement_time", literal: "0", shown: "0.000000"),
            Setting(name: "old_mode", literal: "''", shown: ""),
            Setting(name: "sql_if_exists", literal: "0", shown: "OFF"),
            Setting(name: "check_constraint_checks", literal: "1", shown: "ON"),
            Setting(name: "system_versioning_asof", literal: "DEFAULT", shown: "DEFAULT"),
        ]
    }

    private var onMySQL: [Setting] {
        [
            Setting(name: "transaction_isolation", literal: "'\(isolation)'", shown: isolation),
            Setting(name: "transaction_read_only", literal: "0", shown: "OFF"),
            Setting(name: "max_execution_time", literal: "0", shown: "0"),
        ]
    }

    private static let names = [
        Setting(name: "character_set_client", literal: "utf8mb4", shown: "utf8mb4"),
        Setting(name: "character_set_connection", literal: "utf8mb4", shown: "utf8mb4"),
        Setting(name: "character_set_results", literal: "utf8mb4", shown: "utf8mb4"),
        Setting(name: "collation_connection", literal: "utf8mb4_general_ci", shown: "utf8mb4_general_ci"),
    ]

    /// One statement that sets all. Each server takes the comment that is meant for it, whatever a proxy says of its version.
    var statement: SQL {
        let list = { (settings: [Setting]) in settings.map { "\($0.name)=\($0.literal)" }.joined(separator: ",") }
        return SQL(
            unescaped: """
                SET NAMES utf8mb4 COLLATE utf8mb4_general_ci,\(list(common)) \
                /*M!100600 ,\(list(onMariaDB))*/ /*!80000 ,\(list(onMySQL))*/
                """)
    }

    /// What the server is asked for besides: facts that it does not let us set.
    private static let facts = ["log_bin", "binlog_format", "max_allowed_packet", "wsrep_on", "wsrep_dirty_reads"]

    /// Shows all that there is to know; a variable that a server does not have is left out.
    var question: SQL {
        let names = (Self.names + common + onMariaDB + onMySQL).map(\.name) + Self.facts
        return "SHOW SESSION VARIABLES WHERE Variable_name IN \(list: names)"
    }

    /// The settings that are not as they have to be.
    /// - Parameter shown: the server's answer to `question`.
    func wrong(in shown: [String: String]) -> [Setting] {
        (Self.names + common + onMariaDB + onMySQL).filter { setting in
            guard let value = shown[setting.name] else { return false }
            // The names of time zones are shown in their own case.
            return Self.words(value.uppercased()) != Self.words(setting.shown.uppercased())
        }
    }

    /// A list of modes has no order.
    private static func words(_ value: String) -> Set<Substring> { Set(value.split(separator: ",")) }
}
