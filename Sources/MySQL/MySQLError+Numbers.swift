// Numbers of the server: https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html and
// https://mariadb.com/kb/en/mariadb-error-code-reference/; of the client library: errmsg.h. Gone through with both: which tell
// of the server's state, of a statement that was ended, of the value? The rest is our SQL's fault.

extension MySQLError {
    /// An error as the server or the client library reports it.
    init(number: Int, sqlState: String, message: String, phase: Phase) {
        let kind: Kind =
            switch number {
            case 1062, 1586, 1859: .duplicateKey(name: Self.keyName(in: message))
            case 1290 where message.contains("read-only") || message.contains("read_only"): .readOnly
            default: Self.kinds[number] ?? (sqlState == "40001" ? .conflict : .other)
            }
        // What ends a connection keeps one from being made.
        self.init(
            kind: kind == .connectionLost && phase == .connect ? .unreachable : kind, phase: phase, number: number,
            sqlState: sqlState, message: message)
    }

    private static let kinds: [Int: Kind] = {
        let groups: [(Kind, [Int])] = [
            (.conflict, conflicts), (.unreachable, unreachable), (.connectionLost, lost), (.tls, tls),
            (.refused, refusals), (.readOnly, readOnly), (.busy, busy), (.interrupted, interrupted),
            (.tooLarge, tooLarge), (.invalidValue, invalidValues),
        ]
        return Dictionary(
            groups.flatMap { kind, numbers in numbers.map { ($0, kind) } }, uniquingKeysWith: { first, _ in first })
    }()

    /// 1205 lock wait timeout, 1213 deadlock (also: conflict on Galera), 1020 record changed since last read (MariaDB
    /// snapshot isolation), 1412 table changed since the snapshot, 1615 statement to be prepared again, 1689 wait for a lock
    /// aborted, 3572 row locked (NOWAIT), 3058 deadlock of user locks, 1613, 1614 the same of XA; 3101 rolled back by the
    /// MySQL group, 3100 the group gave no verdict, 3797, 3798 it holds transactions back, 1180 error during COMMIT, 1047 node
    /// without quorum.
    private static let conflicts = [
        1020, 1047, 1180, 1205, 1213, 1412, 1613, 1614, 1615, 1689, 3058, 3100, 3101, 3572, 3797, 3798,
    ]

    /// No socket, no listener, no such host.
    private static let unreachable = [2001, 2002, 2003, 2004, 2005, 2009]

    /// Broken, shut down (1053), killed (1927 on MariaDB, 3169 on MySQL), closed for being idle (4031 on MySQL), packets lost.
    private static let lost = [
        1053, 1079, 1152, 1155, 1156, 1157, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2012, 2013, 2027, 2055,
        3169, 4031, 5013, 5014,
    ]

    /// TLS failed, or is demanded.
    private static let tls = [2026, 3159]

    /// Access denied, password expired, account locked, unknown schema, blocked host, a way to log in that we do not take,
    /// no right.
    private static let refusals = [
        1043, 1044, 1045, 1049, 1129, 1130, 1142, 1143, 1227, 1251, 1370, 1396, 1524, 1698, 1820, 1862, 2049, 2054,
        2058, 2059, 2061, 2068, 3118, 3879, 3955, 4151, 5010,
    ]

    /// The whole server, its storage engine or the transaction only lets us read; 1290 see above. Another server may have
    /// taken its place.
    private static let readOnly = [1207, 1792, 1836, 1874, 3989]

    /// Connections: 1040, 1203, 1226. Disk, memory, files, tables of locks and transactions: 1021, 1023, 1024, 1026, 1030,
    /// 1037, 1038, 1041, 1114, 1135, 1206, 1436, 1637, 3015, 3019, 3170, 4081, 4082. Going down, offline, backing up: 3032, 3168,
    /// 1223, 4145. Settings of others: 1104, 1175, 1290, 1598, 1661 to 1667, 3098, 3796, 3799. Damaged or closed tables: 1016,
    /// 1017, 1033 to 1036, 1146 is none of them, 1194, 1195, 1812, 1813, 1814, 1815, 1881, 1932.
    private static let busy = [
        1016, 1017, 1021, 1023, 1024, 1026, 1030, 1033, 1034, 1035, 1036, 1037, 1038, 1040, 1041, 1104, 1114, 1135,
        1175, 1194, 1195, 1203, 1206, 1223, 1226, 1290, 1436, 1598, 1637, 1661, 1662, 1663, 1664, 1665, 1666, 1667,
        1812, 1813, 1814, 1815, 1881, 1932, 3015, 3019, 3032, 3098, 3168, 3170, 3796, 3799, 4081, 4082, 4145,
    ]

    /// Killed (1317), aborted (1028), out of time (1969 on MariaDB, 3024 on MySQL).
    private static let interrupted = [1028, 1317, 1969, 3024]

    /// A packet (1153, 2020), a transaction (1197) or a statement (1705) for the binary log.
    private static let tooLarge = [1153, 1197, 1705, 2020]

    /// NULL, out of range, not of the column's type or character set, too long, no JSON, against a constraint or a foreign key.
    private static let invalidValues = [
        1048, 1118, 1216, 1217, 1264, 1265, 1292, 1300, 1366, 1367, 1406, 1411, 1441, 1451, 1452, 1526, 1690, 1977,
        3140, 3141, 3156, 3157, 3819, 3854, 4025, 4035, 4036, 4037, 4038, 4039, 4040,
    ]

    /// Errors whose quotes hold names of tables, columns, keys, accounts, plugins and variables, never values.
    static let numbersQuotingNamesOnly: Set = [
        1005, 1007, 1008, 1036, 1044, 1045, 1048, 1049, 1050, 1051, 1054, 1060, 1061, 1067, 1071, 1072, 1075, 1091,
        1101,
        1109, 1114, 1115, 1130, 1142, 1143, 1146, 1166, 1193, 1227, 1253, 1264, 1273, 1280, 1286, 1290, 1293, 1347,
        1364, 1406, 1451, 1452, 1524, 1553, 1698, 1822, 1826, 1836, 1845, 1846, 1847, 2026, 3106, 3107, 3108,
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
