import JSON
import MySQL
import Testing
import Time

@testable import Datasets
@testable import Integrator
@testable import Web

/// What holds for every call: methods, request ids, limits, CORS, errors (spec, section 2).
@Suite(.timeLimit(.minutes(10))) struct ConventionTests {
    @Test func methodsAreRightEverywhere() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let wishlist = scene.wishlist.path
            let paths = [
                ("\(wishlist)/createAnalysis", "OPTIONS, POST"), ("\(wishlist)/histories", "GET, HEAD, OPTIONS"),
                ("\(wishlist)/histories/\(history.id)", "GET, HEAD, OPTIONS"),
                ("\(wishlist)/histories/\(history.id)/events", "GET, HEAD, OPTIONS"),
                ("\(wishlist)/update-tranning-status", "OPTIONS, PATCH"),
                ("\(wishlist)/update-training-status", "OPTIONS, PATCH"), ("/broadcasting/auth", "OPTIONS, POST"),
                ("/openapi.json", "GET, HEAD, OPTIONS"), ("/health/live", "GET, HEAD, OPTIONS"),
                ("/health/ready", "GET, HEAD, OPTIONS"), ("/metrics", "GET, HEAD, OPTIONS"),
            ]
            for (path, allowed) in paths {
                for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"] {
                    let answer = try await service.api(method, path, token: scene.token)
                    if method == "OPTIONS" {
                        #expect(answer.status == 204 && answer.header("Allow") == allowed, "\(path)")
                    } else if allowed.contains(method) {
                        #expect(answer.status != 405, "\(method) \(path)")
                        if method == "HEAD" {
                            let get = try await service.api("GET", path, token: scene.token)
                            #expect(answer.body.isEmpty && answer.status == get.status)
                            #expect(answer.header("ETag") == get.header("ETag"))
                            if path != "/metrics" {
                                #expect(answer.header("Content-Length") == "\(get.body.count)", "\(path)")
                            }
                        }
                    } else {
                        #expect(answer.status == 405 && answer.header("Allow") == allowed, "\(method) \(path)")
                        if method != "HEAD" { #expect(answer.code == "method_not_allowed") }
                    }
                    #expect(answer.header("X-Request-Id")?.isEmpty == false)
                }
            }
            #expect(try await service.send([], headers: [], method: "GET").header("Allow") == "POST")
        }
    }

    @Test func nobodyGuessesTypesOrKeepsAnswers() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let (wishlist, token) = (scene.wishlist.path, scene.token)
            // What may be asked for with `If-None-Match` is kept by the client that asks, and asked for each time.
            for (method, path, token, kept) in [
                ("GET", "\(wishlist)/histories", token, "no-cache, private"),
                ("GET", "/api/v1/wishlist-to-group", token, "no-cache, private"),
                ("GET", "\(wishlist)/histories?x=1", token, "no-store, private"),
                ("GET", "\(wishlist)/histories/0", token, "no-store, private"),
                ("GET", "\(wishlist)/histories", nil, "no-store, private"),
                ("POST", "\(wishlist)/createAnalysis", token, "no-store, private"),
                ("POST", "/broadcasting/auth", token, "no-store, private"),
            ] {
                let answer = try await service.api(method, path, token: token)
                #expect(answer.header("X-Content-Type-Options") == "nosniff", "\(path)")
                #expect(answer.header("Cache-Control") == kept, "\(method) \(path)")
            }
        }
    }

    @Test func unknownPathsAreJSON() async throws {
        try await ServiceUnderTest.with { service in
            for path in ["/", "/api", "/api/v1/wishlist-to-group//histories", "//metrics"] {
                let answer = try await service.api("GET", path)
                #expect(
                    answer.status == 404 && answer.text == #"{"message":"Not found.","code":"not_found"}"#, "\(path)")
                #expect(answer.header("Content-Type") == "application/json")
            }
            let broken = try await service.api("GET", "/%ff")
            #expect(broken.status == 400 && broken.code == "bad_request")
        }
    }

    @Test func theCallersRequestIDIsKeptIfItIsSane() async throws {
        try await ServiceUnderTest.with { service in
            func id(_ sent: String) async throws -> String? {
                try await service.api("GET", "/health/live", headers: [("X-Request-Id", sent)]).header("X-Request-Id")
            }
            for sane in ["a", "req-1.2:3_4", String(repeating: "x", count: 128)] {
                #expect(try await id(sane) == sane)
            }
            let webhook = try await service.send([], headers: [("X-Request-Id", "mine")])
            #expect(webhook.status == 401 && webhook.header("X-Request-Id") == "mine")
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let taken = try await service.post(TestWebhook(.datasetStarted, of: history, sequence: 1))
            #expect(taken.status == 200 && taken.header("X-Request-Id")?.utf8.count == 32)
            for odd in ["a b", "é", String(repeating: "x", count: 129), "a\"b"] {
                let given = try await id(odd)
                #expect(given != odd && given?.utf8.count == 32)
            }
        }
    }

    /// What the HTTP server answers by itself is like everything else.
    @Test func tooMuchIsRefusedInJSON() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let large = try await service.create(
                scene.wishlist, token: scene.token, body: String(repeating: " ", count: 65_537))
            #expect(large.status == 413 && large.code == "payload_too_large")
            let long = try await service.get("/\(String(repeating: "a", count: 17_000))", token: scene.token)
            #expect(long.status == 414 && long.code == "uri_too_long")
            let header = try await service.get(
                "/metrics", token: scene.token, headers: [("X-Large", String(repeating: "a", count: 17_000))])
            #expect(header.status == 431 && header.code == "header_too_large")
            for answer in [large, long, header] {
                #expect(answer.header("Content-Type") == "application/json")
                #expect(answer.header("X-Request-Id")?.utf8.count == 32)
            }
            let fits = try await service.create(
                scene.wishlist, token: scene.token, body: "{" + String(repeating: " ", count: 65_534) + "}")
            #expect(fits.status == 201)
        }
    }

    @Test func onlyJSONIsTaken() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            for type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
                let answer = try await service.create(
                    scene.wishlist, token: scene.token, body: "{}", headers: [("Content-Type", type)])
                #expect(answer.status == 415 && answer.code == "unsupported_media_type", "\(type)")
            }
            let answer = try await service.create(
                scene.wishlist, token: scene.token, body: "{}",
                headers: [("Content-Type", "Application/JSON ; charset=utf-8")])
            #expect(answer.status == 201)
        }
    }

    @Test func eachTokenHasItsLimit() async throws {
        try await ServiceUnderTest.with(["RATE_LIMIT_PER_MINUTE": "3"]) { service in
            let scene = try await service.scene()
            let path = "\(scene.wishlist.path)/histories"
            for remaining in ["2", "1", "0"] {
                let answer = try await service.get(path, token: scene.token)
                #expect(answer.status == 200)
                #expect(answer.header("X-RateLimit-Limit") == "3")
                #expect(answer.header("X-RateLimit-Remaining") == remaining)
                #expect(answer.header("X-RateLimit-Reset") == nil && answer.header("Retry-After") == nil)
            }
            let answer = try await service.get(path, token: scene.token)
            #expect(answer.status == 429 && answer.code == "too_many_requests")
            #expect(answer.json?["message"]?.string == "Too Many Attempts.")
            #expect(answer.header("X-RateLimit-Limit") == "3" && answer.header("X-RateLimit-Remaining") == "0")
            let seconds = try #require(answer.header("Retry-After").flatMap { Int64($0) })
            #expect((1...60).contains(seconds))
            let reset = try #require(answer.header("X-RateLimit-Reset").flatMap { Int64($0) })
            #expect((-2...2).contains(reset - Timestamp.now().seconds - seconds))
            let other = try await service.get(path, token: try await service.token(of: scene.user))
            #expect(other.status == 200)
            let failed = try await service.get("/api/v1/wishlist-to-group/nobody/histories", token: scene.token)
            #expect(failed.status == 429)
            #expect(try await service.api("GET", path).header("X-RateLimit-Limit") == nil)
        }
    }

    @Test func windowsLastAMinuteFromTheirFirstRequest() {
        let limiter = RateLimiter(limit: 2)
        #expect(limiter.take(1, now: 100).remaining == 1)
        #expect(limiter.take(1, now: 130) == .init(limit: 2, remaining: 0, resetAt: 160, retryAfter: 30))
        #expect(limiter.take(1, now: 159).remaining == nil)
        #expect(limiter.take(2, now: 159).remaining == 1)
        #expect(limiter.take(1, now: 160).remaining == 1)
        // The clock is set back.
        #expect(limiter.take(1, now: 50) == .init(limit: 2, remaining: 1, resetAt: 110, retryAfter: 60))
        for token in 0..<Int64(60_000) { _ = limiter.take(token, now: 60) }
        #expect(limiter.take(59_999, now: 61).remaining == 0)
    }

    @Test func scriptsOfTheConfiguredOriginsMayRead() async throws {
        let origin = "https://console.example.com"
        try await ServiceUnderTest.with(["CORS_ALLOWED_ORIGINS": "https://a.example, \(origin)"]) { service in
            let scene = try await service.scene()
            let path = "\(scene.wishlist.path)/createAnalysis"
            let asks = [(name: "Access-Control-Request-Method", value: "POST")]
            let preflight = try await service.api("OPTIONS", path, headers: [("Origin", origin)] + asks)
            #expect(preflight.status == 204 && preflight.body.isEmpty)
            #expect(preflight.header("Access-Control-Allow-Origin") == origin)
            #expect(preflight.header("Access-Control-Allow-Methods") == "OPTIONS, POST")
            for name in ["Authorization", "Content-Type", "Idempotency-Key", "X-Socket-ID", "If-None-Match", "Accept"] {
                #expect(preflight.header("Access-Control-Allow-Headers")?.contains(name) == true)
            }
            #expect(preflight.header("Access-Control-Max-Age") == "3600")
            #expect(preflight.headers.filter { $0.name.lowercased() == "vary" }.count == 1)
            #expect(preflight.header("Vary")?.hasPrefix("Origin") == true)

            let stranger = try await service.api("OPTIONS", path, headers: [("Origin", "https://b.example")] + asks)
            #expect(stranger.status == 204 && stranger.header("Access-Control-Allow-Origin") == nil)
            #expect(stranger.header("Access-Control-Allow-Methods") == nil)
            #expect(stranger.header("Vary")?.contains("Origin") == true)

            for token in [scene.token, "1|x"] {
                let answer = try await service.get(
                    "\(scene.wishlist.path)/histories", token: token, headers: [("Origin", origin)])
                #expect(answer.header("Access-Control-Allow-Origin") == origin && answer.header("Vary") == "Origin")
                for name in ["ETag", "X-Request-Id", "X-RateLimit-Remaining", "Retry-After", "Idempotent-Replayed"] {
                    #expect(answer.header("Access-Control-Expose-Headers")?.contains(name) == true)
                }
                #expect(answer.header("Access-Control-Allow-Credentials") == "true")
            }
            let other = try await service.get(
                "\(scene.wishlist.path)/histories", token: scene.token, headers: [("Origin", "https://b.example")])
            #expect(other.status == 200 && other.header("Access-Control-Allow-Origin") == nil)
            #expect(other.header("Vary") == "Origin" && other.header("Access-Control-Allow-Credentials") == nil)
        }
        try await ServiceUnderTest.with(["CORS_ALLOWED_ORIGINS": "*"]) { service in
            let answer = try await service.api("GET", "/health/live", headers: [("Origin", "https://b.example")])
            #expect(answer.header("Access-Control-Allow-Origin") == "*" && answer.header("Vary") == nil)
            #expect(answer.header("Access-Control-Allow-Credentials") == nil)
        }
        try await ServiceUnderTest.with { service in
            let answer = try await service.api("GET", "/health/live", headers: [("Origin", origin)])
            #expect(answer.headers.allSatisfy { !$0.name.lowercased().hasPrefix("access-control") })
            #expect(answer.header("Vary") == nil)
        }
    }
}
