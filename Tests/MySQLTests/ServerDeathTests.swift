import MySQL
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct ServerDeathTests {
    @Test(.timeLimit(.minutes(5))) func poolsOutliveTheirServer() async throws {
        let server = try await TestServer.startOwn(durable: true)
        let setup = try await MySQLConnection.connect(server.configuration())
        try await setup.execute("create database d")
        try await setup.execute("create table d.t (id int primary key)")
        let pool = MySQLPool(server.configuration(database: "d"), maximumConnections: 2)
        try await pool.withTransaction { try $0.execute("insert into t values (1)") }

        let error = await #expect(throws: MySQLError.self) {
            try await pool.withTransaction(attempts: 1) { connection in
                try connection.execute("insert into t values (2)")
                await server.kill()
                try connection.execute("insert into t values (3)")
            }
        }
        #expect(error?.kind == .connectionLost)
        let away = await #expect(throws: MySQLError.self) {
            try await pool.withTransaction(attempts: 2) { try $0.execute("select 1") }
        }
        #expect(away?.kind == .unreachable)

        try await server.restart()
        let ids = try await pool.withTransaction { try $0.query("select id from t").map { try $0.int64(0) } }
        #expect(ids == [1])
        await pool.shutdown()
        await server.stop()
    }
}
