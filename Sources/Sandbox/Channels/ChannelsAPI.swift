import HTTPServer
import JSON
import Pusher

/// Pusher's HTTP API 1.0 as a function of a request and the broker's state.
struct ChannelsAPI: Sendable {
    /// An event that was accepted, with where it goes.
    struct Accepted: Sendable {
        let name: String
        let channels: [ChannelName]
        let data: String
        let socketID: String?
        let info: String?
    }

    struct Refusal: Error {
        let response: HTTPResponse

        init(_ status: Int, _ reason: String) { response = .text(status, reason) }
    }

    let credentials: PusherCredentials

    /// What a request asks for, once its signature and its contents are found right.
    enum Order: Sendable {
        case publish([Accepted], batch: Bool)
        case channels(prefix: String, info: String)
        case channel(ChannelName, info: String)
        case users(ChannelName)
    }

    /// `now` in Unix seconds.
    func read(_ request: HTTPRequest, limits: SandboxPusherLimits, now: Int64) throws(Refusal) -> Order {
        guard request.body.count <= limits.requestBytes else { throw Refusal(413, "Request too large") }
        // /apps/{id}/...
        guard let path = request.pathSegments?.dropFirst().map({ $0 }), path.count >= 2, path[0] == credentials.appID
        else { throw Refusal(404, "App not found") }
        let isBatch = path[1] == "batch_events"
        if isBatch, limits.batchEvents == 0 { throw Refusal(404, "Not found") }
        do {
            try PusherRequestVerifier(credentials: credentials).verify(
                method: request.method, path: request.path, query: request.query, body: request.body, now: now)
        } catch {
            throw Refusal(401, "\(error)")
        }
        let info = request.parameter("info") ?? ""
        switch (request.method, path.count, path[1]) {
        case ("POST", 2, "events"):
            return .publish([try event(try body(request), limits)], batch: false)
        case ("POST", 2, "batch_events"):
            return .publish(try batch(try body(request), limits), batch: true)
        case ("GET", 2, "channels"):
            let prefix = request.parameter("filter_by_prefix") ?? ""
            if info.split(separator: ",").contains("user_count"), !prefix.hasPrefix("presence-") {
                throw Refusal(400, "user_count is for presence channels only")
            }
            return .channels(prefix: prefix, info: info)
        case ("GET", 3, "channels"):
            let channel = try channel(path[2])
            if info.split(separator: ",").contains("user_count"), channel.kind != .presence {
                throw Refusal(400, "user_count is for presence channels only")
            }
            return .channel(channel, info: info)
        case ("GET", 4, "channels") where path[3] == "users":
            let channel = try channel(path[2])
            guard channel.kind == .presence else { throw Refusal(400, "Users are for presence channels only") }
            return .users(channel)
        default:
            throw Refusal(404, "Not found")
        }
    }

    private func body(_ request: HTTPRequest) throws(Refusal) -> JSONView {
        do throws(JSONError) {
            return try JSONDocument(parsing: request.body, maximumDepth: 64).root
        } catch {
            throw Refusal(400, "The body is not JSON: \(error)")
        }
    }

    private func batch(_ body: JSONView, _ limits: SandboxPusherLimits) throws(Refusal) -> [Accepted] {
        guard let batch = body["batch"], batch.kind == .array else { throw Refusal(400, "batch is missing") }
        let events = batch.elements
        guard events.count <= limits.batchEvents else {
            throw Refusal(400, "Batch too large (\(events.count) > \(limits.batchEvents))")
        }
        var accepted: [Accepted] = []
        for item in events { accepted.append(try event(item, limits)) }
        return accepted
    }

    private func event(_ event: JSONView, _ limits: SandboxPusherLimits) throws(Refusal) -> Accepted {
        guard let name = event["name"]?.string, (1...200).contains(name.utf8.count) else {
            throw Refusal(400, "name has to have 1 to 200 characters")
        }
        guard let data = event["data"]?.string else { throw Refusal(400, "data has to be a string") }
        guard data.utf8.count <= limits.dataBytes else {
            throw Refusal(413, "The data content of this event exceeds the allowed maximum (\(limits.dataBytes) bytes)")
        }
        let names = event["channels"]?.elements.map(\.string) ?? event["channel"].map { [$0.string] } ?? []
        guard (1...limits.channelsPerEvent).contains(names.count) else {
            throw Refusal(400, "An event goes to 1 to \(limits.channelsPerEvent) channels")
        }
        var channels: [ChannelName] = []
        for name in names { channels.append(try channel(name ?? "")) }
        let socketID = event["socket_id"].flatMap { $0.kind == .null ? nil : $0.string ?? "" }
        if let socketID, (try? PusherLimits.check(socketID: socketID)) == nil {
            throw Refusal(400, "Invalid socket id")
        }
        return Accepted(
            name: name, channels: channels, data: data, socketID: socketID, info: event["info"]?.string)
    }

    private func channel(_ text: String) throws(Refusal) -> ChannelName {
        guard let name = try? ChannelName(text) else { throw Refusal(400, "Invalid channel name: \(text.prefix(200))") }
        return name
    }
}

extension HTTPRequest {
    /// A parameter of the query, decoded; of a repeated one the last.
    func parameter(_ name: String) -> String? { queryItems?.last { $0.name == name }?.value }
}
