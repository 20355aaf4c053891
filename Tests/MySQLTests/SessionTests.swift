import MySQL
import TestSupport
import Testing

/// Each on a server that hands out another session than the one we need.
@Suite(.timeLimit(.minutes(5))) struct SessionTests {
    /// What a statement does differently, and the server's setting for it.
    private static let hostile = [
        "--character-set-server=latin1", "--collation-server=latin1_swedish_ci",
        "--autocommit=0", "--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT", "--default-time-zone=-05:00",
        "--transaction-isolation=SERIALIZABLE", "--transaction-read-only=1", "--completion-type=CHAIN",
        "--group-concat-max-len=8", "--max-sort-length=64", "--div-precision-increment=0",
        "--default-storage-engine=MyISAM",
    ]
    private static let initial = """
        --init-connect=SET sql_safe_updates=1, sql_select_limit=1, sql_auto_is_null=1, foreign_key_checks=0, \
        unique_checks=0, sql_big_selects=0, max_join_size=1, default_week_format=3
        """
    /// What one of the two servers has alone.
    private static let own =
        TestServer.isMySQL
        ? ["--max-execution-time=50", "\(initial), windowing_use_high_precision=0"]
        : [
            "--skip-character-set-client-handshake", "--max-statement-time=0.05",
            "\(initial), sql_if_exists=1, check_constraint_checks=0, system_versioning_asof='2001-01-01'",
        ]

    private func account(_ server: TestServer) async throws -> MySQLConfiguration {
        let root = try await MySQLConnection.connect(server.configuration())
        try await root.execute("create user plain@localhost")
        try await root.execute("create database d collate latin1_swedish_ci")
        try await root.execute("grant all on d.* to plain@localhost")
        await root.close()
        var configuration = server.configuration(database: "d")
        // An administrator is spared `init_connect` and `read_only`.
        configuration.username = "plain"
        return configuration
    }

    @Test func theSessionIsOursWhateverTheServerHandsOut() async throws {
        let server = try await TestServer.startOwn(options: Self.hostile + Self.own)
        let configuration = try await account(server)
        let connection = try await MySQLConnection.connect(configuration)
        try await connection.execute("create table t (id int primary key, v varchar(20) character set utf8mb4, n int)")
        #expect(try await connection.query("show create table t")[0].string(1).contains("ENGINE=InnoDB"))
        try await connection.execute("insert into t values (1, \("日本 😀 \\ '"), 1), (2, 'b', 2), (3, 'a', 3)")
        // Committed, without a word of ours.
        let other = try await MySQLConnection.connect(configuration)
        let rows = try await other.query("select v, hex(v) h from t order by id")
        #expect(rows.count == 3)
        #expect(try rows[0].string(0) == "日本 😀 \\ '")
        #expect(try rows[0].string(1).hasPrefix("E697A5E69CAC20F09F9880"))
        // No key in the condition; a full join; more than one row; longer than 50 ms.
        #expect(try await other.execute("update t set n = n + 1 where v <> 'z'").affectedRows == 3)
        #expect(try await other.query("select * from t a join t b on a.n <= b.n + sleep(0.02)").count == 6)
        #expect(try await other.query("select group_concat(v separator '---------') from t")[0].string(0).count > 20)
        #expect(try await other.query("select 1 / 3")[0].string(0) == "0.3333")
        let zone = try await other.query("select timestampdiff(hour, utc_timestamp(), now())")
        #expect(try zone[0].int64(0) == 0)
        try await other.begin()
        try await other.execute("delete from t where id = 3")
        try await other.commit()
        #expect(await !other.isInTransaction)
        #expect(await other.isolation == "READ-COMMITTED")
        await #expect(throws: MySQLError.self) { try await other.execute("insert into t values (1, '', 1)") }
        await #expect(throws: MySQLError.self) {
            try await other.execute("insert into t values (4, '\(unescaped: String(repeating: "x", count: 30))', 1)")
        }
        await server.stop()
    }

    /// Error 1665: a server whose binary log holds statements lets READ COMMITTED write nothing.
    @Test func whereReadCommittedMayNotWriteItIsRepeatableRead() async throws {
        let server = try await TestServer.startOwn(options: ["--log-bin=binlog", "--binlog-format=STATEMENT"])
        let connection = try await MySQLConnection.connect(server.configuration())
        #expect(await connection.isolation == "REPEATABLE-READ")
        try await connection.execute("create database d")
        try await connection.execute("create table d.t (id int primary key)")
        #expect(try await connection.execute("insert into d.t values (1)").affectedRows == 1)
        await server.stop()
    }

    @Test func whatCannotBePinnedIsNamed() async throws {
        let server = try await TestServer.startOwn(options: ["--maximum-group-concat-max-len=2048"])
        let error = await #expect(throws: MySQLError.self) {
            _ = try await MySQLConnection.connect(server.configuration())
        }
        #expect(error?.kind == .unfitSession(variable: "group_concat_max_len"))
        #expect(error?.phase == .connect)
        #expect(error?.passes == true)
        #expect(error?.description.contains("group_concat_max_len is `2048`, must be `1048576`") == true)
        await server.stop()
    }

    @Test(arguments: [1, 4]) func theServersPacketLimitIsRead(mebibytes: Int) async throws {
        let limit = mebibytes << 20
        let server = try await TestServer.startOwn(options: ["--max-allowed-packet=\(mebibytes)M"])
        let connection = try await MySQLConnection.connect(server.configuration())
        #expect(await connection.maximumPacketBytes == limit)
        // In hexadecimal a byte takes two.
        let small = [UInt8](repeating: 0, count: limit / 2 - 24_000)
        #expect(try await connection.query("select length(\(small))")[0].int64(0) == Int64(small.count))
        let large = [UInt8](repeating: 0, count: limit / 2 + 80_000)
        let error = await #expect(throws: MySQLError.self) { try await connection.query("select length(\(large))") }
        #expect(error?.kind == .tooLarge)
        #expect(connection.isUsable)
        // Several at a time go in as many packets as they need.
        let three = Array(repeating: "select length(\(small))" as SQL, count: 3)
        let lengths = try await connection.executeAll(three).map { try $0.rows[0].int64(0) }
        #expect(lengths == Array(repeating: Int64(small.count), count: 3))
        await server.stop()
    }

    /// A statement that the server ends, and one that it refuses, leave the connection in order; one that finds the server
    /// read-only ends it, so that the next one may find the server that writes.
    @Test func aServerThatOnlyReadsEndsTheConnection() async throws {
        let server = try await TestServer.startOwn()
        let configuration = try await account(server)
        let root = try await MySQLConnection.connect(server.configuration())
        let connection = try await MySQLConnection.connect(configuration)
        try await connection.execute("create table t (id int primary key)")
        try await root.execute("set global read_only = 1")
        let error = await #expect(throws: MySQLError.self) { try await connection.execute("insert into t values (1)") }
        #expect(error?.kind == .readOnly)
        #expect(error?.passes == true)
        #expect(!connection.isUsable)
        // It may be asked all the same, by `doctor` for example.
        let reader = try await MySQLConnection.connect(configuration)
        #expect(try await reader.query("select * from t").isEmpty)
        try await root.execute("set global read_only = 0")
        #expect(try await reader.execute("insert into t values (1)").affectedRows == 1)
        await server.stop()
    }
}
