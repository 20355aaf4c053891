import HTTPClient
import HTTPServer
import JSON
import Pusher
import TestSupport
import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(5))) struct PusherServerTests {
    /// A connection that has learnt its socket id.
    struct Socket {
        let client: WebSocketClient
        let socketID: String

        init(_ sandbox: SandboxServer, query: String = "?protocol=7") async throws {
            client = try await WebSocketClient.connect(
                host: "127.0.0.1", port: sandbox.port, path: "/app/app-key\(query)")
            let established = try await Self.next(client)
            socketID = try #require(established["data"]?.string.flatMap { try? json($0) }?["socket_id"]?.string)
        }

        static func next(_ client: WebSocketClient) async throws -> JSONView {
            for await event in client.events {
                guard case .text(let text) = event else { break }
                return try json(text)
            }
            throw SandboxError("the connection is over")
        }

        func next() async throws -> JSONView { try await Self.next(client) }

        func subscribe(_ channel: String, data: String? = nil) async throws {
            let auth = try ChannelAuthorizer(credentials: credentials).authorize(
                socketID: socketID, channel: channel, channelData: data)
            let message = JSONWriter.bytes {
                $0.field("event", "pusher:subscribe")
                $0.field("data") {
                    $0.field("channel", channel)
                    $0.field("auth", auth)
                    if let data { $0.field("channel_data", data) }
                }
            }
            client.send(String(decoding: message, as: UTF8.self))
            let answer = try await next()
            try #require(answer["event"]?.string == "pusher_internal:subscription_succeeded")
        }

        /// The code of the close, after what else comes.
        func end() async -> UInt16? {
            for await event in client.events {
                if case .closed(let code) = event { return code }
            }
            return nil
        }
    }

    func status(_ sandbox: SandboxServer, _ http: HTTPClient, _ event: PusherEvent) async throws -> Int {
        let api = PusherAPI(credentials: credentials, endpoint: endpoint(sandbox))
        let request = try api.trigger(event, now: WallClock.seconds)
        let answer = try await http.send(
            HTTPClientRequest(
                method: request.method, url: sandbox.url + request.path,
                headers: [("Content-Type", "application/json")], body: request.body, timeout: .seconds(10)))
        return answer.status
    }

    @Test func anEventReachesItsSubscribersButNotItsSender() async throws {
        try await withSandbox { sandbox in
            try await withClient { http in
                let first = try await Socket(sandbox)
                let second = try await Socket(sandbox)
                try await first.subscribe("private-a")
                try await second.subscribe("private-a")
                let channels = sandbox.pusher.channels
                #expect(channels == ["private-a": 2])
                let secret = PusherEvent(name: "one", channels: ["private-a"], data: "1", socketID: first.socketID)
                let all = PusherEvent(name: "two", channels: ["private-a", "b"], data: #"{"a":"ä"}"#, socketID: nil)
                let statuses = [try await status(sandbox, http, secret), try await status(sandbox, http, all)]
                #expect(statuses == [200, 200])
                let names = [
                    try await first.next()["event"]?.string, try await second.next()["event"]?.string,
                    try await second.next()["data"]?.string,
                ]
                #expect(names == ["two", "one", #"{"a":"ä"}"#])
                let events = sandbox.pusher.events.all
                #expect(events.map(\.name) == ["one", "two"])
                #expect(events[0].socketID == first.socketID)
                #expect(events[1].channels == ["private-a", "b"])
                #expect(events[1].data == #"{"a":"ä"}"#)
                #expect(sandbox.pusher.requests.all.map(\.status) == [200, 200])
                await first.client.close()
                await second.client.close()
            }
        }
    }

    @Test func whoClosesIsGone() async throws {
        try await withSandbox { sandbox in
            let first = try await Socket(sandbox)
            let second = try await Socket(sandbox)
            try await first.subscribe("presence-a", data: #"{"user_id":"1"}"#)
            try await second.subscribe("presence-a", data: #"{"user_id":"2"}"#)
            await first.client.close()
            let removed = try await second.next()
            #expect(removed["event"]?.string == "pusher_internal:member_removed")
            #expect(sandbox.pusher.channels == ["presence-a": 1])
            await second.client.close()
        }
    }

    @Test(
        arguments: [
            ("/app/other?protocol=7", 4001), ("/app/app-key", 4008), ("/app/app-key?protocol=x", 4006),
            ("/app/app-key?protocol=3", 4007), ("/app/app-key/more?protocol=7", 4001),
        ] as [(String, UInt16)])
    func aWrongConnectionIsClosedWithItsNumber(path: String, code: UInt16) async throws {
        try await withSandbox { sandbox in
            let client = try await WebSocketClient.connect(host: "127.0.0.1", port: sandbox.port, path: path)
            let error = try await Socket.next(client)
            #expect(error["event"]?.string == "pusher:error")
            #expect(error["data"]?["code"]?.int == Int64(code))
            var last: WebSocketClient.Event?
            for await event in client.events { last = event }
            #expect(last == .closed(code: code))
            await client.close()
        }
    }

    @Test func whatIsNoWebSocketIsToldSo() async throws {
        try await withSandbox { sandbox in
            try await withClient { http in
                let answer = try await http.send(
                    HTTPClientRequest(
                        method: "GET", url: "\(sandbox.url)/app/app-key?protocol=7", headers: [], body: [],
                        timeout: .seconds(10)))
                #expect(answer.status == 426)
                #expect(answer.header("Sec-WebSocket-Version") == "13")
                await #expect(throws: SandboxError.self) {
                    _ = try await WebSocketClient.connect(host: "127.0.0.1", port: sandbox.port, path: "/other")
                }
            }
        }
    }

    @Test func theSilentAreClosedWith4201() async throws {
        try await withSandbox({
            $0.activityTimeout = 0
            $0.pongTimeout = .milliseconds(200)
        }) { sandbox in
            let socket = try await Socket(sandbox)
            let ping = try await socket.next()
            #expect(ping["event"]?.string == "pusher:ping")
            let code = await socket.end()
            #expect(code == 4201)
            #expect(sandbox.pusher.connectionCount == 0)
            await socket.client.close()
        }
    }

    @Test func aSlowConsumerIsCutOff() async throws {
        try await withSandbox({ $0.socketQueueBytes = 20_000 }) { sandbox in
            try await withClient { http in
                // A handshake by hand on a socket that nobody reads.
                let slow = try RawClient(port: sandbox.port, receiveBuffer: 4096)
                try slow.send(
                    "GET /app/app-key?protocol=7 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
                // One text frame of less than 126 bytes, masked with zeros (RFC 6455, 5.2).
                let text = Array(#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#.utf8)
                try slow.send([0x81, 0x80 | UInt8(text.count), 0, 0, 0, 0] + text)
                let fast = try await Socket(sandbox)
                try await fast.subscribe("news")
                let data = String(repeating: "x", count: 10_000)
                let event = PusherEvent(name: "e", channels: ["news"], data: data, socketID: nil)
                for _ in 0..<2000 where sandbox.pusher.connectionCount == 2 {
                    let status = try await status(sandbox, http, event)
                    try #require(status == 200)
                    _ = try await fast.next()
                }
                #expect(sandbox.pusher.connectionCount == 1)
                withExtendedLifetime(slow) {}
                await fast.client.close()
            }
        }
    }

    @Test func aMessageThatIsTooLargeEndsTheConnection() async throws {
        try await withSandbox { sandbox in
            let socket = try await Socket(sandbox)
            socket.client.send(String(repeating: "x", count: 200_000))
            let code = await socket.end()
            #expect(code == 1009)
            await socket.client.close()
        }
    }

    @Test func stoppingSaysGoodbye() async throws {
        let code = try await withSandbox { sandbox in
            let socket = try await Socket(sandbox)
            async let code = socket.end()
            await sandbox.stop()
            return await code
        }
        #expect(code == 1001)
    }

    @Test func faultsComeOnDemand() async throws {
        try await withSandbox { sandbox in
            try await withClient { http in
                let event = PusherEvent(name: "e", channels: ["a"], data: "", socketID: nil)
                sandbox.pusher.inject(PusherFault(status: 503, retryAfter: 2), count: 2)
                sandbox.pusher.inject(PusherFault(delay: .milliseconds(200)))
                var statuses = [try await status(sandbox, http, event), try await status(sandbox, http, event)]
                #expect(statuses == [503, 503])
                #expect(sandbox.pusher.events.total == 0)
                let start = ContinuousClock.now
                statuses = [try await status(sandbox, http, event), try await status(sandbox, http, event)]
                #expect(statuses == [200, 200])
                #expect(ContinuousClock.now - start >= .milliseconds(200))
                #expect(sandbox.pusher.events.total == 2)

                let control = TVClient(http: http, url: sandbox.url)
                let order = try await control.send(
                    "POST", "/sandbox/pusher/faults", #"{"count":2,"status":429,"retry_after":3}"#)
                #expect(order.status == 200)
                let faulty = try await control.send("POST", "/apps/42/events")
                #expect(faulty.status == 429)
                #expect(faulty.header("Retry-After") == "3")
                let clear = try await control.send("POST", "/sandbox/pusher/faults", #"{"count":0}"#)
                #expect(clear.status == 200)
                let refused = try await control.send("POST", "/sandbox/pusher/faults", #"{"state":429}"#)
                #expect(refused.status == 400)
                let last = try await status(sandbox, http, event)
                #expect(last == 200)

                sandbox.pusher.inject(PusherFault(hangs: true))
                let request = HTTPClientRequest(
                    method: "POST", url: "\(sandbox.url)/apps/42/events", headers: [], body: [],
                    timeout: .milliseconds(300))
                await #expect(throws: HTTPClientError.self) { _ = try await http.send(request) }
            }
        }
    }
}
