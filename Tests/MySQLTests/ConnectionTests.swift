import MySQL
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct ConnectionTests {
    @Test func setsTheSessionUp() async throws {
        var configuration = try await TestServer.shared().configuration()
        configuration.lockWaitTimeout = .seconds(3)
        let connection = try await MySQLConnection.connect(configuration)
        let row = try await connection.query(
            """
            select @@time_zone as zone, @@sql_mode as mode, @@innodb_lock_wait_timeout as wait, \
            @@lock_wait_timeout as tablewait, @@character_set_client as client, @@character_set_results as results
            """)[0]
        #expect(try row.string("zone") == "+00:00")
        #expect(try row.string("mode").contains("STRICT_ALL_TABLES"))
        #expect(try !row.string("mode").contains("NO_BACKSLASH_ESCAPES"))
        #expect(try row.int64("wait") == 3)
        #expect(try row.int64("tablewait") == 3)
        #expect(try row.string("client") == "utf8mb4")
        #expect(try row.string("results") == "utf8mb4")
        // MariaDB's name and MySQL's.
        let isolation = try await connection.query(
            "show session variables where variable_name in ('tx_isolation', 'transaction_isolation')")
        #expect(try Set(isolation.map { try $0.string(1) }) == ["READ-COMMITTED"])
        let version = try await connection.query("select version()")[0].string(0)
        #expect(await connection.serverVersion == version)
        #expect(await connection.id > 0)
        #expect(connection.isUsable)
        try await connection.ping()
    }

    @Test func reportsIdsAndRows() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            try await connection.execute(
                "create table t (id int primary key auto_increment, v int, unique key one (v))")
            let inserted = try await connection.execute("insert into t (v) values (1), (2), (3)")
            #expect(inserted.lastInsertID == 1)
            #expect(inserted.affectedRows == 3)
            // Found rows, though nothing changes.
            #expect(try await connection.execute("update t set v = v where v < 3").affectedRows == 2)
            #expect(try await connection.execute("update t set v = 9 where id = 99").affectedRows == 0)
            #expect(try await connection.execute("delete from t").affectedRows == 3)
        }
    }

    @Test func namesTheDuplicateKeyAndHidesTheValue() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            try await connection.execute("create table t (v varchar(50), unique key one (v))")
            try await connection.execute("insert into t values (\("for key 'x'"))")
            let error = await #expect(throws: MySQLError.self) {
                try await connection.execute("insert into t values (\("for key 'x'"))")
            }
            #expect(error?.kind == .duplicateKey(name: "one"))
            #expect(error?.number == 1062)
            #expect(error?.sqlState == "23000")
            #expect(error?.isRetryable == false)
            #expect(error?.message.contains("for key 'x'") == true)
            #expect(error?.description == "1062 (23000) duplicate entry for key 'one'")
            #expect(connection.isUsable)
        }
    }

    @Test func aWholeTransactionRunsOnTheThread() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            let count = try await connection.run { connection in
                connection.preconditionIsolated()
                try connection.execute("create table t (id int)")
                try connection.begin()
                let isOpen = connection.isInTransaction
                #expect(isOpen)
                try connection.execute("insert into t values (1)")
                connection.rollback()
                let isStillOpen = connection.isInTransaction
                #expect(!isStillOpen)
                try connection.begin()
                try connection.execute("insert into t values (2)")
                try connection.commit()
                return try connection.query("select id from t").map { try $0.int64(0) }
            }
            #expect(count == [2])
        }
    }

    @Test func runsSeveralStatementsInOneRoundTrip() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            let refused = await #expect(throws: MySQLError.self) { try await connection.execute("select 1; select 2") }
            #expect(refused?.number == 1064)
            #expect(try await connection.executeAll([]).isEmpty)
            let outcomes = try await connection.executeAll([
                "create table t (id int auto_increment primary key, v int unique)", "START TRANSACTION",
                "insert into t (v) values (5), (6)", "select v from t order by v", "COMMIT",
            ])
            #expect(outcomes.map(\.affectedRows) == [0, 0, 2, 2, 0])
            #expect(outcomes[2].lastInsertID == 1)
            #expect(try outcomes[3].rows.map { try $0.int64("v") } == [5, 6])
            let error = await #expect(throws: MySQLError.self) {
                try await connection.executeAll([
                    "insert into t (v) values (7)", "insert into t (v) values (5)", "drop table t",
                ])
            }
            #expect(error?.kind == .duplicateKey(name: "v"))
            #expect(try await connection.query("select v from t").count == 3)
            // From now on the server takes a second statement, but the call says so.
            let second = await #expect(throws: MySQLError.self) { try await connection.query("select 1; select 2") }
            #expect(second?.message == "more than one statement")
            #expect(try await connection.query("select 3")[0].int64(0) == 3)
        }
    }

    @Test func aLargeInsertComesBack() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            try await connection.execute("create table t (id int primary key, b blob)")
            let blob = (0..<1024).map { UInt8(truncatingIfNeeded: $0 * 7) }
            var insert = SQL(capacity: 2_200_000)
            insert.append(unescaped: "insert into t values ")
            for id in 0..<1000 {
                insert.append(unescaped: id == 0 ? "(" : ",(")
                insert.append(value: id)
                insert.append(unescaped: ",")
                insert.append(value: blob)
                insert.append(unescaped: ")")
            }
            #expect(try await connection.execute(insert).affectedRows == 1000)
            let rows = try await connection.query("select b from t")
            #expect(rows.count == 1000)
            #expect(try rows.allSatisfy { try $0.bytes(0) == blob })
        }
    }

    @Test func aSilentServerEndsInATimeout() async throws {
        var configuration = try await TestServer.shared().configuration()
        configuration.statementTimeout = .milliseconds(600)  // rounded up to a second
        let connection = try await MySQLConnection.connect(configuration)
        let start = ContinuousClock.now
        let error = await #expect(throws: MySQLError.self) { try await connection.query("select sleep(20)") }
        #expect(error?.kind == .timeout)
        #expect(error?.isRetryable == false)
        #expect(start.duration(to: .now) < .seconds(5))
        #expect(!connection.isUsable)
        let closed = await #expect(throws: MySQLError.self) { try await connection.ping() }
        #expect(closed?.kind == .closed)
    }

    @Test func aKilledConnectionIsLost() async throws {
        let configuration = try await TestServer.shared().configuration()
        let connection = try await MySQLConnection.connect(configuration)
        let other = try await MySQLConnection.connect(configuration)
        let id = await connection.id
        try await other.execute("kill \(id)")
        let error = await #expect(throws: MySQLError.self) { try await connection.query("select 1") }
        #expect(error?.kind == .connectionLost)
        #expect(error?.isRetryable == true)
        #expect(!connection.isUsable)
        await connection.run { $0.rollback() }  // nothing to do, and no harm
    }

    @Test func anInterruptedStatementIsAnError() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            let other = try await MySQLConnection.connect(configuration)
            try await other.execute("create table t (id int primary key)")
            try await other.begin()
            try await other.execute("insert into t values (1)")
            let id = await connection.id
            let waiting = Task { try await connection.query("select * from t where id = 1 for update") }
            try await other.waitUntil(
                "select 1 from information_schema.processlist where id = \(id) and info like '%for update'")
            try await other.execute("kill query \(id)")
            let error = await #expect(throws: MySQLError.self) { try await waiting.value }
            #expect(error?.number == 1317)
            #expect(error?.kind == .interrupted)
            #expect(error?.passes == true)
            #expect(try await connection.query("select 1").count == 1)
        }
    }

    @Test func waitingTooLongForALockIsAConflictThatDoomsTheTransaction() async throws {
        try await TestDatabase.with { configuration in
            var impatient = configuration
            impatient.lockWaitTimeout = .seconds(1)
            let connection = try await MySQLConnection.connect(impatient)
            let other = try await MySQLConnection.connect(configuration)
            try await other.execute("create table t (id int primary key)")
            try await other.begin()
            try await other.execute("insert into t values (1)")
            try await connection.run { connection in
                try connection.begin()
                try connection.execute("insert into t values (2)")
                #expect(throws: MySQLError.self) { try connection.execute("insert into t values (1)") }
                let error = #expect(throws: MySQLError.self) { try connection.commit() }
                #expect(error?.kind == .conflict)
                #expect(error?.number == 1205)
                connection.rollback()
                try connection.begin()
                try connection.commit()
            }
            try await other.commit()
            #expect(try await connection.query("select id from t").map { try $0.int64(0) } == [1])
        }
    }

    @Test func connectingFailsWithAReason() async throws {
        let good = try await TestServer.shared().configuration()
        func kind(_ change: (inout MySQLConfiguration) -> Void) async -> MySQLError? {
            var configuration = good
            change(&configuration)
            return await #expect(throws: MySQLError.self) { _ = try await MySQLConnection.connect(configuration) }
        }
        #expect(await kind { $0.socket = "/nowhere/socket" }?.kind == .unreachable)
        #expect(await kind { $0.database = "absent" }?.kind == .refused)
        #expect(await kind { $0.username = "nobody" }?.kind == .refused)
        #expect(await kind { $0.caFile = "/nowhere/ca.pem" }?.kind == .tls)
        let tcp = await kind {
            $0.socket = nil
            $0.host = "localhost"
            $0.port = 1
        }
        #expect(tcp?.kind == .unreachable)
        #expect(tcp?.phase == .connect)
        #expect(tcp?.isRetryable == true)
    }

    @Test func aClosedConnectionSaysSo() async throws {
        let connection = try await MySQLConnection.connect(TestServer.shared().configuration())
        await connection.close()
        await connection.close()
        #expect(!connection.isUsable)
        #expect(await connection.serverVersion == "")
        #expect(await connection.id == 0)
        #expect(await !connection.isInTransaction)
        let error = await #expect(throws: MySQLError.self) { try await connection.query("select 1") }
        #expect(error?.kind == .closed)
    }

    @Test func threadsEndWithTheirConnections() async throws {
        let configuration = try await TestServer.shared().configuration()
        weak var released: MySQLConnection?
        do {
            let connection = try await MySQLConnection.connect(configuration)
            released = connection
            try await connection.ping()
        }
        #expect(released == nil)
    }

    @Test func theConfigurationHidesThePassword() {
        let configuration = MySQLConfiguration(database: "d", username: "u", password: "secret")
        #expect("\(configuration)" == "u@127.0.0.1:3306/d")
        #expect(String(reflecting: configuration) == "u@127.0.0.1:3306/d")
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!dumped.contains("secret"))
    }
}
