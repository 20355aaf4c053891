import HTTPServer
import JSON
import Pusher
import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(10))) struct ChannelsAPITests {
    let api = ChannelsAPI(credentials: credentials)
    let now: Int64 = 1_800_000_000

    func signed(
        _ method: String, _ path: String, _ body: String = "", query: [String: String] = [:]
    ) -> HTTPRequest {
        SandboxTests.signed(method, path, body, query: query, now: now)
    }

    /// The status that the request is refused with; nil if it is not.
    func refusal(_ request: HTTPRequest, limits: SandboxPusherLimits = .init(), at time: Int64? = nil) -> Int? {
        do throws(ChannelsAPI.Refusal) {
            _ = try api.read(request, limits: limits, now: time ?? now)
            return nil
        } catch {
            return error.response.status
        }
    }

    @Test func aRightEventIsAccepted() throws {
        let body = #"{"name":"e","channels":["a","private-b"],"data":"x","socket_id":"1.2"}"#
        let order = try api.read(signed("POST", "/apps/42/events", body), limits: .init(), now: now)
        guard case .publish(let events, batch: false) = order else { Issue.record("\(order)"); return }
        #expect(events.map(\.name) == ["e"])
        #expect(events[0].channels.map(\.text) == ["a", "private-b"])
        #expect(events[0].data == "x")
        #expect(events[0].socketID == "1.2")
    }

    @Test func aBatchIsAccepted() throws {
        let body = #"{"batch":[{"name":"e","channel":"a","data":"x"},{"name":"f","channel":"b","data":"y"}]}"#
        let order = try api.read(signed("POST", "/apps/42/batch_events", body), limits: .init(), now: now)
        guard case .publish(let events, batch: true) = order else { Issue.record("\(order)"); return }
        #expect(events.map(\.name) == ["e", "f"])
        #expect(events.flatMap { $0.channels.map(\.text) } == ["a", "b"])
    }

    @Test func whatIsNotSignedRightlyIs401() throws {
        let body = #"{"name":"e","channels":["a"],"data":"x"}"#
        let right = signed("POST", "/apps/42/events", body)
        #expect(refusal(right) == nil)
        var wrong = right
        wrong.body = Array(body.replacing("x", with: "y").utf8)
        #expect(refusal(wrong) == 401)
        wrong = right
        wrong.query = right.query?.replacing("auth_key=app-key", with: "auth_key=other")
        #expect(refusal(wrong) == 401)
        wrong = right
        wrong.query = nil
        #expect(refusal(wrong) == 401)
        wrong = right
        wrong.path = "/apps/42/batch_events"
        #expect(refusal(wrong) == 401)
        #expect(refusal(right, at: now + 601) == 401)
        #expect(refusal(right, at: now - 601) == 401)
        #expect(refusal(right, at: now + 600) == nil)
    }

    @Test(
        arguments: [
            ("", 400), ("x", 400), ("{}", 400), (#"{"name":"","channels":["a"],"data":"x"}"#, 400),
            (#"{"name":"\#(String(repeating: "n", count: 201))","channels":["a"],"data":"x"}"#, 400),
            (#"{"name":"e","channels":["a"],"data":{"a":1}}"#, 400), (#"{"name":"e","channels":["a"]}"#, 400),
            (#"{"name":"e","channels":[],"data":"x"}"#, 400), (#"{"name":"e","data":"x"}"#, 400),
            (#"{"name":"e","channels":["a b"],"data":"x"}"#, 400), (#"{"name":"e","channels":[1],"data":"x"}"#, 400),
            (#"{"name":"e","channels":["a"],"data":"x","socket_id":"1"}"#, 400),
            (#"{"name":"e","channels":["a"],"data":"x","socket_id":1}"#, 400),
            (#"{"name":"e","channels":["a"],"data":"x","socket_id":null}"#, nil),
            (#"{"name":"e","channel":"a","data":"x"}"#, nil),
            (#"{"name":"e","channels":["a"],"data":"\#(String(repeating: "ä", count: 5120))"}"#, nil),
            (#"{"name":"e","channels":["a"],"data":"\#(String(repeating: "ä", count: 5120))x"}"#, 413),
            (
                #"{"name":"e","channels":[\#(Array(repeating: #""a""#, count: 100).joined(separator: ","))],"data":""}"#,
                nil
            ),
            (
                #"{"name":"e","channels":[\#(Array(repeating: #""a""#, count: 101).joined(separator: ","))],"data":""}"#,
                400
            ),
        ] as [(String, Int?)])
    func eventsAreChecked(body: String, status: Int?) throws {
        #expect(refusal(signed("POST", "/apps/42/events", body)) == status)
    }

    @Test(arguments: [(10, nil), (11, 400)] as [(Int, Int?)])
    func batchesHaveALimit(count: Int, status: Int?) throws {
        let event = #"{"name":"e","channel":"a","data":""}"#
        let body = #"{"batch":[\#(Array(repeating: event, count: count).joined(separator: ","))]}"#
        #expect(refusal(signed("POST", "/apps/42/batch_events", body)) == status)
    }

    @Test func oneBadEventFailsTheBatch() throws {
        let body = #"{"batch":[{"name":"e","channel":"a","data":""},{"name":"e","channel":"a"}]}"#
        #expect(refusal(signed("POST", "/apps/42/batch_events", body)) == 400)
        #expect(refusal(signed("POST", "/apps/42/batch_events", #"{"batch":{}}"#)) == 400)
    }

    @Test func otherServersAreStricter() throws {
        var reverb = SandboxPusherLimits()
        reverb.requestBytes = 10_000
        let body = #"{"name":"e","channels":["a"],"data":"\#(String(repeating: "x", count: 9_970))"}"#
        #expect(body.utf8.count > 10_000)
        #expect(refusal(signed("POST", "/apps/42/events", body), limits: reverb) == 413)
        #expect(refusal(signed("POST", "/apps/42/events", body)) == nil)
        var ipe = SandboxPusherLimits()
        ipe.batchEvents = 0
        let batch = #"{"batch":[]}"#
        #expect(refusal(signed("POST", "/apps/42/batch_events", batch), limits: ipe) == 404)
        #expect(refusal(signed("POST", "/apps/42/batch_events", batch)) == nil)
    }

    @Test(
        arguments: [
            ("GET", "/apps/42", 404), ("GET", "/apps/43/channels", 404), ("GET", "/apps/42/other", 404),
            ("POST", "/apps/42/channels", 404), ("GET", "/apps/42/channels/a/users", 400),
            ("GET", "/apps/42/channels/a%20b", 400), ("GET", "/apps/42/channels/presence-a/users", nil),
            ("GET", "/apps/42/channels/presence-a%3D", nil), ("GET", "/apps/42/channels", nil),
        ] as [(String, String, Int?)])
    func routes(method: String, path: String, status: Int?) throws {
        #expect(refusal(signed(method, path)) == status)
    }

    @Test func userCountIsForPresenceOnly() throws {
        let info = ["info": "user_count"]
        #expect(refusal(signed("GET", "/apps/42/channels", query: info)) == 400)
        #expect(refusal(signed("GET", "/apps/42/channels/a", query: info)) == 400)
        #expect(refusal(signed("GET", "/apps/42/channels/presence-a", query: info)) == nil)
        let filtered = ["info": "user_count", "filter_by_prefix": "presence-"]
        #expect(refusal(signed("GET", "/apps/42/channels", query: filtered)) == nil)
    }

    @Test func whatIsToldOfChannels() throws {
        var broker = ChannelBroker(credentials: credentials)
        for id: UInt64 in 1...2 {
            _ = broker.open(id, key: "app-key", version: "7", now: .now)
            for channel in ["a", "presence-b"] {
                let socketID = try #require(broker.connections[id]?.socketID)
                let auth = try ChannelAuthorizer(credentials: credentials).authorize(
                    socketID: socketID, channel: channel, channelData: channel == "a" ? nil : #"{"user_id":"7"}"#)
                let message = #"""
                    {"event":"pusher:subscribe","data":{"channel":"\#(channel)","auth":"\#(auth)",
                    "channel_data":"{\"user_id\":\"7\"}"}}
                    """#
                _ = broker.receive(id, Array(message.utf8), now: .now)
            }
        }
        func text(_ response: HTTPResponse) -> String { String(decoding: response.body, as: UTF8.self) }
        #expect(text(broker.answer(channels: "", info: "")) == #"{"channels":{"a":{},"presence-b":{}}}"#)
        #expect(
            text(broker.answer(channels: "presence-", info: "user_count"))
                == #"{"channels":{"presence-b":{"user_count":1}}}"#)
        let b = try ChannelName("presence-b")
        #expect(
            text(broker.answer(channel: b, info: "user_count,subscription_count"))
                == #"{"occupied":true,"user_count":1,"subscription_count":2}"#)
        let none = try ChannelName("none")
        #expect(text(broker.answer(channel: none, info: "")) == #"{"occupied":false}"#)
        #expect(text(broker.answer(usersOf: b)) == #"{"users":[{"id":"7"}]}"#)
        let a = try ChannelName("a")
        let event = ChannelsAPI.Accepted(name: "e", channels: [a], data: "", socketID: nil, info: "subscription_count")
        #expect(
            text(broker.answer(published: [event], batch: false)) == #"{"channels":{"a":{"subscription_count":2}}}"#)
        #expect(text(broker.answer(published: [event], batch: true)) == #"{"batch":[{"subscription_count":2}]}"#)
        let quiet = ChannelsAPI.Accepted(name: "e", channels: [a], data: "", socketID: nil, info: nil)
        #expect(text(broker.answer(published: [quiet], batch: false)) == "{}")
    }
}
