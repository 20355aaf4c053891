// Numbers of the server: https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html and
// https://mariadb.com/kb/en/mariadb-error-code-reference/; of the client library: errmsg.h.

extension MySQLError {
    /// An error as the server or the client library reports it.
    init(number: Int, sqlState: String, message: String, phase: Phase) {
        let kind: Kind =
            switch number {
            case 1062, 1586, 1859: .duplicateKey(name: Self.keyName(in: message))
            case let number where Self.conflicts.contains(number): .conflict
            case let number where Self.unreachable.contains(number): .unreachable
            case let number where Self.lost.contains(number): phase == .connect ? .unreachable : .connectionLost
            case let number where Self.refusals.contains(number): .refused
            case _ where sqlState == "40001": .conflict
            default: .other
            }
        self.init(kind: kind, phase: phase, number: number, sqlState: sqlState, message: message)
    }

    /// 1205 lock wait timeout, 1213 deadlock (also: conflict on Galera), 1020 record changed since last read (MariaDB
    /// snapshot isolation), 3101 rolled back by the MySQL group, 3100 the group gave no verdict, 1180 error during COMMIT,
    /// 1047 node without quorum.
    private static let conflicts: Set = [1020, 1047, 1180, 1205, 1213, 3100, 3101]

    /// No socket, no listener, no such host.
    private static let unreachable: Set = [2001, 2002, 2003, 2004, 2005]

    /// Broken, shut down (1053), killed (1927 on MariaDB), closed for being idle (4031 on MySQL), packets lost.
    private static let lost: Set = [
        1053, 1079, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2012, 2013, 2055, 4031, 5013, 5014,
    ]

    /// Too many connections, access denied, unknown schema, blocked host, authentication and TLS; and a server that stores
    /// nothing for anybody or for us: disk full (1021, 1114), read-only (1290, 1836), no right (1142).
    private static let refusals: Set = [
        1021, 1040, 1043, 1044, 1045, 1049, 1114, 1129, 1130, 1142, 1203, 1226, 1251, 1290, 1698, 1836, 2026, 2049,
        2059,
        2061,
    ]

    /// Errors whose quotes hold names of tables, columns, keys and accounts, never values.
    static let numbersQuotingNamesOnly: Set = [
        1005, 1007, 1008, 1044, 1045, 1048, 1049, 1050, 1051, 1054, 1060, 1061, 1072, 1091, 1109, 1130, 1142, 1143,
        1146, 1264, 1364, 1406, 1451, 1452, 1698,
    ]

    /// `Duplicate entry 'VALUE' for key 'NAME'`, where NAME is `table.key` on MySQL and `key` on MariaDB.
    private static func keyName(in message: String) -> String {
        let parts = message.split(separator: "'", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[parts.count - 1].isEmpty else { return "" }
        let name = parts[parts.count - 2]
        guard let dot = name.lastIndex(of: ".") else { return String(name) }
        return String(name[name.index(after: dot)...])
    }
}
