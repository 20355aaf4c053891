import MySQL
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct PoolTests {
    @Test func sharesConnections() async throws {
        let pool = MySQLPool(try await TestServer.shared().configuration(), maximumConnections: 3)
        let ids = try await withThrowingTaskGroup(of: UInt64.self) { group in
            for _ in 0..<30 { group.addTask { try await pool.withConnection { $0.id } } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect((1...3).contains(ids.count))
        await pool.shutdown()
    }

    @Test func aTransactionIsCommittedOrRolledBack() async throws {
        try await TestDatabase.with { configuration in
            let pool = MySQLPool(configuration, maximumConnections: 1)
            try await pool.withConnection { try $0.execute("create table t (id int primary key)") }
            let id = try await pool.withTransaction { try $0.execute("insert into t values (1)").affectedRows }
            #expect(id == 1)
            struct Failure: Error {}
            await #expect(throws: Failure.self) {
                try await pool.withTransaction { connection in
                    try connection.execute("insert into t values (2)")
                    throw Failure()
                }
            }
            let error = await #expect(throws: MySQLError.self) {
                try await pool.withTransaction { try $0.execute("insert into t values (3), (1)") }
            }
            #expect(error?.kind == .duplicateKey(name: "PRIMARY"))
            // What is left open is not passed on to the next.
            try await pool.withConnection { connection in
                try connection.begin()
                try connection.execute("insert into t values (4)")
            }
            let ids = try await pool.withConnection { try $0.query("select id from t").map { try $0.int64(0) } }
            #expect(ids == [1])
            await pool.shutdown()
        }
    }

    @Test func aCancelledTransactionIsRolledBack() async throws {
        try await TestDatabase.with { configuration in
            let pool = MySQLPool(configuration, maximumConnections: 1)
            try await pool.withConnection { try $0.execute("create table t (id int primary key)") }
            let (inside, signal) = AsyncStream.makeStream(of: Void.self)
            let task = Task {
                try await pool.withTransaction { connection in
                    try connection.execute("insert into t values (1)")
                    signal.finish()
                    try await Task.sleep(for: .seconds(60))
                }
            }
            for await _ in inside {}
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            let count = try await pool.withConnection { try $0.query("select * from t").count }
            #expect(count == 0)
            await pool.shutdown()
        }
    }

    /// Two transactions lock two rows in opposite order, each having the first before it asks for the second.
    @Test func aDeadlockIsTriedAgain() async throws {
        try await TestDatabase.with { configuration in
            let pool = MySQLPool(configuration, maximumConnections: 2)
            try await pool.withConnection { connection in
                try connection.execute("create table t (id int primary key, n int)")
                try connection.execute("insert into t values (1, 0), (2, 0)")
            }
            let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
            let bothHaveOne = Task { for await _ in arrivals.prefix(2) {} }
            let attempts = Record<UInt64>()
            let transfer = { @Sendable (first: Int, second: Int) async throws in
                try await pool.withTransaction { connection in
                    attempts.add(connection.id)
                    try connection.execute("update t set n = n + 1 where id = \(first)")
                    arrived.yield()
                    await bothHaveOne.value
                    try connection.execute("update t set n = n + 1 where id = \(second)")
                }
            }
            async let one: Void = transfer(1, 2)
            async let other: Void = transfer(2, 1)
            _ = try await (one, other)
            #expect(attempts.entries.count >= 3)
            let numbers = try await pool.withConnection { try $0.query("select n from t").map { try $0.int64(0) } }
            #expect(numbers == [2, 2])
            await pool.shutdown()
        }
    }

    @Test func retryingEnds() async throws {
        let pool = MySQLPool(try await TestServer.shared().configuration(), maximumConnections: 1)
        let attempts = Record<UInt64>()
        let error = await #expect(throws: MySQLError.self) {
            try await pool.withTransaction(attempts: 3) { connection in
                attempts.add(connection.id)
                try connection.execute("signal sqlstate '40001'")
            }
        }
        #expect(error?.kind == .conflict)
        #expect(attempts.entries.count == 3)
        await pool.shutdown()
    }

    @Test func aKilledConnectionIsReplaced() async throws {
        let configuration = try await TestServer.shared().configuration()
        let pool = MySQLPool(configuration, maximumConnections: 1)
        let killer = try await MySQLConnection.connect(configuration)
        // While in use: that use fails.
        let first = try await pool.withConnection { $0.id }
        let error = await #expect(throws: MySQLError.self) {
            try await pool.withConnection { connection in
                try connection.execute("do 0")
                try await killer.execute("kill \(first)")
                try connection.execute("select 1")
            }
        }
        #expect(error?.kind == .connectionLost)
        // While idle: nobody notices.
        let second = try await pool.withConnection { $0.id }
        #expect(second != first)
        try await killer.execute("kill \(second)")
        let third = try await pool.withConnection { connection in
            try connection.execute("select 1")
            return connection.id
        }
        #expect(third != second)
        // In a transaction: it is tried again.
        let attempts = Record<UInt64>()
        try await pool.withTransaction { connection in
            attempts.add(connection.id)
            if attempts.entries.count == 1 { try await killer.execute("kill \(connection.id)") }
            try connection.execute("select 1")
        }
        #expect(attempts.entries.count == 2)
        await pool.shutdown()
    }

    @Test func waitingIsCancelledAndBounded() async throws {
        let configuration = try await TestServer.shared().configuration()
        let pool = MySQLPool(configuration, maximumConnections: 1, waitLimit: .milliseconds(300))
        let patient = MySQLPool(configuration, maximumConnections: 1, waitLimit: .seconds(60))
        try await pool.withConnection { _ in
            let error = await #expect(throws: MySQLError.self) { try await pool.withConnection { $0.id } }
            #expect(error?.kind == .timeout)
        }
        try await patient.withConnection { _ in
            let task = Task { try await patient.withConnection { $0.id } }
            for _ in 0..<10 { await Task.yield() }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(try await patient.withConnection { $0.id } > 0)
        await pool.shutdown()
        await patient.shutdown()
    }

    @Test func aFailedOpeningFreesItsSlot() async throws {
        var configuration = try await TestServer.shared().configuration()
        configuration.database = "absent"
        let pool = MySQLPool(configuration, maximumConnections: 1, waitLimit: .seconds(60))
        await withTaskGroup(of: MySQLError.Kind?.self) { group in
            for _ in 0..<5 {
                group.addTask {
                    do {
                        _ = try await pool.withConnection { $0.id }
                        return nil
                    } catch {
                        return (error as? MySQLError)?.kind
                    }
                }
            }
            for await kind in group { #expect(kind == .refused) }
        }
        await pool.shutdown()
    }

    @Test func shuttingDownWaitsForWhatIsLent() async throws {
        let pool = MySQLPool(try await TestServer.shared().configuration(), maximumConnections: 1)
        let order = Record<String>()
        let (inside, signal) = AsyncStream.makeStream(of: Void.self)
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let user = Task {
            try await pool.withConnection { _ in
                signal.finish()
                for await _ in released {}
                order.add("given back")
            }
        }
        for await _ in inside {}
        let stopping = Task {
            await pool.shutdown()
            order.add("shut down")
        }
        var error: MySQLError?
        while error?.kind != .closed {
            let waiting = Task { try await pool.withConnection { $0.id } }
            error = await #expect(throws: MySQLError.self) { try await waiting.value }
        }
        release.finish()
        try await user.value
        await stopping.value
        #expect(order.entries == ["given back", "shut down"])
        await pool.shutdown()
    }

    /// Closed by the server for being idle, as `wait_timeout` or a proxy does it: nobody notices, whatever comes first.
    @Test func whatTheServerHasClosedIsReplaced() async throws {
        try await TestDatabase.with { configuration in
            let pool = MySQLPool(configuration, maximumConnections: 1)
            try await pool.withConnection { try $0.execute("create table t (id int primary key)") }
            let statements: [SQL] = ["select id from t", "insert into t values (1)", "update t set id = 2"]
            for statement in statements {
                try await pool.withConnection { try $0.execute("set wait_timeout = 1") }
                try await Task.sleep(for: .seconds(2))
                try await pool.withConnection { try $0.execute(statement) }
            }
            try await pool.withConnection { try $0.execute("set wait_timeout = 1") }
            try await Task.sleep(for: .seconds(2))
            try await pool.withConnection { connection in
                try connection.executeAll(["START TRANSACTION", "insert into t values (5)", "COMMIT"])
            }
            let ids = try await pool.withConnection {
                try $0.query("select id from t order by 1").map { try $0.int64(0) }
            }
            #expect(ids == [2, 5])
            await pool.shutdown()
        }
    }

    /// Closed while the first statement runs: what only reads is done again, what writes may have been done.
    @Test func aFirstStatementThatOnlyReadsIsDoneAgain() async throws {
        try await TestDatabase.with { configuration in
            let pool = MySQLPool(configuration, maximumConnections: 1)
            let killer = try await MySQLConnection.connect(configuration)
            try await killer.execute("create table t (id int primary key)")
            func run(_ statement: SQL) async throws {
                try await pool.withConnection { _ in }
                let first = try await pool.withConnection { $0.id }
                let running = Task { try await pool.withConnection { try $0.execute(statement) } }
                try await killer.waitUntil(
                    "select 1 from information_schema.processlist where id = \(first) and info like '%sleep(1)%'")
                try await killer.execute("kill \(first)")
                _ = try await running.value
            }
            try await run("select sleep(1)")
            let error = await #expect(throws: MySQLError.self) { try await run("insert into t select sleep(1)") }
            #expect(error?.kind == .connectionLost)
            // Nor is a statement that is not the first.
            let second = await #expect(throws: MySQLError.self) {
                try await pool.withConnection { connection in
                    try connection.execute("do 1")
                    try await killer.execute("kill \(connection.id)")
                    try connection.execute("select 1")
                }
            }
            #expect(second?.kind == .connectionLost)
            await pool.shutdown()
        }
    }

    @Test func idleConnectionsAreClosed() async throws {
        let configuration = try await TestServer.shared().configuration()
        let pool = MySQLPool(configuration, maximumConnections: 3, idleLimit: .milliseconds(200))
        let id = try await pool.withConnection { $0.id }
        #expect(pool.usage.idle == 1)
        let other = try await MySQLConnection.connect(configuration)
        try await other.waitUntil(
            "select 1 where not exists (select 1 from information_schema.processlist where id = \(id))")
        #expect(pool.usage.idle == 0)
        #expect(try await pool.withConnection { $0.id } != id)
        await pool.shutdown()
    }

    private func account(_ server: TestServer, _ limit: String = "") async throws -> MySQLConfiguration {
        let root = try await MySQLConnection.connect(server.configuration())
        try await root.execute("create user plain@localhost \(unescaped: limit)")
        try await root.execute("create database d")
        try await root.execute("grant all on d.* to plain@localhost")
        var configuration = server.configuration(database: "d")
        configuration.username = "plain"
        return configuration
    }

    /// `MAX_USER_CONNECTIONS`: a burst of reads is served by those that there are, and a writer still gets its own.
    @Test func thePoolLivesWithFewerConnectionsAndGivesWay() async throws {
        let server = try await TestServer.startOwn()
        let configuration = try await account(server, "with max_user_connections 3")
        let pool = MySQLPool(configuration, maximumConnections: 8, waitLimit: .seconds(20))
        let burst = { @Sendable () async throws -> Int in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<40 {
                    group.addTask { try await pool.withConnection { try $0.query("select sleep(0.02)").count } }
                }
                return try await group.reduce(0, +)
            }
        }
        #expect(try await burst() == 40)
        #expect(pool.usage.idle == 3)
        let writer = try await pool.connectAhead(configuration)
        #expect(pool.usage.idle == 2)
        // While all of the pool's are in use, too.
        async let busy = burst()
        let second = try await pool.connectAhead(configuration)
        #expect(try await busy == 40)
        #expect(writer.isUsable && second.isUsable)
        #expect(pool.usage.idle == 1)
        let third = try await pool.connectAhead(configuration)
        // Now the pool has none, and says so at once.
        let error = await #expect(throws: MySQLError.self) { try await pool.withConnection { $0.id } }
        #expect(error?.kind == .busy)
        #expect(error?.passes == true)
        await third.close()
        // The server counts a connection for a moment after its end.
        let root = try await MySQLConnection.connect(server.configuration())
        let connections: SQL = "select count(*) from information_schema.processlist where user = 'plain'"
        while try await root.query(connections).first?.int64(0) != 2 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(try await burst() == 40)
        await pool.shutdown()
        await server.stop()
    }

    /// A failover: once one connection finds the server read-only, none of the others is used again.
    @Test func aServerThatOnlyReadsIsLeft() async throws {
        let server = try await TestServer.startOwn()
        let configuration = try await account(server)
        let root = try await MySQLConnection.connect(server.configuration())
        let pool = MySQLPool(configuration, maximumConnections: 2)
        try await pool.withConnection { first in
            try first.execute("create table t (id int)")
            try await pool.withConnection { try $0.execute("do 0") }
        }
        try await root.execute("set global read_only = 1")
        let error = await #expect(throws: MySQLError.self) {
            try await pool.withConnection { try $0.execute("insert into t values (1)") }
        }
        #expect(error?.kind == .readOnly)
        #expect(pool.usage.idle == 0)
        try await root.waitUntil(
            "select 1 where not exists (select 1 from information_schema.processlist where user = 'plain')")
        try await root.execute("set global read_only = 0")
        try await pool.withConnection { try $0.execute("insert into t values (1)") }
        await pool.shutdown()
        await server.stop()
    }
}
