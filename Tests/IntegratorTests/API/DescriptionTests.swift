import HTTPClient
import JSON
import MySQL
import Synchronization
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import Web

/// `/openapi.json` is true to the service: every operation is called, every status that it names is met, and every answer is
/// as it says.
@Suite(.timeLimit(.minutes(10))) struct DescriptionTests {
    /// Calls operations and checks what comes back.
    private final class Walker: Sendable {
        let checker: SchemaChecker
        let seen = Mutex<Set<String>>([])

        init(_ document: JSONView) {
            checker = SchemaChecker(document: document)
        }

        /// Calls an operation and checks that its answer has this status and is described.
        func call(
            _ service: ServiceUnderTest, _ method: String, _ template: String, slug: String = "", id: Int64 = 0,
            query: String = "", token: String?, body: String? = nil, headers: [(name: String, value: String)] = [],
            expecting status: Int
        ) async throws -> HTTPAnswer {
            let path = template.replacing("{slug}", with: slug).replacing("{id}", with: "\(id)")
            let answer = try await service.api(method, path + query, token: token, body: body, headers: headers)
            let place = "\(method) \(template) \(status)"
            #expect(answer.status == status, "\(place): \(answer.text)")
            let operation = checker.document["paths"]?[template]?[method.lowercased()]
            if status == 304 {
                // Told in prose: a generated client would get a type for it that says nothing.
                let parameters = operation?["parameters"]?.elements.map { checker.resolve($0)["name"]?.string }
                #expect(parameters?.contains("If-None-Match") == true, "\(place)")
                #expect(answer.body.isEmpty && answer.header("ETag") != nil, "\(place)")
                return answer
            }
            let described = try #require(operation?["responses"]?["\(answer.status)"], "\(place) is not described")
            let response = checker.resolve(described)
            for (name, header) in response["headers"]?.members ?? [] {
                let header = checker.resolve(header)
                if header["required"]?.bool == true { #expect(answer.header(name) != nil, "\(place): \(name)") }
                if let value = answer.header(name), header["schema"]?["type"]?.string == "integer" {
                    #expect(Int64(value) != nil, "\(place): \(name)")
                }
            }
            if let schema = response["content"]?["application/json"]?["schema"] {
                #expect(answer.header("Content-Type") == "application/json", "\(place)")
                let value = try #require(answer.json, "\(place)")
                let faults = checker.faults(value, schema)
                #expect(faults.isEmpty, "\(place): \(faults) in \(answer.text.prefix(400))")
                if schema["$ref"]?.string?.hasSuffix("/Error") == true, let code = answer.code {
                    let codes = response["content"]?["application/json"]?["examples"]?.members.map(\.name)
                    #expect(codes?.contains(code) == true, "\(place): \(code) is not described")
                }
            } else if response["content"] == nil {
                #expect(answer.body.isEmpty, "\(place)")
            }
            seen.withLock { _ = $0.insert(place) }
            return answer
        }
    }

    private let wishlists = "/api/v1/wishlist-to-group"
    private let wishlist = "/api/v1/wishlist-to-group/{slug}"

    @Test func theServiceIsAsDescribed() async throws {
        let document = try JSONDocument(parsing: DescriptionEndpoint.document).root
        let walker = Walker(document)
        try await ServiceUnderTest.with { service in
            try await walkGuards(walker, service)
            try await walkReading(walker, service)
            try await walkCreate(walker, service)
            try await walkTraining(walker, service)
            try await walkRest(walker, service)
        }
        try await ServiceUnderTest.with(["RATE_LIMIT_PER_MINUTE": "1"]) { service in
            for (method, path) in guarded {
                let scene = try await service.scene()
                _ = try await service.get("/api/v1/wishlist-to-group/x/histories", token: scene.token)
                _ = try await walker.call(
                    service, method, path, slug: scene.wishlist.slug, id: 1, token: scene.token, expecting: 429)
            }
        }
        try await ServiceUnderTest.with(
            ["TV_API_URL": "http://127.0.0.1:9", "TV_API_DEADLINE_SECONDS": "1"], registered: false
        ) { service in
            let scene = try await service.scene()
            try await service.execute("DELETE FROM integrator_migrations LIMIT 1")
            _ = try await walker.call(service, "GET", "/health/ready", token: nil, expecting: 503)
            _ = try await walker.call(
                service, "POST", "\(wishlist)/createAnalysis", slug: scene.wishlist.slug, token: scene.token,
                expecting: 503)
        }
        let described = document["paths"]?.members.flatMap { path, item in
            item.members.flatMap { method, operation in
                (operation["responses"]?.members ?? []).map { "\(method.uppercased()) \(path) \($0.name)" }
            }
        }
        let missed = Set(described ?? []).filter { !$0.hasSuffix(" default") }
            .subtracting(walker.seen.withLock { $0 })
        #expect(missed.isEmpty, "\(missed.sorted())")
    }

    /// Each answer has an example, and each example is as its schema says; what is described is fit for generators.
    @Test func examplesAreAsDescribed() throws {
        let document = try JSONDocument(parsing: DescriptionEndpoint.document).root
        let checker = SchemaChecker(document: document)
        for (path, item) in document["paths"]?.members ?? [] {
            for (method, operation) in item.members {
                for (status, response) in operation["responses"]?.members ?? [] {
                    for (type, media) in checker.resolve(response)["content"]?.members ?? [] {
                        let place = "\(method) \(path) \(status) \(type)"
                        let examples = media["examples"]?.members ?? []
                        #expect(!examples.isEmpty, "\(place)")
                        for (name, example) in examples {
                            let value = try #require(example["value"], "\(place) \(name)")
                            let faults = media["schema"].map { checker.faults(value, $0) } ?? ["no schema"]
                            #expect(faults.isEmpty, "\(place) \(name): \(faults)")
                        }
                    }
                }
                for parameter in operation["parameters"]?.elements ?? [] where parameter["name"]?.string == "page" {
                    #expect(parameter["schema"]?["default"] == nil, "a generated client would send it: \(path)")
                }
            }
        }
        let notification = document["webhooks"]?["notification"]?["post"]?["requestBody"]?["content"]?[
            "application/json"]
        for (name, example) in notification?["examples"]?.members ?? [] {
            let faults = try checker.faults(#require(example["value"]), #require(notification?["schema"]))
            #expect(faults.isEmpty, "\(name): \(faults)")
        }
        for (name, schema) in document["components"]?["schemas"]?.members ?? [] {
            #expect(schema["description"] != nil || schema["properties"] != nil, "\(name)")
            if !name.hasSuffix("Request") { #expect(schema["additionalProperties"]?.bool != false, "\(name)") }
            if schema["type"]?.string == "integer", let numbers = schema["enum"]?.elements {
                #expect(schema["x-enum-varnames"]?.elements.count == numbers.count, "\(name)")
            }
        }
    }

    /// What is pushed is a `Notification` of the description.
    @Test func notificationsAreAsDescribed() async throws {
        let document = try JSONDocument(parsing: DescriptionEndpoint.document).root
        let checker = SchemaChecker(document: document)
        let schemas = document["components"]?["schemas"]
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            _ = try await service.post(TestWebhook(.datasetProgress, of: history, sequence: 1, more: #""progress": 1"#))
            _ = try await service.post(TestWebhook(.datasetCompleted, of: history, sequence: 2))
            _ = try await service.post(TestWebhook(.trainingStarted, of: history, sequence: 3))
            let pushed = try await service.waitForPushed(of: history.id) {
                $0.contains { $0.name == "training.updated" }
            }
            for event in pushed {
                let faults = try checker.faults(event.data, #require(schemas?["Notification"]))
                #expect(faults.isEmpty, "\(event.name): \(faults)")
                #expect(
                    schemas?["NotificationName"]?["enum"]?.elements.contains { $0.string == event.name } == true,
                    "\(event.name)")
            }
        }
    }

    private var guarded: [(method: String, path: String)] {
        [
            ("POST", "\(wishlist)/createAnalysis"), ("GET", "\(wishlist)/histories"),
            ("GET", "\(wishlist)/histories/{id}"), ("GET", "\(wishlist)/histories/{id}/events"),
            ("PATCH", "\(wishlist)/update-tranning-status"), ("PATCH", "\(wishlist)/update-training-status"),
            ("GET", wishlists), ("POST", "/broadcasting/auth"),
        ]
    }

    private func walkGuards(_ walker: Walker, _ service: ServiceUnderTest) async throws {
        let scene = try await service.scene(abilities: "[]")
        let outsider = try await service.token(of: try await service.user())
        for (method, path) in guarded {
            let slug = scene.wishlist.slug
            _ = try await walker.call(service, method, path, slug: slug, id: 1, token: nil, expecting: 401)
            _ = try await walker.call(service, method, path, slug: slug, id: 1, token: scene.token, expecting: 403)
            if path.hasPrefix(wishlist) {
                _ = try await walker.call(service, method, path, slug: slug, id: 1, token: outsider, expecting: 404)
            }
        }
    }

    private func walkReading(_ walker: Walker, _ service: ServiceUnderTest) async throws {
        let scene = try await service.scene()
        let slug = scene.wishlist.slug
        var histories = try await service.completedHistories(16, of: scene.wishlist)
        let failed = try await service.history(of: scene.wishlist)
        for webhook in [
            TestWebhook(.datasetProgress, of: failed, sequence: 1),
            TestWebhook(.datasetFailed, of: failed, sequence: 2),
        ] {
            _ = try await service.post(webhook)
        }
        histories.append(failed)
        let bare = try await service.history(of: scene.wishlist, status: .stalled, datasetID: nil, reference: nil)
        try await service.change(bare, "created_at = NULL, updated_at = NULL")
        let id = failed.id
        for query in ["", "?page=2&per_page=1", "?page=99", "?cursor=", "?cursor=&per_page=2&sort=-updated_at"] {
            _ = try await walker.call(
                service, "GET", "\(wishlist)/histories", slug: slug, query: query, token: scene.token, expecting: 200)
        }
        for path in [
            wishlists, "\(wishlist)/histories", "\(wishlist)/histories/{id}", "\(wishlist)/histories/{id}/events",
        ] {
            let answer = try await walker.call(
                service, "GET", path, slug: slug, id: id, token: scene.token, expecting: 200)
            _ = try await walker.call(
                service, "GET", path, slug: slug, id: id, token: scene.token,
                headers: [("If-None-Match", answer.header("ETag") ?? "")], expecting: 304)
            for query in ["?x=1", "?%zz"] {
                _ = try await walker.call(
                    service, "GET", path, slug: slug, id: id, query: query, token: scene.token, expecting: 400)
            }
        }
        _ = try await walker.call(
            service, "GET", "\(wishlist)/histories/{id}/events", slug: slug, id: id, query: "?per_page=1",
            token: scene.token, expecting: 200)
        _ = try await walker.call(
            service, "GET", "\(wishlist)/histories/{id}/events", slug: slug, id: id, query: "?per_page=1&before=",
            token: scene.token, expecting: 200)
    }

    private func walkCreate(_ walker: Walker, _ service: ServiceUnderTest) async throws {
        let scene = try await service.scene()
        func create(
            _ wishlist: TestWishlist, body: String? = nil, headers: [(name: String, value: String)] = [],
            expecting status: Int
        ) async throws {
            _ = try await walker.call(
                service, "POST", "\(self.wishlist)/createAnalysis", slug: wishlist.slug, token: scene.token, body: body,
                headers: headers, expecting: status)
        }
        try await create(scene.wishlist, headers: [("Idempotency-Key", "a b")], expecting: 400)
        try await create(scene.wishlist, body: "{}", headers: [("Content-Type", "text/plain")], expecting: 415)
        try await create(scene.wishlist, body: #"{"x": 1, "name": 5}"#, expecting: 422)
        let group = scene.wishlist.groupID
        try await create(try await service.wishlist(of: group, products: 0), expecting: 422)
        try await create(try await service.wishlist(of: group, status: 0), expecting: 409)
        let busy = try await service.wishlist(of: group)
        _ = try await service.history(of: busy, status: .processing)
        try await create(busy, expecting: 409)
        for _ in 0..<2 {
            try await create(
                scene.wishlist, body: #"{"name": "A"}"#, headers: [("Idempotency-Key", "k")], expecting: 201)
        }
        try await create(scene.wishlist, body: "{}", headers: [("Idempotency-Key", "k")], expecting: 422)
        let poor = try await service.group(stripeStatus: nil)
        try await service.member(scene.user, of: poor)
        try await create(try await service.wishlist(of: poor), expecting: 402)
        var scenario = Scenario()
        scenario.createFaults = [.status(422)]
        service.sandbox.tv.setNext(scenario)
        try await create(try await service.wishlist(of: group), expecting: 502)
    }

    private func walkTraining(_ walker: Walker, _ service: ServiceUnderTest) async throws {
        for path in ["\(wishlist)/update-tranning-status", "\(wishlist)/update-training-status"] {
            let scene = try await service.scene()
            func set(_ token: String, _ body: String, type: String = "application/json", _ status: Int) async throws {
                _ = try await walker.call(
                    service, "PATCH", path, slug: scene.wishlist.slug, token: token, body: body,
                    headers: [("Content-Type", type)], expecting: status)
            }
            try await set(scene.token, #"{"training_status": 1}"#, 409)
            let history = try await service.history(of: scene.wishlist, status: .completed)
            try await set(scene.token, #"{"training_status": 3}"#, 400)
            try await set(scene.token, "{}", 400)
            try await set(scene.token, "{}", type: "text/plain", 415)
            for time in ["null", #""2126-01-01T00:00:00Z""#] {
                try await set(scene.token, #"{"training_status": 1, "scheduled_at": \#(time)}"#, 200)
            }
            let viewer = try await service.user()
            try await service.member(viewer, of: scene.wishlist.groupID, role: "viewer")
            try await set(try await service.token(of: viewer), "{}", 403)
            _ = try await walker.call(
                service, "GET", "\(wishlist)/histories/{id}/events", slug: scene.wishlist.slug, id: history.id,
                token: scene.token, expecting: 200)
        }
    }

    private func walkRest(_ walker: Walker, _ service: ServiceUnderTest) async throws {
        let scene = try await service.scene()
        for channel in [scene.wishlist.wishlistChannel, "presence-wishlist-to-group.\(scene.wishlist.slug)"] {
            _ = try await walker.call(
                service, "POST", "/broadcasting/auth", token: scene.token,
                body: #"{"socket_id": "1.2", "channel_name": "\#(channel)"}"#, expecting: 200)
        }
        _ = try await walker.call(
            service, "POST", "/broadcasting/auth", token: scene.token, body: "{}", expecting: 403)
        for path in ["/openapi.json", "/console/config.json"] {
            let described = try await walker.call(service, "GET", path, token: nil, expecting: 200)
            _ = try await walker.call(
                service, "GET", path, token: nil, headers: [("If-None-Match", described.header("ETag") ?? "")],
                expecting: 304)
        }
        for path in ["/health/live", "/health/ready", "/metrics"] {
            _ = try await walker.call(service, "GET", path, token: nil, expecting: 200)
        }
    }
}
