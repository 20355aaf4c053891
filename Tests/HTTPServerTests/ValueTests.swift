import HTTPServer
import Testing
import Text

/// The parts that need no socket.
@Suite(.timeLimit(.minutes(5))) struct ValueTests {
    @Test(arguments: [
        ("/", [""]), ("/a/b", ["a", "b"]), ("/a/", ["a", ""]), ("/a%2Fb/c+d", ["a/b", "c+d"]), ("", [""]),
        ("/%E2%82%ac", ["\u{20AC}"]), ("//", ["", ""]), ("*", ["*"]),
    ])
    func pathSegmentsAreDecodedOneByOne(path: String, segments: [String]) {
        #expect(HTTPRequest(method: "GET", path: path).pathSegments == segments)
    }

    @Test(arguments: ["/%", "/%4", "/%zz", "/a/%C3", "/%00", "/%FF", "/%4 1"])
    func brokenPathsHaveNoSegments(path: String) {
        #expect(HTTPRequest(method: "GET", path: path).pathSegments == nil)
    }

    @Test(arguments: [
        ("a=1&b=2", [["a", "1"], ["b", "2"]]), ("a=1&a=2", [["a", "1"], ["a", "2"]]), ("a", [["a", ""]]),
        ("a=", [["a", ""]]), ("=v", [["", "v"]]), ("a=b=c", [["a", "b=c"]]), ("a+b=c+d%2B", [["a b", "c d+"]]),
        ("&&a=1&", [["a", "1"]]), ("", []), ("status%5B%5D=1", [["status[]", "1"]]),
    ])
    func queryItemsKeepOrderAndRepeats(query: String, items: [[String]]) throws {
        let found = try #require(HTTPRequest(method: "GET", path: "/", query: query).queryItems)
        #expect(found.map { [$0.name, $0.value] } == items)
        #expect(try #require(PercentCoding.items(query)).count == items.count)
    }

    @Test(arguments: ["a=%", "%=1", "a=%g0", "a=%C3", "a=%00"])
    func brokenQueriesHaveNoItems(query: String) {
        #expect(HTTPRequest(method: "GET", path: "/", query: query).queryItems == nil)
    }

    @Test func noQueryHasNoItems() throws {
        #expect(try #require(HTTPRequest(method: "GET", path: "/").queryItems).isEmpty)
    }

    @Test func headerNamesCompareWithoutCase() {
        var headers = HTTPHeaders([("Content-Type", "a"), ("X-One", "1")])
        headers.append(name: "x-one", value: "2")
        #expect(headers["content-type"] == "a")
        #expect(headers["CONTENT-TYPE"] == "a")
        #expect(headers["X-ONE"] == "1")
        #expect(headers.all("x-One") == ["1", "2"])
        #expect(headers["Content-Typ"] == nil)
        #expect(headers["@-one"] == nil)
        #expect(headers[""] == nil)
        #expect(headers.count == 3)
        #expect(headers.fields.map(\.name) == ["Content-Type", "X-One", "x-one"])
        #expect(headers.fields.map(\.value) == ["a", "1", "2"])
    }

    @Test func caseIsThatOfLettersOnly() {
        let headers = HTTPHeaders([("a[b", "1"), ("c@d", "2")])
        #expect(headers["a{b"] == nil)
        #expect(headers["c`d"] == nil)
        #expect(headers["A[B"] == "1")
    }
}
