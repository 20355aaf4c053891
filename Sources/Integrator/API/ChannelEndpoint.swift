import HTTPServer
import JSON
import MySQL
import Pusher
import Telemetry

/// `POST /broadcasting/auth`: authorises a Pusher subscriber, as Laravel does (spec, section 5).
struct ChannelEndpoint: Sendable {
    private let authorizer: ChannelAuthorizer
    private let tokens: AccessTokens
    private let wishlists: Wishlists

    init(configuration: Configuration.PusherServer, tokens: AccessTokens, wishlists: Wishlists) {
        authorizer = ChannelAuthorizer(
            credentials: PusherCredentials(
                appID: configuration.appID, key: configuration.key, secret: configuration.secret.exposed))
        self.tokens = tokens
        self.wishlists = wishlists
    }

    func add(to router: inout Router) {
        router.on("POST", "/broadcasting/auth", authorize)
    }

    private func authorize(_ request: APIRequest) async throws -> HTTPResponse {
        let caller = try await tokens.caller(authorization: request.http.headers["authorization"])
        let (socketID, channel) = Self.fields(request.http)
        guard let socketID = SocketID.valid(socketID), let channel, try await mayJoin(channel, caller) else {
            throw APIError(403, "forbidden", "")
        }
        let auth = try authorizer.authorize(socketID: socketID, channel: channel)
        var json = JSONWriter()
        json.object { $0.field("auth", auth) }
        return HTTPResponse(status: 200, headers: [("Content-Type", "application/json")], body: json.bytes)
    }

    /// `socket_id` and `channel_name`, from a form or from JSON.
    private static func fields(_ request: HTTPRequest) -> (socketID: String?, channel: String?) {
        if request.headers["content-type"]?.lowercased().contains("json") == true {
            let root = (try? JSONDocument(parsing: request.body))?.root
            return (root?["socket_id"]?.string, root?["channel_name"]?.string)
        }
        let items = formItems(String(decoding: request.body, as: UTF8.self)) ?? []
        return (items.last { $0.name == "socket_id" }?.value, items.last { $0.name == "channel_name" }?.value)
    }

    private func mayJoin(_ channel: String, _ caller: Caller) async throws -> Bool {
        if channel.hasPrefix(ChannelName.wishlistPrefix) {
            let slug = String(channel.dropFirst(ChannelName.wishlistPrefix.count))
            return try await wishlists.find(slug: slug, user: caller.userID) != nil
        }
        if channel.hasPrefix(ChannelName.groupPrefix),
            let group = Int64(channel.dropFirst(ChannelName.groupPrefix.count))
        {
            return try await wishlists.isMember(user: caller.userID, group: group)
        }
        return false
    }
}
