import Datasets
import Delivery
import HTTPServer
import JSON
import Store
import Time

/// `GET /api/v1/wishlist-to-group`: the wishlists of the caller's groups by name, each with its latest dataset and with what
/// the caller may do.
struct WishlistsEndpoint: Sendable {
    private static let path = "/api/v1/wishlist-to-group"
    /// `wishlist_to_groups.status`, by the name that clients see.
    private static let statuses: [String: Int64] = ["inactive": 0, "active": 1, "canceled": 3]

    let wishlists: Wishlists
    let publicURL: String
    /// What this deployment publishes to.
    let channels: [ChannelKind]

    func add(to router: inout Router) {
        router.on("GET", Self.path, needs: .read, list)
    }

    private func list(_ request: APIRequest, _ caller: Caller) async throws -> HTTPResponse {
        var reader = try QueryReader(request.http)
        let filter = Self.filter(&reader)
        let perPage = Int(reader.integer("per_page", in: 1...100) ?? 15)
        let page = Int(reader.integer("page", in: 1...1_000_000_000) ?? 1)
        let otherParameters = reader.queryString(without: ["page"])
        try reader.finish()
        let list = WishlistList(user: caller.userID, filter)
        let (total, items) = try await wishlists.page(of: list, from: (page - 1) * perPage, limit: perPage)
        let pagination = Pagination(
            path: publicURL + request.http.path, otherParameters: otherParameters, perPage: perPage)
        var json = JSONWriter()
        json.array { json in
            for item in items { item.resource(for: caller, publishedTo: channels, into: &json) }
        }
        let body = pagination.numbered(page: page, count: items.count, total: total, data: json.bytes)
        return HTTPResponse.json(200, body).conditional(on: request.http)
    }

    private static func filter(_ reader: inout QueryReader) -> WishlistList.Filter {
        var filter = WishlistList.Filter()
        filter.slug = reader.text("slug")
        filter.search = reader.text("search")
        if let text = reader.text("status") {
            filter.status = statuses[text] ?? Int64(text).flatMap { statuses.values.contains($0) ? $0 : nil }
            if filter.status == nil { reader.fault("status", "The status must be one of active, inactive, canceled.") }
        }
        if let text = reader.text("dataset_status") {
            if text == "none" {
                filter.dataset = .missing
            } else if let status = HistoryStatus(text: text) {
                filter.dataset = .status(status)
            } else {
                let names = HistoryStatus.allCases.map(\.label).joined(separator: ", ")
                reader.fault("dataset_status", "The dataset status must be one of none, \(names).")
            }
        }
        return filter
    }
}

extension WishlistList.Item {
    /// Why something cannot be done now.
    struct Obstacle: Sendable {
        /// That of the error which the operation would answer with.
        var code: String
        var message: String
    }

    /// What keeps the caller from creating a dataset, in the order of Case 1 (spec, section 2).
    func obstacleToCreating(for caller: Caller) -> Obstacle? {
        if !caller.may(.write) { return .ability }
        if wishlist.role == .viewer {
            return Obstacle(code: "creation_not_permitted", message: "Viewers may not create datasets.")
        }
        if !wishlist.isActive { return Obstacle(code: "wishlist_inactive", message: "The wishlist is not active.") }
        if !isSubscribed {
            return Obstacle(code: "subscription_required", message: "The group has no valid subscription.")
        }
        if activeID != nil {
            return Obstacle(
                code: "dataset_already_processing", message: "A dataset of this wishlist is already being processed.")
        }
        if missing.isEmpty { return nil }
        let kinds = missing.map { "no \($0)" }.joined(separator: ", ")
        return Obstacle(code: "dataset_incomplete", message: "The wishlist has \(kinds).")
    }

    /// What keeps the caller from setting the training status, in the order of Case 3.
    func obstacleToTraining(for caller: Caller) -> Obstacle? {
        if !caller.may(.write) { return .ability }
        if wishlist.role == .viewer {
            return Obstacle(code: "training_not_permitted", message: "Viewers may not change the training status.")
        }
        if latest?.status == .completed { return nil }
        let state = latest.map { "The latest dataset is \($0.status.label)" } ?? "There is no dataset yet"
        return Obstacle(code: "dataset_not_ready", message: "\(state); training needs a completed one.")
    }

    /// The names of the channels where clients hear of the wishlist.
    func channels(publishedTo kinds: [ChannelKind]) -> [String] {
        ChannelName.all(kinds, of: WishlistAddress(slug: wishlist.slug, groupID: wishlist.groupID))
    }

    /// The wishlist as clients see it; its latest dataset is without the result, which may be large.
    func resource(
        for caller: Caller, publishedTo kinds: [ChannelKind], into json: inout JSONWriter
    ) {
        json.object { json in
            json.field("id", wishlist.id)
            json.field("slug", wishlist.slug)
            json.field("name", wishlist.name)
            json.field("group_id", wishlist.groupID)
            json.field("group_name", groupName)
            json.field("role", wishlist.role.rawValue)
            json.field("status", wishlist.status)
            json.field("training_status", wishlist.training.rawValue)
            json.field("training_status_label", wishlist.training.label)
            json.field("training_scheduled_at", wishlist.trainingScheduledAt?.iso8601)
            json.field("is_subscribed", isSubscribed)
            json.key("create")
            json.object { json in
                json.obstacle(obstacleToCreating(for: caller))
                json.field("active_history_id", activeID)
            }
            json.key("train")
            json.object { json in
                json.obstacle(obstacleToTraining(for: caller))
                json.key("statuses")
                json.array { json in for next in wishlist.training.clientTransitions { json.value(next.label) } }
            }
            json.key("channels")
            json.array { json in for channel in channels(publishedTo: kinds) { json.value(channel) } }
            json.key("latest_dataset")
            if let latest { latest.resource(into: &json) } else { json.null() }
        }
    }
}

extension WishlistList.Item.Obstacle {
    fileprivate static let ability = Self(code: "ability_missing", message: "This access token may only read.")
}

extension JSONWriter {
    fileprivate mutating func obstacle(_ obstacle: WishlistList.Item.Obstacle?) {
        field("allowed", obstacle == nil)
        field("code", obstacle?.code)
        field("message", obstacle?.message)
    }
}
