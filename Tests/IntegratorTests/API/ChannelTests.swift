import JSON
import MySQL
import Pusher
import Testing

@testable import Integrator
@testable import Web

/// `POST /broadcasting/auth` (spec, section 5).
@Suite(.timeLimit(.minutes(10))) struct ChannelTests {
    private let authorizer = ChannelAuthorizer(credentials: ServiceUnderTest.pusher)

    private func ask(
        _ service: ServiceUnderTest, _ channel: String, token: String?, json: Bool = false,
        socketID: String = "1234.5678"
    ) async throws -> HTTPAnswer {
        let body =
            json
            ? #"{"socket_id": "\#(socketID)", "channel_name": "\#(channel)"}"#
            : "socket_id=\(socketID)&channel_name=\(channel)"
        let type = json ? "application/json; charset=utf-8" : "application/x-www-form-urlencoded"
        return try await service.api(
            "POST", "/broadcasting/auth", token: token, body: body, headers: [("Content-Type", type)])
    }

    @Test(arguments: [false, true])
    func membersMayJoin(json: Bool) async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene(role: "viewer")
            for channel in [scene.wishlist.wishlistChannel, scene.wishlist.groupChannel] {
                let answer = try await ask(service, channel, token: scene.token, json: json)
                let auth = try #require(answer.json?["auth"]?.string)
                #expect(answer.status == 200 && answer.json?.members.count == 1)
                #expect(authorizer.verify(auth: auth, socketID: "1234.5678", channel: channel))
            }
        }
    }

    @Test func presenceTellsWhoItIsAsPHPWouldWriteIt() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            try await service.execute("UPDATE users SET name = \("Zoë /\u{1F600}") WHERE id = \(scene.user)")
            let channel = "presence-wishlist-to-group.\(scene.wishlist.slug)"
            let answer = try await ask(service, channel, token: scene.token)
            let data = try #require(answer.json?["channel_data"]?.string)
            #expect(
                data
                    == #"{"user_id":"\#(scene.user)","user_info":{"id":\#(scene.user),"name":"Zo\u00eb \/\ud83d\ude00"}}"#
            )
            let auth = try #require(answer.json?["auth"]?.string)
            #expect(authorizer.verify(auth: auth, socketID: "1234.5678", channel: channel, channelData: data))
        }
    }

    /// Pusher takes 1 KB.
    @Test(arguments: [0, 1, 80, 82, 84, 255])
    func longNamesAreCut(count: Int) throws {
        let data = PresenceData.json(user: 7, name: String(repeating: "\u{1F600}", count: count))
        #expect(data.utf8.count <= 1024)
        #expect(count > 80 || data.utf8.count == 12 * count + 46)
        #expect(count <= 82 || data.utf8.count > 980)
        #expect((try? JSONDocument(parsing: Array(data.utf8)))?.root["user_id"]?.string == "7")
    }

    @Test func othersAreRefused() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let wishlist = scene.wishlist
            let outsider = try await service.token(of: try await service.user())
            let presence = "presence-wishlist-to-group.\(wishlist.slug)"
            for channel in [wishlist.wishlistChannel, wishlist.groupChannel, presence] {
                let answer = try await ask(service, channel, token: outsider)
                #expect(answer.status == 403 && answer.text == #"{"message":"","code":"forbidden"}"#)
                #expect(try await ask(service, channel, token: nil).status == 401)
            }
            for channel in [
                "wishlist-to-group.\(wishlist.slug)", "private-wishlist-to-group.", "private-wishlist-to-group.nobody",
                "private-\(wishlist.slug)", "presence-group.\(wishlist.groupID)", "private-group.+\(wishlist.groupID)",
                "private-group.0\(wishlist.groupID)", "private-group.x", "private-group.", "public", "",
                "private-encrypted-wishlist-to-group.\(wishlist.slug)", wishlist.wishlistChannel.uppercased(),
                wishlist.wishlistChannel + "%0A",
            ] {
                #expect(try await ask(service, channel, token: scene.token).status == 403, "\(channel)")
            }
            for socketID in ["", "1", "1.", "1.x", "1.2:private-other", String(repeating: "1", count: 63) + ".1"] {
                #expect(
                    try await ask(service, wishlist.wishlistChannel, token: scene.token, socketID: socketID).status
                        == 403)
            }
            let empty = try await service.api("POST", "/broadcasting/auth", token: scene.token, body: "{")
            #expect(empty.status == 403)
            try await service.execute("UPDATE wishlist_to_groups SET deleted_at = NOW() WHERE id = \(wishlist.id)")
            #expect(try await ask(service, wishlist.wishlistChannel, token: scene.token).status == 403)
        }
    }
}
