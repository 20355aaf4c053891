import HTTPServer
import JSON
import MySQL
import Testing
import Time

@testable import Datasets
@testable import Integrator
@testable import Web

/// Filters, sorting and cursors of `GET .../histories`.
@Suite(.timeLimit(.minutes(10))) struct HistoryQueryTests {
    @Test func filtersNarrowTheList() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            var byStatus: [HistoryStatus: TestHistory] = [:]
            for status in HistoryStatus.allCases where !status.isActive || status == .processing {
                byStatus[status] = try await service.history(of: scene.wishlist, status: status)
            }
            let completed = try #require(byStatus[.completed])
            try await service.change(completed, "created_at = '2026-11-01 10:00:00.25'")
            let elsewhere = try await service.wishlist(of: scene.wishlist.groupID)
            _ = try await service.history(of: elsewhere, status: .completed)
            func ids(_ query: String) async throws -> [Int64] {
                let answer = try await service.get("\(scene.wishlist.path)/histories?\(query)", token: scene.token)
                #expect(answer.status == 200, "\(query): \(answer.text)")
                #expect(answer.json?["meta"]?["total"]?.int == Int64(answer.ids.count))
                return answer.ids.sorted()
            }
            func expected(_ statuses: HistoryStatus...) -> [Int64] {
                statuses.compactMap { byStatus[$0]?.id }.sorted()
            }
            #expect(try await ids("status=completed") == expected(.completed))
            #expect(try await ids("status=3") == expected(.completed))
            #expect(try await ids("status=3,failed") == expected(.completed, .failed))
            #expect(try await ids("status[]=3&status[]=canceled") == expected(.completed, .canceled))
            #expect(try await ids("status%5B0%5D=3&status[1]=6") == expected(.completed, .stalled))
            #expect(try await ids("status=3&status=processing") == expected(.completed, .processing))
            #expect(try await ids("status=queued") == [])
            #expect(try await ids("dataset_id=\(completed.datasetID ?? 0)") == [completed.id])
            #expect(try await ids("dataset_id=\(completed.datasetID ?? 0)&status=failed") == [])
            #expect(try await ids("dataset_id=999999999999") == [])
            #expect(try await ids("created_to=2026-11-01T10:00:00.25Z") == [completed.id])
            #expect(try await ids("created_to=2026-11-01T10:00:00.249999Z") == [])
            #expect(
                try await ids("created_from=2026-11-01T12:00:00.25%2B02:00&created_to=2026-11-01") == [completed.id])
            #expect(try await ids("created_from=2026-11-02").count == byStatus.count - 1)
            #expect(try await ids("created_from=9999-12-31") == [])
            #expect(try await ids("created_to=0001-01-01") == [])
            #expect(try await ids("created_from=0001-01-01&created_to=9999-12-31").count == byStatus.count)
            for sort in ["created_at", "updated_at", "status", "-status"] {
                #expect(try await ids("sort=\(sort)&status=3,processing") == expected(.completed, .processing))
                #expect(
                    try await ids("sort=\(sort)&dataset_id=\(completed.datasetID ?? 0)&created_from=2026-01-01")
                        == [completed.id])
            }
        }
    }

    @Test(arguments: [
        ("page=0", ["page"]), ("page=-1", ["page"]), ("page=x", ["page"]), ("page=1.5", ["page"]), ("page=", ["page"]),
        ("page=+1", ["page"]), ("page=99999999999999999999", ["page"]), ("per_page=0", ["per_page"]),
        ("per_page=101", ["per_page"]), ("status=7", ["status"]), ("status=", ["status"]),
        ("status=1,,2", ["status"]), ("status=Completed", ["status"]), ("status[x]=1", ["status[x]"]),
        ("dataset_id=0", ["dataset_id"]), ("dataset_id=a", ["dataset_id"]),
        ("created_from=yesterday", ["created_from"]),
        ("created_to=2026-02-30", ["created_to"]), ("created_to=2026-02-03T04:05:06", ["created_to"]),
        ("sort=name", ["sort"]), ("sort=--id", ["sort"]), ("sort=", ["sort"]), ("cursor=abc", ["cursor"]),
        ("cursor=eyJpZCI6MX0", ["cursor"]), ("cursor=eyJpZCI6MSwiX3BvaW50c1RvTmV4dEl0ZW1zIjp0cnVlfQ==", ["cursor"]),
        ("sort=status&cursor=eyJpZCI6MSwiX3BvaW50c1RvTmV4dEl0ZW1zIjp0cnVlfQ", ["cursor"]),
        ("cursor=&page=1", ["page"]), ("foo=1", ["foo"]), ("foo=1&foo=2&bar=3&page=0", ["page", "foo", "bar"]),
    ])
    func whatIsWrongIsNamed(query: String, fields: [String]) async throws {
        let request = HTTPRequest(method: "GET", path: "/", query: query)
        let error = #expect(throws: APIError.self) { try HistoriesRequest(request) }
        #expect(error?.status == 400)
        #expect(error?.code == "invalid_parameters")
        #expect(error?.errors.map(\.field) == fields)
        #expect(error?.errors.allSatisfy { !$0.reasons.isEmpty } == true)
    }

    @Test func whatIsWrongIsToldOverHTTP() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let path = "\(scene.wishlist.path)/histories"
            let answer = try await service.get("\(path)?page=0&colour=red", token: scene.token)
            #expect(answer.status == 400 && answer.code == "invalid_parameters")
            #expect(answer.faults == ["page", "colour"])
            #expect(
                answer.json?["message"]?.string
                    == "The page must be an integer from 1 to 1000000000. (and 1 more error)")
            let broken = try await service.get("\(path)?page=%zz", token: scene.token)
            #expect(broken.status == 400 && broken.code == "bad_request")
            for suffix in ["/1?x=1", "/1/events?after=-1", "/1/events?after=x", "/1/events?per_page=501"] {
                let answer = try await service.get(path + suffix, token: scene.token)
                #expect(answer.status == 400 && answer.faults.count == 1, "\(suffix)")
            }
        }
    }

    /// Every sort, both ways, page by page and cursor by cursor, there and back: each history once, in order.
    @Test(arguments: HistoriesQuery.Sort.allCases, [false, true])
    func pagesAndCursorsMeetEachHistoryOnce(sort: HistoriesQuery.Sort, isDescending: Bool) async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            // Ties, absent times, several kinds of status, and an active dataset in the middle.
            var rows: [(id: Int64, status: Int64, created: Int64?, updated: Int64?)] = []
            for index in 0..<23 {
                let status: HistoryStatus = index == 11 ? .processing : [.completed, .failed, .stalled][index % 3]
                let history = try await service.history(of: scene.wishlist, status: status)
                let created: Int64? = index == 4 || index == 9 ? nil : Int64(index / 2 * 60 % 420)
                let updated: Int64? = index == 4 || index == 9 ? nil : Int64(index * 37 % 11 * 60)
                try await service.change(
                    history,
                    """
                    created_at = '2026-11-20 12:00:00.123456' + INTERVAL \(created) SECOND, \
                    updated_at = '2026-11-20 12:00:00' + INTERVAL \(updated) SECOND
                    """)
                rows.append((history.id, Int64(status.rawValue), created, updated))
            }
            let keys = Dictionary(
                uniqueKeysWithValues: rows.map { row in
                    let key: Int64 =
                        switch sort {
                        case .id: 0
                        case .status: row.status
                        case .createdAt: row.created ?? -1
                        case .updatedAt: row.updated ?? -1
                        }
                    return (row.id, key)
                })
            var expected = rows.map(\.id).sorted { (keys[$0] ?? 0, $0) < (keys[$1] ?? 0, $1) }
            if isDescending { expected.reverse() }

            let path = "\(scene.wishlist.path)/histories?sort=\(isDescending ? "-" : "")\(sort.rawValue)&per_page=4"
            let pages = try await walk(service, path, token: scene.token)
            #expect(pages.flatMap { $0 } == expected)
            #expect(pages.map(\.count) == [4, 4, 4, 4, 4, 3])

            let cursors = try await walk(service, "\(path)&cursor=", token: scene.token)
            #expect(cursors.flatMap { $0 } == expected)
            #expect(cursors == pages)

            // To the last page, then back.
            var last = "\(path)&cursor="
            while true {
                let answer = try await service.get(last, token: scene.token)
                guard let next = answer.json?["links"]?["next"]?.string else { break }
                last = String(next.dropFirst(service.instance.url.count))
            }
            let back = try await walk(service, last, token: scene.token, link: "prev")
            #expect(Array(back.reversed()) == pages)
        }
    }

    @Test func aCursorPageIsLaravels() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let histories = try await service.completedHistories(3, of: scene.wishlist)
            let path = "\(scene.wishlist.path)/histories"
            let first = try await service.get("\(path)?per_page=1&cursor=", token: scene.token)
            let next = try #require(first.json?["meta"]?["next_cursor"]?.string)
            let url = service.instance.url + path
            #expect(
                first.text.split(separator: "]", maxSplits: 1).last.map(String.init) == """
                    ,"links":{"first":null,"last":null,"prev":null,"next":"\(url)?per_page=1&cursor=\(next)"},\
                    "meta":{"path":"\(url)","per_page":1,"next_cursor":"\(next)","prev_cursor":null}}
                    """)
            let cursor = try #require(HistoryCursor(text: next, sort: .id))
            #expect(cursor == HistoryCursor(position: .init(key: .id, id: histories[2].id), pointsToNext: true))
            let second = try await service.get("\(path)?per_page=1&cursor=\(next)", token: scene.token)
            let previous = try #require(second.json?["meta"]?["prev_cursor"]?.string)
            let pointsBack = HistoryCursor(position: .init(key: .id, id: histories[1].id), pointsToNext: false)
            #expect(HistoryCursor(text: previous, sort: .id) == pointsBack)
        }
    }
}
