import MySQL
import TestSupport
import Testing

@Suite struct ConnectionTests {
    @Test func selectsOne() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            let rows = try await connection.query(
                "select \(1) as one, \("a'b\\") as text, \([0, 39, 255] as [UInt8]) as bytes"
            )
            #expect(try rows[0].int64("one") == 1)
            #expect(try rows[0].string("text") == "a'b\\")
            #expect(try rows[0].bytes("bytes") == [0, 39, 255])
        }
    }
}
