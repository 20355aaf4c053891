import CMariaDB

extension MySQLConnection {
    /// Sets the session up and reads it back: two round trips where the server lets us set everything.
    func setSessionUp() throws(MySQLError) {
        var settings = SessionSettings(
            lockWaitSeconds: configuration.lockWaitTimeout.timeoutSeconds,
            timeZone: configuration.timeZone)
        var refusal: MySQLError?
        do {
            try execute(settings.statement)
        } catch {
            // Variables that cannot be set may be right as they are: the server's answer decides.
            guard isUsable else { throw error }
            refusal = error
        }
        var shown = try variables(settings)
        settings.logsStatements = shown["log_bin"] == "ON" && shown["binlog_format"] == "STATEMENT"
        var wrong = settings.wrong(in: shown)
        if !wrong.isEmpty {
            for setting in wrong {
                do {
                    try execute(SQL(unescaped: "SET \(setting.name)=\(setting.literal)"))
                } catch {
                    guard isUsable else { throw error }
                    refusal = error
                }
            }
            shown = try variables(settings)
            wrong = settings.wrong(in: shown)
        }
        if let setting = wrong.first {
            throw .unfit(setting, is: shown[setting.name] ?? "", refusal)
        }
        if let text = shown["max_allowed_packet"], let bytes = Int(text) { maximumPacketBytes = bytes }
        isolation = settings.isolation
        isGaleraNode = shown["wsrep_on"] == "ON"
        if isGaleraNode, shown["wsrep_dirty_reads"] == "ON" { try execute("SET wsrep_dirty_reads=0") }
        if configuration.readsAreCausal { try readCausally() }
    }

    private func variables(_ settings: SessionSettings) throws(MySQLError) -> [String: String] {
        var shown: [String: String] = [:]
        for row in try query(settings.question) { shown[try row.string(0)] = try row.string(1) }
        return shown
    }

    private func readCausally() throws(MySQLError) {
        do {
            try execute("SET /*M!100600 wsrep_sync_wait = 1*/ /*!80000 group_replication_consistency = 'BEFORE'*/")
        } catch {
            // Unknown variable: the server is no part of a cluster.
            guard error.number == 1193 else { throw error }
        }
    }
}

extension MySQLError {
    /// A session variable that is wrong and cannot be set.
    fileprivate static func unfit(
        _ setting: SessionSettings.Setting, is value: String, _ refusal: MySQLError?
    ) -> MySQLError {
        // 1298: unknown time zone.
        let remedy =
            refusal?.number == 1298
            ? "a name needs the server's tables of time zones (mysql_tzinfo_to_sql); an offset such as +02:00 does not"
            : """
            let the account set it (SESSION_VARIABLES_ADMIN or SUPER), set it for the whole server, or take the rule out of \
            the proxy that forbids it
            """
        return MySQLError(
            kind: .unfitSession(variable: setting.name), number: refusal?.number ?? 0,
            sqlState: refusal?.sqlState ?? "HY000",
            message: """
                the session variable \(setting.name) is `\(value)`, must be `\(setting.shown)`, and cannot be set\
                \(refusal.map { ": \($0.message)" } ?? ""); \(remedy)
                """)
    }
}
