import Pusher
import Testing

@Suite(.timeLimit(.minutes(10))) struct PusherRequestVerifierTests {
    private let credentials = PusherCredentials(appID: "3", key: "key", secret: "secret")

    private func outcome(
        _ query: String?, _ body: String = #"{"foo": "bar"}"#, method: String = "POST",
        path: String = "/some/obscure/api", now: Int64 = 1000
    ) -> PusherRequestError? {
        do throws(PusherRequestError) {
            try PusherRequestVerifier(credentials: credentials)
                .verify(method: method, path: path, query: query, body: Array(body.utf8), now: now)
            return nil
        } catch {
            return error
        }
    }

    /// The vector of the official Python library.
    private let query =
        "auth_key=key&auth_timestamp=1000&auth_version=1.0&body_md5=94232c5b8fc9272f6f73a1e36eb68fcf"
        + "&auth_signature=e05fa4cafee86311746ee3981d5581a5e4e87c27bbab0aeb1059e2df5c90258b"

    @Test func takesThePublishedVector() {
        #expect(outcome(query) == nil)
        #expect(outcome(query.split(separator: "&").reversed().joined(separator: "&")) == nil)
        #expect(outcome(query.replacing("auth_key", with: "%61uth%5Fkey")) == nil)
    }

    @Test func refusesWhatWasChanged() {
        #expect(outcome(query, method: "GET") == .wrongSignature)
        #expect(outcome(query, path: "/some/obscure/apj") == .wrongSignature)
        #expect(outcome(query + "&x=1") == .wrongSignature)
        #expect(outcome(query, #"{"foo": "baz"}"#) == .wrongBody)
        #expect(outcome(query, "") == .wrongBody)
        #expect(outcome(query.replacing("&body_md5=94232c5b8fc9272f6f73a1e36eb68fcf", with: "")) == .wrongBody)
        #expect(outcome(query.replacing("=key", with: "=kez")) == .unknownKey)
        #expect(outcome(query.replacing("58b", with: "58c")) == .wrongSignature)
        #expect(outcome(query.replacing("58b", with: "")) == .wrongSignature)
        #expect(outcome(query.replacing("=1000", with: "=1001")) == .wrongSignature)
    }

    @Test func boundsTheTime() {
        #expect(outcome(query, now: 1600) == nil)
        #expect(outcome(query, now: 400) == nil)
        #expect(outcome(query, now: 1601) == .expired)
        #expect(outcome(query, now: 399) == .expired)
        #expect(outcome(query.replacing("=1000", with: "=-9223372036854775808")) == .expired)
        #expect(outcome(query.replacing("=1000", with: "=9223372036854775808")) == .malformed)
        #expect(outcome(query.replacing("=1000", with: "=1e3")) == .malformed)
    }

    @Test func refusesMalformedQueries() {
        for query in [nil, "", "&&&", "=", "a", "%", "%4", "%zz", "%FF", "auth_key", "auth_key=key&auth_version=1.0"] {
            #expect(outcome(query) == .malformed)
        }
        #expect(outcome(query.replacing("1.0", with: "2.0")) == .malformed)
        for name in ["auth_key", "auth_timestamp", "auth_version", "auth_signature"] {
            #expect(outcome(query.replacing(name, with: "other")) == .malformed)
        }
    }

    /// Some libraries send the digest of an empty body, others none.
    @Test func takesEmptyBodiesWithAndWithoutDigest() {
        let api = PusherAPI(credentials: credentials, endpoint: PusherEndpoint(host: "h"))
        let request = api.get("/channels", query: [("filter_by_prefix", "a&b =é+")], now: 1000)
        let parts = request.path.split(separator: "?").map(String.init)
        #expect(outcome(parts[1], "", method: "GET", path: parts[0]) == nil)
        #expect(outcome(parts[1], "x", method: "GET", path: parts[0]) == .wrongBody)
        // Signed as the official Python library does.
        let digest =
            "auth_key=key&auth_timestamp=1000&auth_version=1.0&body_md5=d41d8cd98f00b204e9800998ecf8427e"
            + "&auth_signature=f5d6939be1d1c4e12516c890cc39833fb4b4894777bd429909a46c7bf3834a89"
        #expect(outcome(digest, "", method: "GET", path: "/apps/3/channels") == nil)
    }

    @Test func takesWhatTheAPISigns() throws {
        let api = PusherAPI(credentials: credentials, endpoint: PusherEndpoint(host: "h"))
        let event = PusherEvent(name: "é", channels: ["a", "b"], data: "ü\n")
        for request in [try api.trigger(event, now: 1000), try api.triggerBatch([event], now: 1000)] {
            let parts = request.path.split(separator: "?").map(String.init)
            let body = String(decoding: request.body, as: UTF8.self)
            #expect(outcome(parts[1], body, method: request.method, path: parts[0]) == nil)
        }
    }
}
