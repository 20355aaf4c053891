import JSON
import Testing

@testable import Web

/// Laravel's `LengthAwarePaginator` and `UrlWindow`.
@Suite(.timeLimit(.minutes(10))) struct PaginationTests {
    @Test(
        arguments: [
            (1, 1, [1]), (1, 13, Array(1...13).map(Optional.init)),
            (7, 14, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, nil, 13, 14]),
            (8, 14, [1, 2, nil, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]),
            (10, 20, [1, 2, nil, 7, 8, 9, 10, 11, 12, 13, nil, 19, 20]),
        ] as [(Int, Int, [Int?])])
    func pagesThatAreLinked(page: Int, last: Int, window: [Int?]) {
        #expect(Pagination.window(page: page, last: last) == window)
    }

    @Test func thePlaceOfAPage() throws {
        let pagination = Pagination(path: "http://h/list", otherParameters: "a=1&", perPage: 10)
        let page = try JSONDocument(
            parsing: pagination.numbered(page: 3, count: 4, total: 24, data: Array("[]".utf8))
        ).root
        #expect(page["links"]?["prev"]?.string == "http://h/list?a=1&page=2")
        #expect(page["links"]?["next"]?.kind == .null)
        #expect(page["links"]?["last"]?.string == "http://h/list?a=1&page=3")
        #expect(page["meta"]?["from"]?.int == 21 && page["meta"]?["to"]?.int == 24)
        let beyond = try JSONDocument(
            parsing: pagination.numbered(page: 9, count: 0, total: 24, data: Array("[]".utf8))
        ).root
        #expect(beyond["meta"]?["from"]?.kind == .null && beyond["meta"]?["to"]?.kind == .null)
        #expect(beyond["meta"]?["last_page"]?.int == 3)
    }
}
