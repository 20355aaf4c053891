import JSON

/// The body of `POST /dataset/create`, as far as the sandbox needs it.
struct CreateRequest: Sendable {
    let reference: String
    let callback: String
    let name: String
    let productCount: Int

    /// Throws what is wrong with it, for the client to read.
    init(_ body: [UInt8]) throws(SandboxError) {
        guard let root = try? JSONDocument(parsing: body).root, root.kind == .object else {
            throw SandboxError("The body has to be a JSON object.")
        }
        reference = try Self.text(root, "reference")
        callback = try Self.text(root, "callback")
        name = try Self.text(root, "name")
        guard let wishlist = root["wishlist"], wishlist["id"]?.int != nil, wishlist["group_id"]?.int != nil else {
            throw SandboxError("wishlist has to be an object with the numbers id and group_id.")
        }
        _ = try Self.text(wishlist, "slug")
        _ = try Self.text(wishlist, "name")
        for list in ["products", "categories", "queries"] {
            guard let value = root[list], value.kind == .array, !value.elements.isEmpty else {
                throw SandboxError("\(list) has to be an array that is not empty.")
            }
        }
        productCount = root["products"]?.elements.count ?? 0
    }

    private static func text(_ object: JSONView, _ name: String) throws(SandboxError) -> String {
        guard let text = object[name]?.string, !text.isEmpty else {
            throw SandboxError("\(name) has to be a string that is not empty.")
        }
        return text
    }
}
