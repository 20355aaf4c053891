import MySQL
import TestSupport
import Testing
import Time

@Suite(.timeLimit(.minutes(10))) struct SQLTests {
    @Test func rendersValues() {
        let text = "it's"
        let nothing: String? = nil
        let sql: SQL = """
            select \(text), \(nothing), \(1), \(Int64.min), \(UInt64.max), \(true), \(false), \(1.5), \(1e300), \
            \(Double.nan), \([1, 39] as [UInt8]), \(Timestamp(seconds: 0)), \(unescaped: "x'y"), \(identifier: "a`b"), \
            \(Substring("é")), \(7 as Int32?)
            """
        #expect(
            String(decoding: sql.bytes, as: UTF8.self) == """
                select 'it\\'s', NULL, 1, -9223372036854775808, 18446744073709551615, 1, 0, 1.5e0, 1e+300, \
                NULL, x'0127', '1970-01-01 00:00:00.000000', x'y, `a``b`, \
                'é', 7
                """)
    }

    @Test func rendersLists() {
        #expect(String(decoding: ("\(list: ["a", "b'"])" as SQL).bytes, as: UTF8.self) == #"('a','b\'')"#)
        #expect(String(decoding: ("\(list: [] as [Int])" as SQL).bytes, as: UTF8.self) == "(NULL)")
        #expect(String(decoding: ("\(list: [nil, 1] as [Int?])" as SQL).bytes, as: UTF8.self) == "(NULL,1)")
    }

    @Test func joinsPieces() {
        let condition: SQL = "id = \(5)"
        var sql: SQL = "select 1 where \(condition)"
        sql.append(" and ")
        sql.append(value: "text")
        sql.append(unescaped: " = x")
        #expect((sql + " limit 1").bytes == Array("select 1 where id = 5 and 'text' = x limit 1".utf8))
        #expect(SQL(unescaped: [1, 2]).bytes == [1, 2])
    }

    @Test func describesWithoutValues() {
        #expect("\("select \("secret") from x" as SQL)" == "select …")
        let piece: SQL = "b = \("secret")"
        #expect("\("a = 1 and \(piece)" as SQL)" == "a = 1 and b = …")
        #expect("\("select 1" as SQL)" == "select 1")
        #expect("\(SQL(unescaped: String(repeating: "x", count: 61)))" == String(repeating: "x", count: 60) + "…")
    }

    @Test func bytesComeBackAsTheyWere() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            try await connection.execute("create table t (id int primary key, b longblob)")
            var values: [[UInt8]] = [
                [], Array(0...255), Array((0...255).reversed()), Array("'\\\"\0\n\r\u{1a}%_".utf8),
            ]
            // Each byte beside each of those that are escaped, and behind the first bytes of longer characters.
            for byte in UInt8.min ... .max {
                values.append([byte])
                for special in "'\\\0\"".utf8 {
                    values += [[byte, special], [special, byte], [byte, special, byte]]
                }
                for lead: UInt8 in [0xc3, 0xe2, 0xf0] {
                    values += [[lead, byte], [lead, 0x9f, byte], [lead, 0x9f, 0x98, byte]]
                }
            }
            var random = SystemRandomNumberGenerator()
            for length in 1...300 {
                values.append((0..<length).map { _ in UInt8.random(in: 0...255, using: &random) })
                let special: [UInt8] = [0, 10, 13, 26, 34, 39, 92, 0xc3, 0xe2, 0xf0, 0x80, 0x9f, 0xff]
                values.append((0..<length).map { _ in special.randomElement(using: &random) ?? 0 })
            }
            var insert: SQL = "insert into t values "
            for (id, value) in values.enumerated() {
                insert.append(id == 0 ? "(\(id), \(value))" : ", (\(id), \(value[...]))" as SQL)
            }
            #expect(try await connection.execute(insert).affectedRows == values.count)
            let rows = try await connection.query("select b from t order by id")
            #expect(try rows.map { try $0.bytes("b") } == values)
        }
    }

    @Test func textComesBackAsItWas() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            var texts = [
                "", "it's", "\\", "\\'", "'; drop table t; -- ", "\"", "\0", "\n\r\t\u{1a}", "%_", "é", "日本語",
                "😀👩‍👩‍👧‍👦", "\u{10FFFF}", "a\u{301}", String(repeating: "'", count: 10_000),
            ]
            let pieces = ["'", "\\", "\0", "\"", "\n", "\u{1a}", "é", "日", "😀", "a", "x'", "--"]
            for length in 1...200 {
                texts.append((0..<length).map { _ in pieces[Int.random(in: 0..<pieces.count)] }.joined())
            }
            for text in texts {
                let row = try await connection.query("select \(text) as t, char_length(\(text)) as n")[0]
                #expect(try row.string("t") == text)
                #expect(try row.int64("n") == Int64(text.unicodeScalars.count))
            }
        }
    }

    @Test func numbersComeBackAsTheyWere() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            for value in [
                0, -0.0, 1.5, 0.1, 1e300, -.leastNonzeroMagnitude, .greatestFiniteMagnitude, .pi, 123456789.123456789,
            ] {
                try await connection.execute("create temporary table d (v double)")
                try await connection.execute("insert into d values (\(value))")
                #expect(try await connection.query("select v from d")[0].double("v") == value)
                try await connection.execute("drop temporary table d")
            }
            let row = try await connection.query(
                "select \(Int.max), \(Int64.min), \(UInt64.max), \(UInt32.max), \(true), \(false)")[0]
            #expect(try row.int64(0) == .max)
            #expect(try row.int64(1) == .min)
            #expect(try row.uint64(2) == .max)
            #expect(try row.uint64(3) == UInt64(UInt32.max))
            #expect(try row.bool(4))
            #expect(try !row.bool(5))
        }
    }

    @Test func timesComeBackAsTheyWere() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            try await connection.execute("create table t (a datetime(6), b timestamp(6) null, c datetime)")
            let time = Timestamp(microseconds: 1_767_323_045_123_456)
            try await connection.execute("insert into t values (\(time), \(time), \(Timestamp(seconds: 1)))")
            let row = try await connection.query("select a, b, c, unix_timestamp(b) as u from t")[0]
            #expect(try row.timestamp("a") == time)
            #expect(try row.timestamp("b") == time)
            #expect(try row.timestamp("c") == Timestamp(seconds: 1))
            #expect(try row.string("u") == "1767323045.123456")
        }
    }
}
