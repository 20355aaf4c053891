import Datasets
import Delivery
import HTTPServer
import JSON
import Pusher
import Store
import Telemetry
import Text

/// `POST /broadcasting/auth`: authorises a Pusher subscriber, as Laravel does (spec, section 5).
struct ChannelEndpoint: Sendable {
    private let authorizer: ChannelAuthorizer
    private let wishlists: Wishlists

    init(configuration: PusherSettings, wishlists: Wishlists) {
        authorizer = ChannelAuthorizer(
            credentials: configuration.credentials)
        self.wishlists = wishlists
    }

    func add(to router: inout Router) {
        router.on("POST", "/broadcasting/auth", needs: .read, authorize)
    }

    private func authorize(_ request: APIRequest, _ caller: Caller) async throws -> HTTPResponse {
        let (socketID, channel) = Self.fields(request.http)
        guard let socketID = SocketID.valid(socketID), let channel, try await mayJoin(channel, caller) else {
            throw Self.forbidden
        }
        let data =
            channel.hasPrefix("presence-")
            ? PresenceData.json(user: caller.userID, name: try await wishlists.name(ofUser: caller.userID)) : nil
        guard let auth = try? authorizer.authorize(socketID: socketID, channel: channel, channelData: data) else {
            throw Self.forbidden
        }
        var json = JSONWriter()
        json.object { json in
            json.field("auth", auth)
            if let data { json.field("channel_data", data) }
        }
        return .json(200, json.bytes)
    }

    private static let forbidden = APIError(403, "forbidden", "")

    /// `socket_id` and `channel_name`, from JSON or a form, which it is without a type.
    private static func fields(_ request: HTTPRequest) -> (socketID: String?, channel: String?) {
        let isJSON = request.mediaType.map(HTTPRequest.isJSON) ?? (request.body.first == UInt8(ascii: "{"))
        let root: JSONView?
        if isJSON {
            root = (try? JSONDocument(parsing: request.body))?.root
        } else {
            let text = String(decoding: request.body, as: UTF8.self)
            root = FormFields.json((try? request.formItems() ?? PercentCoding.items(text)) ?? [])
        }
        return (root?["socket_id"]?.string, root?["channel_name"]?.string)
    }

    /// Members of the group may join its channel and those of its wishlists, whether or not this service publishes to them.
    private func mayJoin(_ channel: String, _ caller: Caller) async throws -> Bool {
        for prefix in [ChannelName.wishlistPrefix, ChannelName.presencePrefix] where channel.hasPrefix(prefix) {
            return try await wishlists.find(
                slug: String(channel.dropFirst(prefix.count)), user: caller.userID) != nil
        }
        if channel.hasPrefix(ChannelName.groupPrefix) {
            let text = channel.dropFirst(ChannelName.groupPrefix.count)
            guard let group = Int64(text), String(group) == text else { return false }
            return try await wishlists.isMember(user: caller.userID, group: group)
        }
        return false
    }
}

/// Who a member of a presence channel is, as the others see them.
enum PresenceData {
    /// The most that Pusher takes, in bytes.
    private static let limit = 1024

    /// `{"user_id":"1","user_info":{"id":1,"name":"..."}}` as PHP's `json_encode` writes it; a long name is cut.
    static func json(user: Int64, name: String) -> String {
        var name = name
        while true {
            var json = JSONWriter(escaping: .php)
            json.object { json in
                json.field("user_id", String(user))
                json.key("user_info")
                json.object { json in
                    json.field("id", user)
                    json.field("name", name)
                }
            }
            if json.bytes.count <= limit || name.isEmpty { return String(decoding: json.bytes, as: UTF8.self) }
            name = String(name.unicodeScalars.dropLast(max(1, (json.bytes.count - limit) / 12)))
        }
    }
}
