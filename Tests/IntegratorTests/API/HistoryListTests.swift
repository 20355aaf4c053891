import JSON
import MySQL
import Store
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator
@testable import Web

/// `GET .../histories`: Laravel's paginated resource.
@Suite(.timeLimit(.minutes(10))) struct HistoryListTests {
    @Test func aPageIsLaravelsToTheLetter() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let histories = try await service.completedHistories(5, of: scene.wishlist)
            let path = "\(scene.wishlist.path)/histories"
            let answer = try await service.get("\(path)?page=2&per_page=2&sort=id", token: scene.token)
            #expect(answer.status == 200)
            #expect(answer.header("Content-Type") == "application/json")
            #expect(answer.ids == [histories[2].id, histories[3].id])
            let url = service.instance.url + path
            let query = "?per_page=2&sort=id&page="
            let rest = answer.text.split(separator: "]", maxSplits: 1).last.map(String.init)
            #expect(
                rest == """
                    ,"links":{"first":"\(url)\(query)1","last":"\(url)\(query)3","prev":"\(url)\(query)1",\
                    "next":"\(url)\(query)3"},"meta":{"current_page":2,"from":3,"last_page":3,"links":[\
                    {"url":"\(url)\(query)1","label":"&laquo; Previous","page":1,"active":false},\
                    {"url":"\(url)\(query)1","label":"1","page":1,"active":false},\
                    {"url":"\(url)\(query)2","label":"2","page":2,"active":true},\
                    {"url":"\(url)\(query)3","label":"3","page":3,"active":false},\
                    {"url":"\(url)\(query)3","label":"Next &raquo;","page":3,"active":false}],\
                    "path":"\(url)","per_page":2,"to":4,"total":5}}
                    """)
        }
    }

    @Test func aResourceHasAllItsMembers() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist, status: .failed, createdBy: scene.user)
            try await service.change(
                history,
                """
                name = 'Été', progress = 20, stage = 'embedding', message = 'm', error_code = 'c', \
                error_message = 'e', revision = 7, result = '{"rows": 3}', created_at = '2026-11-20 12:00:00.5', \
                updated_at = '2026-11-20 12:01:00', started_at = '2026-11-20 12:00:30', finished_at = NULL, \
                notifications = 1, heard_at = '2026-11-20 12:00:40', deadline_at = '2099-11-20 12:30:00', \
                redelivery_asked_at = '2026-11-20 12:27:00'
                """)
            try await service.execute(HistoryTable.setRetryableStatement(true, of: history.id))
            let expected = """
                {"id":\(history.id),"dataset_id":\(history.datasetID ?? 0),"reference":"\(history.reference ?? "")",\
                "slug":"\(scene.wishlist.slug)","name":"Été","status":4,"status_label":"failed","progress":20,\
                "stage":"embedding","message":"m","revision":7,"notifications":"milestones",\
                "error":{"code":"c","message":"e","retryable":true},\
                "result":{"rows": 3},"created_by":\(scene.user),"created_at":"2026-11-20T12:00:00.500000Z",\
                "updated_at":"2026-11-20T12:01:00.000000Z","started_at":"2026-11-20T12:00:30.000000Z",\
                "finished_at":null,"heard_at":"2026-11-20T12:00:40.000000Z",\
                "deadline_at":"2099-11-20T12:30:00.000000Z","redelivery_asked_at":"2026-11-20T12:27:00.000000Z",\
                "created_by_name":"Ada"}
                """
            let list = try await service.get("\(scene.wishlist.path)/histories", token: scene.token)
            #expect(list.text.hasPrefix(#"{"data":[\#(expected)],"#))
            let one = try await service.get("\(scene.wishlist.path)/histories/\(history.id)", token: scene.token)
            #expect(one.text == #"{"data":\#(expected)}"#)
        }
    }

    @Test func beyondTheEndThereIsNothing() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let path = "\(scene.wishlist.path)/histories"
            let empty = try await service.get(path, token: scene.token)
            let meta = empty.json?["meta"]
            #expect(empty.data?.elements.count == 0)
            #expect(meta?["current_page"]?.int == 1 && meta?["last_page"]?.int == 1 && meta?["total"]?.int == 0)
            #expect(meta?["from"]?.kind == .null && meta?["to"]?.kind == .null && meta?["per_page"]?.int == 15)

            _ = try await service.completedHistories(3, of: scene.wishlist)
            let beyond = try await service.get("\(path)?page=9&per_page=1", token: scene.token)
            #expect(beyond.status == 200 && beyond.ids.isEmpty)
            #expect(beyond.json?["links"]?["prev"]?.string == "\(service.instance.url)\(path)?per_page=1&page=8")
            #expect(beyond.json?["links"]?["next"]?.kind == .null)
            #expect(beyond.json?["meta"]?["from"]?.kind == .null)
            let far = try await service.get("\(path)?page=1000000000&per_page=100", token: scene.token)
            #expect(far.status == 200 && far.ids.isEmpty)
        }
    }

    /// The pages that Laravel's `UrlWindow` links to.
    @Test(arguments: [
        (1, 1, "1"), (1, 13, "1 2 3 4 5 6 7 8 9 10 11 12 13"), (1, 14, "1 2 3 4 5 6 7 8 9 10 . 13 14"),
        (7, 20, "1 2 3 4 5 6 7 8 9 10 . 19 20"), (8, 20, "1 2 . 5 6 7 8 9 10 11 . 19 20"),
        (13, 20, "1 2 . 10 11 12 13 14 15 16 . 19 20"), (14, 20, "1 2 . 11 12 13 14 15 16 17 18 19 20"),
        (20, 20, "1 2 . 11 12 13 14 15 16 17 18 19 20"), (99, 20, "1 2 . 11 12 13 14 15 16 17 18 19 20"),
    ])
    func theWindowIsLaravels(page: Int, last: Int, expected: String) {
        #expect(
            Pagination.window(page: page, last: last).map { $0.map(String.init) ?? "." }.joined(separator: " ")
                == expected)
    }

    @Test func aGapHasNoPage() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            try await service.execute(
                """
                INSERT INTO wishlist_dataset_histories (wishlist_to_group_id, slug, status) \
                SELECT \(scene.wishlist.id), 's', 3 FROM \(SQL.numbers(upTo: 20))
                """)
            let answer = try await service.get("\(scene.wishlist.path)/histories?per_page=1", token: scene.token)
            let gap = answer.json?["meta"]?["links"]?.elements.first { $0["label"]?.string == "..." }
            #expect(
                gap.map { String(decoding: $0.raw, as: UTF8.self) } == #"{"url":null,"label":"...","active":false}"#)
        }
    }

    @Test func linksKeepTheQueryAsPHPWritesIt() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let path = "\(scene.wishlist.path)/histories"
            let answer = try await service.get(
                "\(path)?page=1&status[]=1&status%5B%5D=processing&created_from=2026-11-01T00:00:00%2B01:00",
                token: scene.token)
            #expect(
                answer.json?["links"]?["first"]?.string == """
                    \(service.instance.url)\(path)?status%5B0%5D=1&status%5B1%5D=processing\
                    &created_from=2026-11-01T00%3A00%3A00%2B01%3A00&page=1
                    """)
        }
    }

    /// Not the host that a client names: it may be anybody's.
    @Test func linksNameThePublicURL() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            for webhook in [1, 2] {
                _ = try await service.post(
                    TestWebhook(.datasetProgress, of: history, sequence: Int64(webhook), more: #""progress": 1"#))
            }
            let headers = [("Host", "evil.example.com:81"), ("X-Forwarded-Proto", "http")]
            let histories = "\(scene.wishlist.path)/histories"
            for (path, member) in [
                (histories, "first"), ("/api/v1/wishlist-to-group", "first"),
                ("\(histories)/\(history.id)/events?per_page=1", "next"),
                ("\(histories)/\(history.id)/events?per_page=1&before=", "next"),
            ] {
                let answer = try await service.get(path, token: scene.token, headers: headers)
                let link = try #require(answer.json?["links"]?[member]?.string)
                let publicURL = service.instance.service.configuration.publicURL
                #expect(link.hasPrefix("\(publicURL)\(path.prefix { $0 != "?" })?"), "\(link)")
                #expect(!answer.text.contains("evil"))
            }
        }
    }

    @Test func anUnchangedPageIsNotSentAgain() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let histories = try await service.completedHistories(2, of: scene.wishlist)
            for path in [
                "\(scene.wishlist.path)/histories", "\(scene.wishlist.path)/histories/\(histories[0].id)",
                "\(scene.wishlist.path)/histories/\(histories[0].id)/events", "/openapi.json",
            ] {
                let first = try await service.get(path, token: scene.token)
                let tag = try #require(first.header("ETag"))
                #expect(tag.hasPrefix("W/\"") && tag.hasSuffix("\""))
                for known in [tag, "\"other\", \(tag)", String(tag.dropFirst(2)), "*"] {
                    let again = try await service.get(path, token: scene.token, headers: [("If-None-Match", known)])
                    #expect(again.status == 304 && again.body.isEmpty)
                    #expect(again.header("ETag") == tag)
                }
                let other = try await service.get(path, token: scene.token, headers: [("If-None-Match", "\"x\"")])
                #expect(other.status == 200 && other.body == first.body)
            }
            let tag = try await service.get("\(scene.wishlist.path)/histories", token: scene.token).header("ETag")
            try await service.change(histories[1], "progress = 99")
            let changed = try await service.get(
                "\(scene.wishlist.path)/histories", token: scene.token, headers: [("If-None-Match", tag ?? "")])
            #expect(changed.status == 200)
        }
    }
}
