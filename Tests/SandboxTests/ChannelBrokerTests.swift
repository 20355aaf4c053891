import JSON
import Pusher
import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(10))) struct ChannelBrokerTests {
    typealias Action = ChannelBroker.Action

    let credentials = PusherCredentials(appID: "1", key: "key", secret: "secret")
    let start = ContinuousClock.now

    /// A broker with this many connections, ids 1, 2, ...
    func broker(connections: UInt64, settings: ChannelBroker.Settings = .init()) -> ChannelBroker {
        var broker = ChannelBroker(credentials: credentials, settings: settings)
        for id in 0..<connections { _ = broker.open(id + 1, key: "key", version: "7", now: start) }
        return broker
    }

    func subscription(_ broker: ChannelBroker, _ id: UInt64, _ channel: String, data: String? = nil) throws -> String {
        let socketID = try #require(broker.connections[id]?.socketID)
        let auth = try? ChannelAuthorizer(credentials: credentials).authorize(
            socketID: socketID, channel: channel, channelData: data)
        let message = JSONWriter.bytes {
            $0.field("event", "pusher:subscribe")
            $0.field("data") {
                $0.field("channel", channel)
                $0.field("auth", auth)
                if let data { $0.field("channel_data", data) }
            }
        }
        return String(decoding: message, as: UTF8.self)
    }

    /// Messages as text, closes as `id x code`.
    func texts(_ actions: [Action]) -> [String] {
        actions.map { action in
            switch action {
            case .send(let id, let bytes): "\(id) \(String(decoding: bytes, as: UTF8.self))"
            case .close(let id, let code, _): "\(id) x \(code)"
            }
        }
    }

    @Test func aConnectionLearnsItsSocketID() throws {
        var broker = broker(connections: 0)
        let actions = broker.open(9, key: "key", version: "7", now: start)
        let socketID = try #require(broker.connections[9]?.socketID)
        try PusherLimits.check(socketID: socketID)
        #expect(
            texts(actions) == [
                #"9 {"event":"pusher:connection_established","data":"{\"socket_id\":\"\#(socketID)\",\"activity_timeout\":120}"}"#
            ])
    }

    @Test(
        arguments: [
            ("other", "7", 4001), ("key", nil, 4008), ("key", "x", 4006), ("key", "4", 4007), ("key", "8", 4007),
        ] as [(String, String?, UInt16)])
    func aWrongConnectionIsRefusedWithItsNumber(key: String, version: String?, code: UInt16) throws {
        var broker = broker(connections: 0)
        let actions = broker.open(1, key: key, version: version, now: start)
        try #require(actions.count == 2)
        #expect(texts(actions)[0].contains(#"{"event":"pusher:error","data":{"message":""#))
        #expect(texts(actions)[0].contains(#""code":\#(code)}"#))
        #expect(texts(actions)[1] == "1 x \(code)")
        #expect(broker.connections.isEmpty)
    }

    @Test(arguments: ["5", "6", "7"])
    func olderProtocolsAreTaken(version: String) {
        var broker = broker(connections: 0)
        _ = broker.open(1, key: "key", version: version, now: start)
        #expect(broker.connections.count == 1)
    }

    @Test func aPublicChannelNeedsNoSignatureAndItsEventsReachAllButOne() throws {
        var broker = broker(connections: 3)
        for id: UInt64 in 1...2 {
            let answer = broker.receive(
                id, Array(#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#.utf8), now: start)
            #expect(
                texts(answer) == [
                    #"\#(id) {"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}"#
                ])
        }
        let news = try ChannelName("news")
        #expect(
            texts(broker.publish("e", to: news, data: #"{"a":1}"#, except: nil)) == [
                #"1 {"event":"e","channel":"news","data":"{\"a\":1}"}"#,
                #"2 {"event":"e","channel":"news","data":"{\"a\":1}"}"#,
            ])
        let first = broker.connections[1]?.socketID
        #expect(texts(broker.publish("e", to: news, data: "", except: first)).map { $0.first } == ["2"])
        _ = broker.receive(2, Array(#"{"event":"pusher:unsubscribe","data":{"channel":"news"}}"#.utf8), now: start)
        _ = broker.closed(1)
        #expect(broker.channels.isEmpty)
        #expect(broker.connections[1] == nil)
    }

    @Test func aSecondSubscriptionToAChannelIsAnError() {
        var broker = broker(connections: 1)
        let message = Array(#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#.utf8)
        _ = broker.receive(1, message, now: start)
        #expect(texts(broker.receive(1, message, now: start))[0].contains("Existing subscription to channel news"))
        #expect(broker.channels.first?.value.connections == [1])
    }

    @Test func aPrivateChannelNeedsTheRightSignature() throws {
        var broker = broker(connections: 2)
        let right = try subscription(broker, 1, "private-a")
        #expect(texts(broker.receive(1, Array(right.utf8), now: start))[0].contains("subscription_succeeded"))
        // The signature of another socket.
        let answer = texts(broker.receive(2, Array(right.utf8), now: start))
        #expect(answer.count == 1)
        #expect(answer[0].hasPrefix(#"2 {"event":"pusher:subscription_error","channel":"private-a""#))
        #expect(answer[0].contains(#"\"status\":401"#))
        let none = #"{"event":"pusher:subscribe","data":{"channel":"private-a"}}"#
        #expect(texts(broker.receive(2, Array(none.utf8), now: start))[0].contains("subscription_error"))
        #expect(broker.channels.first?.value.connections == [1])
    }

    @Test func aUserIsOneMemberOverAllItsConnections() throws {
        var broker = broker(connections: 3)
        let ann = #"{"user_id":"7","user_info":{"name":"Ann"}}"#
        let bob = #"{"user_id":8}"#
        let first = broker.receive(1, Array(try subscription(broker, 1, "presence-a", data: ann).utf8), now: start)
        #expect(
            texts(first) == [
                #"1 {"event":"pusher_internal:subscription_succeeded","channel":"presence-a","data":"#
                    + #""{\"presence\":{\"ids\":[\"7\"],\"hash\":{\"7\":{\"name\":\"Ann\"}},\"count\":1}}"}"#
            ])
        let second = broker.receive(2, Array(try subscription(broker, 2, "presence-a", data: ann).utf8), now: start)
        #expect(texts(second).map { $0.first } == ["2"], "the same user again is no news")
        let third = texts(
            broker.receive(3, Array(try subscription(broker, 3, "presence-a", data: bob).utf8), now: start))
        let added =
            #"{"event":"pusher_internal:member_added","channel":"presence-a","data":"#
            + #""{\"user_id\":\"8\",\"user_info\":null}"}"#
        #expect(third.prefix(2) == ["1 \(added)", "2 \(added)"])
        #expect(third.last?.contains(#"\"ids\":[\"7\",\"8\"]"#) == true)
        #expect(third.last?.contains(#"\"count\":2"#) == true)

        #expect(broker.closed(1).isEmpty, "Ann is still there")
        #expect(
            texts(broker.closed(2)) == [
                #"3 {"event":"pusher_internal:member_removed","channel":"presence-a","data":"{\"user_id\":\"7\"}"}"#
            ])
    }

    @Test(arguments: [
        nil, "{}", "no json", #"{"user_id":""}"#, #"{"user_id":"\#(String(repeating: "x", count: 129))"}"#,
        #"{"user_id":"1","user_info":"\#(String(repeating: "x", count: 1024))"}"#,
    ])
    func presenceNeedsAUser(data: String?) throws {
        var broker = broker(connections: 1)
        let message = try subscription(broker, 1, "presence-a", data: data)
        #expect(texts(broker.receive(1, Array(message.utf8), now: start))[0].contains("subscription_error"))
        #expect(broker.channels.isEmpty)
    }

    @Test func aPresenceChannelHasALimit() throws {
        var settings = ChannelBroker.Settings()
        settings.membersPerChannel = 1
        var broker = broker(connections: 2, settings: settings)
        for id: UInt64 in 1...2 {
            let message = try subscription(broker, id, "presence-a", data: #"{"user_id":"\#(id)"}"#)
            let answer = texts(broker.receive(id, Array(message.utf8), now: start))
            #expect(answer[0].contains(id == 1 ? "subscription_succeeded" : "subscription_error"))
        }
    }

    @Test func clientEventsReachTheOthersOfAPrivateChannel() throws {
        var broker = broker(connections: 2)
        for id: UInt64 in 1...2 {
            _ = broker.receive(id, Array(try subscription(broker, id, "private-a").utf8), now: start)
        }
        let event = #"{"event":"client-typing","channel":"private-a","data":{"on":true}}"#
        #expect(texts(broker.receive(1, Array(event.utf8), now: start)) == ["2 \(event)"])
    }

    @Test func clientEventsOfMembersTellWhoTheyAre() throws {
        var broker = broker(connections: 2)
        for id: UInt64 in 1...2 {
            let message = try subscription(broker, id, "presence-a", data: #"{"user_id":"u\#(id)"}"#)
            _ = broker.receive(id, Array(message.utf8), now: start)
        }
        let event = #"{"event":"client-a","channel":"presence-a","data":"x"}"#
        #expect(
            texts(broker.receive(1, Array(event.utf8), now: start)) == [
                #"2 {"event":"client-a","channel":"presence-a","data":"x","user_id":"u1"}"#
            ])
    }

    @Test func clientEventsNeedASubscriptionThatIsNotPublic() {
        var broker = broker(connections: 2)
        for id: UInt64 in 1...2 {
            _ = broker.receive(
                id, Array(#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#.utf8), now: start)
        }
        for channel in ["news", "private-a"] {
            let event = #"{"event":"client-a","channel":"\#(channel)","data":{}}"#
            let answer = texts(broker.receive(1, Array(event.utf8), now: start))
            #expect(answer.count == 1)
            #expect(answer[0].hasPrefix(#"1 {"event":"pusher:error""#))
        }
    }

    @Test func theEleventhClientEventOfASecondIsTooMuch() throws {
        var broker = broker(connections: 2)
        for id: UInt64 in 1...2 {
            _ = broker.receive(id, Array(try subscription(broker, id, "private-a").utf8), now: start)
        }
        let event = Array(#"{"event":"client-a","channel":"private-a","data":{}}"#.utf8)
        for _ in 1...10 { #expect(texts(broker.receive(1, event, now: start))[0].first == "2") }
        #expect(texts(broker.receive(1, event, now: start))[0].contains(#""code":4301"#))
        #expect(texts(broker.receive(1, event, now: start + .seconds(1)))[0].first == "2")
    }

    @Test func theSilentArePingedAndThenClosed() {
        var broker = broker(connections: 2)
        #expect(broker.tick(now: start + .seconds(119)).isEmpty)
        _ = broker.receive(2, Array(#"{"event":"pusher:pong","data":{}}"#.utf8), now: start + .seconds(119))
        #expect(
            texts(broker.tick(now: start + .seconds(120))) == [#"1 {"event":"pusher:ping","data":"{}"}"#])
        #expect(broker.tick(now: start + .seconds(149)).isEmpty)
        var answering = broker
        let pong = answering.receive(1, Array(#"{"event":"pusher:pong"}"#.utf8), now: start + .seconds(149))
        #expect(pong.isEmpty)
        #expect(answering.tick(now: start + .seconds(150)).isEmpty)
        let actions = texts(broker.tick(now: start + .seconds(150)))
        #expect(actions.last == "1 x 4201")
        #expect(Array(broker.connections.keys) == [2])
    }

    @Test func aPingIsAnswered() {
        var broker = broker(connections: 1)
        let answer = broker.receive(1, Array(#"{"event":"pusher:ping","data":""}"#.utf8), now: start)
        #expect(texts(answer) == [#"1 {"event":"pusher:pong","data":"{}"}"#])
    }

    @Test(arguments: [
        "", "x", "[]", "{}", #"{"event":1}"#, #"{"event":"other"}"#, #"{"event":"pusher:subscribe"}"#,
        #"{"event":"pusher:subscribe","data":"x"}"#, #"{"event":"pusher:subscribe","data":{"channel":"a b"}}"#,
        #"{"event":"pusher:signin","data":{}}"#, #"{"event":"client-","channel":5}"#,
    ])
    func nonsenseIsAnsweredWithAnError(text: String) {
        var broker = broker(connections: 1)
        let answer = texts(broker.receive(1, Array(text.utf8), now: start))
        #expect(answer.count == 1)
        #expect(answer[0].hasPrefix(#"1 {"event":"pusher:error","data":{"message":"#))
    }

    @Test func whoIsGoneIsNotHeard() {
        var broker = broker(connections: 1)
        _ = broker.closed(1)
        #expect(broker.receive(1, Array(#"{"event":"pusher:ping"}"#.utf8), now: start).isEmpty)
        #expect(broker.closed(1).isEmpty)
    }
}
