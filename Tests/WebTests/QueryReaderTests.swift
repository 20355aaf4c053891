import HTTPServer
import Testing
import Time

@testable import Web

/// Parameters of a query, as PHP reads them.
@Suite(.timeLimit(.minutes(10))) struct QueryReaderTests {
    private func reader(_ query: String) throws -> QueryReader {
        try QueryReader(HTTPRequest(method: "GET", path: "/", query: query, headers: HTTPHeaders([])))
    }

    @Test(arguments: ["s=a,b", "s[]=a&s[]=b", "s[0]=a&s[1]=b", "s%5B%5D=a&s%5B%5D=b", "s=a&s=b"])
    func listsMayBeWrittenInManyWays(_ query: String) throws {
        var reader = try reader(query)
        #expect(reader.list("s") == ["a", "b"])
        try reader.finish()
    }

    @Test func ofARepeatedNameTheLastCounts() throws {
        var reader = try reader("a=1&a=2")
        #expect(reader.integer("a", in: 1...9) == 2)
        #expect(reader.integer("b", in: 1...9) == nil)
        try reader.finish()
    }

    @Test(arguments: ["0", "10", "", "-1", "+1", "1.0", "１", "9223372036854775808"])
    func integersOutOfBoundsAreFaults(_ text: String) throws {
        var reader = try reader("a=\(text)")
        #expect(reader.integer("a", in: 1...9) == nil)
        #expect(reader.errors.map(\.field) == ["a"])
    }

    @Test func aDayIsItsFirstOrItsLastMicrosecond() throws {
        var reader = try reader("from=2026-11-23&to=2026-11-23&when=2026-11-23T16:00:00Z&bad=yesterday")
        #expect(reader.time("from")?.iso8601 == "2026-11-23T00:00:00.000000Z")
        #expect(reader.time("to", endOfDay: true)?.iso8601 == "2026-11-23T23:59:59.999999Z")
        #expect(reader.time("when", endOfDay: true)?.iso8601 == "2026-11-23T16:00:00.000000Z")
        #expect(reader.time("bad") == nil)
        #expect(reader.errors.map(\.field) == ["bad"])
    }

    @Test func whatNobodyAskedForIsNamed() throws {
        var reader = try reader("a=1&b=2&c=3")
        _ = reader.text("a")
        let error = #expect(throws: APIError.self) { try reader.finish() }
        #expect(error?.status == 400)
        #expect(error?.errors.map(\.field) == ["b", "c"])
    }

    @Test func linksRepeatTheRest() throws {
        let reader = try reader("s[]=a%20b&s[]=c&page=2&x=1&x=2")
        #expect(reader.queryString(without: ["page"]) == "s%5B0%5D=a%20b&s%5B1%5D=c&x=2&")
    }

    @Test func aQueryThatIsWronglyEncodedIsRefused() {
        #expect(throws: APIError.self) { try reader("a=%zz") }
    }
}
