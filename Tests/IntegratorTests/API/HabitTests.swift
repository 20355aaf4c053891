import HTTPServer
import JSON
import MySQL
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import Web

/// What Laravel's clients, browsers and proxies do besides the contract's words.
@Suite(.timeLimit(.minutes(5))) struct HabitTests {
    // MARK: Preflights

    private static let origin = "https://console.example.com"

    @Test func preflightsGetTheHeadersTheyAskFor() async throws {
        let origin = Self.origin
        try await ServiceUnderTest.with(["CORS_ALLOWED_ORIGINS": origin]) { service in
            func allowed(_ asked: [String], from sender: String = Self.origin) async throws -> String? {
                let answer = try await service.api(
                    "OPTIONS", "/broadcasting/auth",
                    headers: [("Origin", sender), ("Access-Control-Request-Method", "POST")]
                        + asked.map { ("Access-Control-Request-Headers", $0) })
                #expect(answer.status == 204)
                return answer.header("Access-Control-Allow-Headers")
            }
            let plain = try #require(try await allowed([]))
            #expect(plain.contains("Authorization") && !plain.contains("traceparent"))
            let asked = "authorization,baggage,sentry-trace, traceparent,x-csrf-token ,x-xsrf-token"
            let more = try await allowed([asked])
            #expect(more == plain + ", baggage, sentry-trace, traceparent, x-csrf-token, x-xsrf-token")
            #expect(try await allowed(["b3,", ",b3", "x-a"]) == plain + ", b3, x-a")
            for bad in [
                "x-a, x b", "x(a)", "x-\u{E9}", "x\"y", "*,a@b", String(repeating: "a", count: 2049),
                (0...50).map { "x-\($0)" }.joined(separator: ","),
            ] {
                #expect(try await allowed([bad]) == plain, "\(bad)")
            }
            #expect(try await allowed([asked], from: "https://b.example") == nil)
        }
    }

    // MARK: Paths

    /// Laravel's `.htaccess` redirects `GET /a/` to `/a`, its router takes both.
    @Test func aTrailingSlashIsTheSameResource() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let wishlist = scene.wishlist.path
            for path in [
                "/api/v1/wishlist-to-group", "\(wishlist)/histories", "\(wishlist)/histories/\(history.id)",
                "\(wishlist)/histories/\(history.id)/events", "/openapi.json", "/health/live",
            ] {
                for method in ["GET", "HEAD"] {
                    let plain = try await service.api(method, path, token: scene.token)
                    for slashes in ["/", "//"] {
                        let answer = try await service.api(method, path + slashes, token: scene.token)
                        #expect(answer.status == 200 && plain.status == 200, "\(method) \(path)\(slashes)")
                        #expect(answer.text == plain.text && answer.header("ETag") == plain.header("ETag"))
                    }
                }
            }
            #expect(try await service.api("OPTIONS", "/broadcasting/auth/").header("Allow") == "OPTIONS, POST")
            #expect(try await service.api("GET", "/api/v1/wishlist-to-group//histories").status == 404)
            let created = try await service.api("POST", "\(wishlist)/createAnalysis/", token: scene.token)
            #expect(created.status == 409 && created.code == "dataset_already_processing")
            let webhook = TestWebhook(.datasetStarted, of: history, sequence: 1)
            let taken = try await service.post(webhook, path: "/webhooks/tv-python/")
            #expect(taken.status == 200 && taken.outcome == "applied")
        }
    }

    /// A page names its files relative to its own place.
    @Test func aPageWithATrailingSlashLeadsToItself() async throws {
        try await ServiceUnderTest.with { service in
            let answer = try await service.api("GET", "/console/")
            #expect(answer.status == 308 && answer.header("Location") == "../console")
            #expect(try await service.api("GET", "/console").status == 200)
        }
    }

    // MARK: Methods

    @Test(
        arguments: [
            ("PATCH", nil, nil), ("patch", nil, nil), (nil, "PATCH", nil), (nil, "Patch", nil), (nil, nil, "PATCH"),
            ("PATCH", "DELETE", nil), ("", "patch", nil),
        ] as [(String?, String?, String?)])
    func aPostMayStandForAPatch(header: String?, field: String?, query: String?) async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            _ = try await service.history(of: scene.wishlist, status: .completed)
            let method = field.map { #", "_method": "\#($0)""# } ?? ""
            let form = field.map { "&_method=\($0)" } ?? ""
            for (body, type, status) in [
                (#"{"training_status": "requested"\#(method)}"#, "application/json", "requested"),
                ("training_status=canceled&_token=x\(form)", "application/x-www-form-urlencoded", "canceled"),
            ] {
                let answer = try await service.api(
                    "POST", "\(scene.wishlist.path)/update-training-status" + (query.map { "?_method=\($0)" } ?? ""),
                    token: scene.token, body: body,
                    headers: [("Content-Type", type)] + (header.map { [("X-HTTP-Method-Override", $0)] } ?? []))
                #expect(answer.status == 200, "\(answer.text)")
                #expect(answer.data?["training_status_label"]?.string == status)
            }
        }
    }

    @Test(arguments: [
        ("GET", "PATCH", 405), ("PUT", "PATCH", 405), ("POST", "DELETE", 405), ("POST", "LINK", 405),
        ("POST", "GET", 405), ("POST", "HEAD", 405), ("POST", "PA TCH", 400), ("POST", "../x", 400),
        ("POST", "P4TCH", 400), ("PATCH", "DELETE", 200),
    ])
    func onlyAPostStandsForAnother(method: String, other: String, status: Int) async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            _ = try await service.history(of: scene.wishlist, status: .completed)
            let answer = try await service.api(
                method, "\(scene.wishlist.path)/update-training-status", token: scene.token,
                body: method == "GET" ? nil : #"{"training_status": "requested", "_method": "\#(other)"}"#,
                headers: [("X-HTTP-Method-Override", other)])
            #expect(answer.status == status, "\(answer.text)")
        }
    }

    // MARK: Bodies

    private static let boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW"

    private static func multipart(_ fields: [(String, String)]) -> String {
        fields.map { "--\(boundary)\r\nContent-Disposition: form-data; name=\"\($0)\"\r\n\r\n\($1)\r\n" }.joined()
            + "--\(boundary)--\r\n"
    }

    @Test(arguments: [
        ("application/x-www-form-urlencoded", "name=Gr%C3%BCn+1&notifications=milestones"),
        ("Application/X-WWW-Form-URLEncoded; charset=UTF-8", "name=x&name=Gr%C3%BCn%201&notifications=milestones"),
        (
            "multipart/form-data; boundary=\(boundary)",
            multipart([("_token", "t"), ("name", "Grün 1"), ("notifications", "milestones")])
        ),
        (
            "multipart/form-data; charset=utf-8; boundary=\"\(boundary)\"",
            "preamble\r\n" + multipart([("name", "Grün 1"), ("notifications", "milestones")]) + "epilogue"
        ),
        ("application/vnd.api+json; charset=utf-8", #"{"name": "Grün 1", "notifications": "milestones"}"#),
        ("application/JSON;charset=UTF-8", #" {"name": "Grün 1", "notifications": "milestones", "_token": "t"}"#),
        ("", #"{"name": "Grün 1", "notifications": "milestones"}"#),
    ])
    func datasetsAreCreatedFromFormsToo(type: String, body: String) async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let request = APIRequest(
                http: HTTPRequest(
                    method: "POST", path: "/", headers: HTTPHeaders(type.isEmpty ? [] : [("Content-Type", type)]),
                    body: Array(body.utf8)), id: "1")
            #expect(try request.members(orElse: 422).map(\.name) == ["name", "notifications"])
            if type.isEmpty { return }
            let answer = try await service.create(
                scene.wishlist, token: scene.token, body: body, headers: [("Content-Type", type)])
            #expect(answer.status == 201, "\(answer.text)")
            #expect(answer.data?["name"]?.string == "Grün 1")
            #expect(answer.data?["notifications"]?.string == "milestones")
        }
    }

    @Test func emptyFieldsAreNull() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let form = [(name: "Content-Type", value: "application/x-www-form-urlencoded")]
            let created = try await service.create(
                scene.wishlist, token: scene.token, body: "name=&notifications=&_method=POST", headers: form)
            #expect(created.status == 201 && created.data?["notifications"]?.string == "all")
            let id = try #require(created.data?["id"]?.int)
            try await service.execute(
                "UPDATE wishlist_dataset_histories SET status = 3 WHERE id = \(id)")
            let trained = try await service.api(
                "PATCH", "\(scene.wishlist.path)/update-tranning-status", token: scene.token,
                body: "tranning_status=1&scheduled_at=", headers: form)
            #expect(trained.status == 200 && trained.data?["training_scheduled_at"]?.kind == .null, "\(trained.text)")
        }
    }

    @Test(arguments: [
        ("application/x-www-form-urlencoded", "name=%zz"), ("application/x-www-form-urlencoded", "name=%ff"),
        ("application/x-www-form-urlencoded", (0...100).map { "f\($0)=" }.joined(separator: "&")),
        ("application/x-www-form-urlencoded", "name[]=a"), ("application/x-www-form-urlencoded", "colour=red"),
        ("multipart/form-data", "name=x"), ("multipart/form-data; boundary=", "--\r\n"),
        ("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nx"),
        ("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--"),
        ("multipart/form-data; boundary=b", "--bname\r\n\r\nx\r\n--b--"),
        (
            "multipart/form-data; boundary=b",
            "--b\r\nContent-Disposition: form-data; name=\"name\"; filename=\"a.txt\"\r\n\r\nx\r\n--b--"
        ),
        (
            "multipart/form-data; boundary=b",
            String(repeating: "--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nx\r\n", count: 101) + "--b--"
        ),
        ("application/json", "{"), ("application/json", "[]"), ("application/json", "name=x"),
    ])
    func whatIsNoFormIsRefused(type: String, body: String) async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let answer = try await service.create(
                scene.wishlist, token: scene.token, body: body, headers: [("Content-Type", type)])
            #expect(answer.status == 422 && answer.code == "invalid_body", "\(answer.text)")
            #expect(!answer.faults.isEmpty)
        }
    }

    /// pusher-js sends a form; some clients JSON, without saying so.
    @Test(arguments: [
        ("application/x-www-form-urlencoded; charset=UTF-8", "socket_id=1.2&channel_name=CHANNEL"),
        ("multipart/form-data; boundary=\(boundary)", multipart([("socket_id", "1.2"), ("channel_name", "CHANNEL")])),
        ("application/json", #"{"socket_id": "1.2", "channel_name": "CHANNEL"}"#),
        ("application/vnd.api+json", #"{"socket_id": "1.2", "channel_name": "CHANNEL"}"#),
        ("text/plain", "socket_id=1.2&channel_name=CHANNEL"),
    ])
    func channelsAreJoinedWithAnyBody(type: String, body: String) async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let answer = try await service.api(
                "POST", "/broadcasting/auth", token: scene.token,
                body: body.replacing("CHANNEL", with: scene.wishlist.wishlistChannel), headers: [("Content-Type", type)]
            )
            #expect(answer.status == 200, "\(answer.text)")
        }
    }

    // MARK: Queries

    /// The lists of a query as PHP's `parse_str` numbers them.
    @Test(
        arguments: [
            ("status[]=1&status[0]=2", ["2"], "status%5B0%5D=2&"),
            ("status[0]=2&status[]=1", ["2", "1"], "status%5B0%5D=2&status%5B1%5D=1&"),
            ("status[5]=a&status[]=b&status[5]=c", ["c", "b"], "status%5B5%5D=c&status%5B6%5D=b&"),
            ("status=1&status=2", ["1", "2"], "status%5B0%5D=1&status%5B1%5D=2&"),
            ("status[]=1,2&status[]=3", ["1", "2", "3"], "status%5B0%5D=1%2C2&status%5B1%5D=3&"),
            ("status[99999999999999999999]=1&status[]=2", ["1", "2"], nil),
            ("status[9223372036854775807]=1&status[]=2", ["1", "2"], nil),
            ("sort=a&sort=b", nil, "sort=b&"),
        ] as [(String, [String]?, String?)])
    func listsAreReadAsPHPReadsThem(query: String, values: [String]?, link: String?) throws {
        var reader = try QueryReader(HTTPRequest(method: "GET", path: "/", query: query))
        #expect(reader.list("status") == values)
        if let link { #expect(reader.queryString(without: []) == link) }
    }

    // MARK: Channels

    @Test(arguments: ["grün", "a b", String(repeating: "x", count: 165)], [true, false])
    func aSlugThatIsNoChannelIsToldOnTheGroupsChannel(slug: String, isGroupConfigured: Bool) async throws {
        let channels = isGroupConfigured ? "wishlist,presence,group" : "wishlist"
        try await ServiceUnderTest.with(["PUSHER_CHANNELS": channels]) { service in
            let user = try await service.user()
            let group = try await service.group()
            try await service.member(user, of: group)
            let token = try await service.token(of: user)
            let wishlist = try await service.wishlist(of: group, slug: slug)
            let histories = [try await service.history(of: wishlist)]
            for sequence in 1...3 {
                let answer = try await service.post(
                    TestWebhook(.datasetProgress, of: histories[0], sequence: Int64(sequence)))
                #expect(answer.outcome == "applied")
            }
            let events = try await service.sandbox.pusher.events.wait(timeout: .seconds(20)) { events in
                events.compactMap(PushedEvent.init).contains { $0.revision == 3 }
            }
            #expect(Set(events.flatMap(\.channels)) == ["private-group.\(group)"])
            let list = try await service.get("/api/v1/wishlist-to-group", token: token)
            #expect(
                list.data?.elements.first?["channels"]?.elements.map(\.string) == ["private-group.\(group)"])
            let warnings = service.log.all.filter { $0.contains("cannot be a channel's name") }
            #expect(warnings.count == 1)
            #expect(try await service.number("SELECT COUNT(*) FROM wishlist_dataset_dead_letters") == 0)
        }
    }
}
