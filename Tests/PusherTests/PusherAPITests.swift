import JSON
import Pusher
import Testing

/// Published vectors, and what is sent.
@Suite(.timeLimit(.minutes(10))) struct PusherAPITests {
    private let documented = PusherAPI(
        credentials: PusherCredentials(appID: "3", key: "278d425bdf160c739803", secret: "7ad3773142a6692b25b8"),
        endpoint: PusherEndpoint(cluster: "mt1"))
    private let go = PusherAPI(
        credentials: PusherCredentials(appID: "102015", key: "d41a439c438a100756f5", secret: "4bf35003e819bb138249"),
        endpoint: PusherEndpoint(scheme: "http", host: "localhost", port: 6001))

    @Test func signsTheDocumentedTrigger() throws {
        let event = PusherEvent(name: "foo", channels: ["project-3"], data: #"{"some":"data"}"#)
        let request = try documented.trigger(event, now: 1_353_088_179)
        #expect(request.method == "POST")
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == #"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#)
        let path =
            "/apps/3/events?auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0"
            + "&body_md5=ec365a775a4cd0599faeb73354201b6f"
            + "&auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"
        #expect(request.path == path)
        #expect(request.url == "https://api-mt1.pusher.com" + path)
    }

    @Test func signsQuestionsAsTheGoLibraryDoes() {
        let channels = go.get(
            "/channels", query: [("info", "user_count"), ("filter_by_prefix", "presence-")], now: 1_427_034_994)
        #expect(channels.method == "GET" && channels.body.isEmpty && !channels.path.contains("body_md5"))
        #expect(
            channels.path.hasSuffix("auth_signature=4d8a02edcc8a758b0162cd6da690a9a45fb8ae326a276dca1e06a0bc42796c11"))
        let session = "/channels/presence-session-d41a439c438a100756f5-4bf35003e819bb138249-ROpCFmgFhXY"
        let channel = go.get(session, query: [("info", "user_count,subscription_count")], now: 1_427_053_326)
        #expect(
            channel.path.hasSuffix("auth_signature=f93ceb31f396aef336226efe512aaf339bd5e39c7c2c04b81cc8681dc16ee785"))
        #expect(channel.url.hasPrefix("http://localhost:6001/apps/102015" + session + "?info=user_count,subscription_"))
    }

    @Test func escapesTheQueryButSignsItPlain() throws {
        let request = go.get("/channels", query: [("filter_by_prefix", "a&b=c é+%~")], now: 5)
        #expect(request.path.contains("?filter_by_prefix=a%26b%3Dc%20%C3%A9%2B%25~&"))
    }

    @Test func writesBatches() throws {
        let events = [
            PusherEvent(name: "a", channels: ["x", "y"], data: "1"),
            PusherEvent(name: "b", channels: ["x"], data: "é", socketID: "1.2"),
        ]
        let request = try documented.triggerBatch(events, now: 1)
        #expect(request.path.hasPrefix("/apps/3/batch_events?auth_key="))
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == #"{"batch":[{"channel":"x","name":"a","data":"1"},{"channel":"y","name":"a","data":"1"},"#
                + #"{"channel":"x","name":"b","data":"é","socket_id":"1.2"}]}"#)
    }

    @Test func sendsTheSocketID() throws {
        let event = PusherEvent(name: "a", channels: ["x", "y"], data: "", socketID: "123.456")
        let root = try JSONDocument(parsing: documented.trigger(event, now: 1).body).root
        #expect(root["socket_id"]?.string == "123.456")
        #expect(root["channels"]?.elements.map(\.string) == ["x", "y"])
    }

    @Test(
        arguments: [
            (PusherEvent(name: "", channels: ["a"], data: ""), .invalidEventName),
            (PusherEvent(name: String(repeating: "n", count: 201), channels: ["a"], data: ""), .invalidEventName),
            (PusherEvent(name: "n", channels: [], data: ""), .noChannels),
            (PusherEvent(name: "n", channels: Array(repeating: "a", count: 101), data: ""), .tooManyChannels(101)),
            (PusherEvent(name: "n", channels: ["a", ""], data: ""), .invalidChannel),
            (PusherEvent(name: "n", channels: ["a", "a b"], data: ""), .invalidChannel),
            (PusherEvent(name: "n", channels: [String(repeating: "a", count: 165)], data: ""), .invalidChannel),
            (
                PusherEvent(name: "n", channels: ["a"], data: String(repeating: "é", count: 5121)),
                .dataTooLarge(bytes: 10_242)
            ),
            (PusherEvent(name: "n", channels: ["a"], data: "", socketID: "1"), .invalidSocketID),
        ] as [(PusherEvent, PusherError)])
    func refuses(_ event: PusherEvent, _ error: PusherError) {
        #expect(throws: error) { try documented.trigger(event, now: 1) }
        #expect(throws: error) { try documented.triggerBatch([event], limit: 200, now: 1) }
    }

    @Test func takesWhatIsAtTheLimit() throws {
        let event = PusherEvent(
            name: String(repeating: "n", count: 200),
            channels: (0..<99).map { "c\($0)" } + [String(repeating: "a", count: 164)],
            data: String(repeating: "é", count: 5120))
        _ = try documented.trigger(event, now: 1)
        let small = PusherEvent(name: "n", channels: ["a", "b"], data: "")
        _ = try documented.triggerBatch(Array(repeating: small, count: 5), now: 1)
        #expect(throws: PusherError.tooManyEntries(12)) {
            try documented.triggerBatch(Array(repeating: small, count: 6), now: 1)
        }
        #expect(throws: PusherError.noEvents) { try documented.triggerBatch([], now: 1) }
    }

    @Test(arguments: ["a", "private-x", "-azAZ09_=@,.;", "presence-cache-1"])
    func takesChannelNames(_ channel: String) throws {
        try PusherLimits.check(channel: channel)
    }

    @Test(arguments: ["", " ", "a b", "é", "a#", "#server-to-user-1", "a/b", "a\n", "a\0", "a:b", "a*", "a%"])
    func refusesChannelNames(_ channel: String) {
        #expect(throws: PusherError.invalidChannel) { try PusherLimits.check(channel: channel) }
    }

    @Test(arguments: [
        "", ".", "1", "1.", ".1", "1.2.3", "1.2\n", "\n1.2", " 1.2", "1.2 ", "a.b", "-1.2", "1,2", "1.2:private-x",
        "١.٢",
        "1..2", String(repeating: "1", count: 63) + ".1",
    ])
    func refusesSocketIDs(_ socketID: String) {
        #expect(throws: PusherError.invalidSocketID) { try PusherLimits.check(socketID: socketID) }
    }

    @Test func writesURLs() {
        #expect(PusherEndpoint(cluster: "eu").url("/a") == "https://api-eu.pusher.com/a")
        #expect(PusherEndpoint(scheme: "http", host: "h").url("/a") == "http://h/a")
        #expect(PusherEndpoint(scheme: "http", host: "h", port: 443).url("/a") == "http://h:443/a")
        #expect(PusherEndpoint(host: "::1", port: 8443).url("/a") == "https://[::1]:8443/a")
    }

    @Test func neverPrintsTheSecret() {
        struct Holder { let credentials: PusherCredentials }
        let credentials = PusherCredentials(appID: "3", key: "public", secret: "hunter2")
        var dumped = ""
        dump(Holder(credentials: credentials), to: &dumped)
        for text in ["\(credentials)", String(reflecting: credentials), "\(Holder(credentials: credentials))", dumped] {
            // Neither as text nor as bytes.
            #expect(
                text.contains("****") && text.contains("public") && !text.contains("hunter2") && !text.contains("104"))
        }
    }
}
