import MySQL
import TestSupport
import Testing

@Suite struct PoolTests {
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
        let pool = MySQLPool(configuration, maximumConnections: 1, checkAfter: .zero)
        let killer = try await MySQLConnection.connect(configuration)
        // While in use: that use fails.
        let first = try await pool.withConnection { $0.id }
        let error = await #expect(throws: MySQLError.self) {
            try await pool.withConnection { connection in
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
}
