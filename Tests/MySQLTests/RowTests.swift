import MySQL
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct RowTests {
    private func row(_ sql: SQL) async throws -> MySQLRow {
        let connection = try await MySQLConnection.connect(TestServer.shared().configuration())
        return try await connection.query(sql)[0]
    }

    @Test func readsColumnsByNameAndPosition() async throws {
        let row = try await row("select -5 as a, 'x' as b, 1.25 as c, 7 as a, '' as nothing")
        #expect(try row.int64("a") == -5)
        #expect(try row.int64(3) == 7)
        #expect(try row.string(MySQLColumn("b")) == "x")
        #expect(try row.double(MySQLColumn(2)) == 1.25)
        #expect(try row.bytes("nothing") == [])
        #expect(try row.optionalString("nothing")?.isEmpty == true)
    }

    @Test func nullIsNilOrAnError() async throws {
        let row = try await row("select null as n, 1 as one")
        #expect(try row.isNull("n"))
        #expect(try !row.isNull("one"))
        #expect(try row.optionalInt64("n") == nil)
        #expect(try row.optionalUInt64("n") == nil)
        #expect(try row.optionalDouble("n") == nil)
        #expect(try row.optionalBool("n") == nil)
        #expect(try row.optionalString("n") == nil)
        #expect(try row.optionalBytes("n") == nil)
        #expect(try row.optionalTimestamp("n") == nil)
        #expect(try row.optionalBool("one") == true)
        for read in [
            { _ = try row.int64("n") }, { _ = try row.uint64("n") }, { _ = try row.double("n") },
            { _ = try row.bool("n") }, { _ = try row.string("n") }, { _ = try row.bytes("n") },
            { _ = try row.timestamp("n") },
        ] as [() throws -> Void] {
            let error = #expect(throws: MySQLError.self) { try read() }
            #expect(error?.kind == .unexpectedValue)
        }
    }

    @Test func refusesWhatIsNotThere() async throws {
        let row = try await row("select 1 as one")
        for column in ["two", 1, -1] as [MySQLColumn] {
            let error = #expect(throws: MySQLError.self) { try row.int64(column) }
            #expect(error?.kind == .unexpectedValue)
        }
        let error = #expect(throws: MySQLError.self) { try row.isNull("two") }
        #expect(error?.description == "column two is not in the result")
    }

    @Test func refusesOtherTypes() async throws {
        let row = try await row(
            """
            select 'x' as text, 9223372036854775808 as big, -9223372036854775809 as low, -1 as negative, '' as nothing, \
            '-' as sign, '1 ' as spaced, \([0xff, 0xfe] as [UInt8]) as bytes
            """)
        for column in ["text", "big", "low", "nothing", "sign", "spaced", "bytes"] as [MySQLColumn] {
            let error = #expect(throws: MySQLError.self) { try row.int64(column) }
            #expect(error?.kind == .unexpectedValue)
        }
        #expect(try row.uint64("big") == 1 << 63)
        #expect(throws: MySQLError.self) { try row.uint64("negative") }
        #expect(throws: MySQLError.self) { try row.double("text") }
        #expect(throws: MySQLError.self) { try row.bool("text") }
        #expect(throws: MySQLError.self) { try row.timestamp("text") }
        #expect(throws: MySQLError.self) { try row.string("bytes") }
        #expect(try row.bytes("bytes") == [0xff, 0xfe])
    }

    @Test func isACollection() async throws {
        let connection = try await MySQLConnection.connect(TestServer.shared().configuration())
        let rows = try await connection.query("select 1 as n union all select 2 union all select null")
        #expect(rows.count == 3)
        #expect(rows.columns == ["n"])
        #expect(try rows.map { try $0.optionalInt64(0) } == [1, 2, nil])
        #expect(try await connection.query("select 1 from dual where false").isEmpty)
        #expect(try await connection.query("set @x = 1").isEmpty)
    }
}
