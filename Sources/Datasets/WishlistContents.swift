import JSON

/// What a dataset is made of: the body of the create call (spec, section 4).
package struct WishlistContents: Sendable {
    /// Kinds of which at least one is needed.
    package static let required = ["products", "categories", "queries"]

    /// The rows as JSON arrays, by kind.
    private let lists: [String: [UInt8]]
    /// What is missing: kinds with no row.
    package let missing: [String]

    /// - Parameters:
    ///   - lists: the rows as JSON arrays, by kind.
    ///   - missing: kinds with no row.
    package init(lists: [String: [UInt8]], missing: [String]) {
        self.lists = lists
        self.missing = missing
    }

    /// The body of `POST /dataset/create`.
    /// - Parameter callback: the name under which the callback is registered.
    package func request(reference: String, name: String, callback: String, wishlist: Wishlist) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.field("reference", reference)
            json.field("name", name)
            json.field("callback", callback)
            json.key("wishlist")
            json.object { json in
                json.field("id", wishlist.id)
                json.field("slug", wishlist.slug)
                json.field("name", wishlist.name)
                json.field("group_id", wishlist.groupID)
            }
            for kind in Self.required { json.field(kind, raw: lists[kind]) }
        }
        return json.bytes
    }
}
