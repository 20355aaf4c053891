import MySQL
import Signatures
import TestSupport
import Time

@testable import Datasets
@testable import Integrator
@testable import Store

/// A wishlist in the database.
struct TestWishlist: Sendable {
    let id: Int64
    let slug: String
    let name: String
    let groupID: Int64

    var wishlistChannel: String { "private-wishlist-to-group.\(slug)" }
    var groupChannel: String { "private-group.\(groupID)" }
}

/// A history in the database.
struct TestHistory: Sendable {
    let id: Int64
    let wishlistID: Int64
    let datasetID: Int64?
    let reference: String?
}

/// A user with a token, and a wishlist of a paying group that they own.
struct TestScene: Sendable {
    let user: Int64
    let token: String
    let wishlist: TestWishlist
}

extension ServiceUnderTest {
    func user(_ name: String = "Ada") async throws -> Int64 {
        let id = Fresh.number()
        try await execute("INSERT INTO users (id, name, email) VALUES (\(id), \(name), \("user-\(id)@example.com"))")
        return id
    }

    /// A group; with `stripeStatus` nil it has no subscription.
    func group(stripeStatus: String? = "active") async throws -> Int64 {
        let id = Fresh.number()
        try await execute("INSERT INTO `groups` (id, name) VALUES (\(id), \("Group \(id)"))")
        if let stripeStatus { try await subscription(of: id, status: stripeStatus) }
        return id
    }

    /// A subscription; the ends are in seconds from now.
    func subscription(
        of group: Int64, status: String, trialEndsIn: Int64? = nil, endsIn: Int64? = nil
    ) async throws {
        try await execute(
            """
            INSERT INTO subscriptions (group_id, stripe_id, stripe_status, trial_ends_at, ends_at) VALUES \
            (\(group), \("sub_\(Fresh.number())"), \(status), UTC_TIMESTAMP() + INTERVAL \(trialEndsIn) SECOND, \
            UTC_TIMESTAMP() + INTERVAL \(endsIn) SECOND)
            """)
    }

    func member(_ user: Int64, of group: Int64, role: String = "owner") async throws {
        try await execute("INSERT INTO group_user (group_id, user_id, role) VALUES (\(group), \(user), \(role))")
    }

    /// A Sanctum token, as a client has it: `ID|PLAINTEXT`.
    func token(
        of user: Int64, abilities: String = #"["*"]"#, expiresIn: Int64? = nil
    ) async throws -> String {
        let id = Fresh.number()
        let plaintext = Digest.hex(Digest.randomBytes(20))
        try await execute(
            """
            INSERT INTO personal_access_tokens (id, tokenable_type, tokenable_id, name, token, abilities, expires_at) \
            VALUES (\(id), \(#"App\Models\User"#), \(user), 'test', \
            \(Digest.hex(Digest.sha256(Array(plaintext.utf8)))), \(abilities), \
            UTC_TIMESTAMP() + INTERVAL \(expiresIn) SECOND)
            """)
        return "\(id)|\(plaintext)"
    }

    /// A wishlist with as many products, categories and queries as asked for.
    func wishlist(
        of group: Int64, slug: String? = nil, status: Int64 = 1, training: TrainingStatus = .none,
        products: Int = 2, categories: Int = 1, queries: Int = 1
    ) async throws -> TestWishlist {
        let id = Fresh.number()
        let wishlist = TestWishlist(id: id, slug: slug ?? "wishlist-\(id)", name: "Wishlist \(id)", groupID: group)
        try await execute(
            """
            INSERT INTO wishlist_to_groups (id, group_id, name, slug, status, training_status, created_at, updated_at) \
            VALUES (\(id), \(group), \(wishlist.name), \(wishlist.slug), \(status), \(training.rawValue), \
            UTC_TIMESTAMP(), UTC_TIMESTAMP())
            """)
        for number in 0..<products {
            try await execute(
                """
                INSERT INTO wishlist_products (wishlist_to_group_id, product_id, name, sku, url) VALUES \
                (\(id), \(Fresh.number()), \("Product \(number)"), \("SKU-\(number)"), NULL)
                """)
        }
        for number in 0..<categories {
            try await execute(
                """
                INSERT INTO wishlist_categories (wishlist_to_group_id, category_id, name) VALUES \
                (\(id), \(Fresh.number()), \("Category \(number)"))
                """)
        }
        for number in 0..<queries {
            try await execute(
                """
                INSERT INTO wishlist_search_queries (wishlist_to_group_id, query) VALUES (\(id), \("query \(number)"))
                """)
        }
        return wishlist
    }

    /// A user, their token, and a wishlist of theirs that is ready for a dataset.
    func scene(role: String = "owner", abilities: String = #"["*"]"#) async throws -> TestScene {
        let user = try await user()
        let group = try await group()
        try await member(user, of: group, role: role)
        return TestScene(
            user: user, token: try await token(of: user, abilities: abilities),
            wishlist: try await wishlist(of: group))
    }

    /// A history as the service would have made it. `datasetID` nil: the TV Python API has not named it yet.
    func history(
        of wishlist: TestWishlist, status: HistoryStatus = .queued, datasetID: Int64? = Fresh.number(),
        reference: String? = UUIDv7.make(milliseconds: Timestamp.now().microseconds / 1000), sequence: Int64 = 0,
        errorCode: String? = nil, notifications: DatasetHistory.NotificationPreference = .all,
        createdBy: Int64? = nil
    ) async throws -> TestHistory {
        let id = Fresh.number()
        try await execute(
            """
            INSERT INTO wishlist_dataset_histories \
            (id, wishlist_to_group_id, dataset_id, slug, status, reference, sequence, error_code, notifications, \
            created_by, created_at, updated_at) VALUES (\(id), \(wishlist.id), \(datasetID), \(wishlist.slug), \
            \(status.rawValue), \(reference), \(sequence), \(errorCode), \(notifications.rawValue), \(createdBy), \
            UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))
            """)
        return TestHistory(id: id, wishlistID: wishlist.id, datasetID: datasetID, reference: reference)
    }

    /// The history as it stands in the database.
    func stored(_ id: Int64) async throws -> DatasetHistory? {
        try await query("SELECT \(HistoryTable.columns) FROM wishlist_dataset_histories h WHERE h.id = \(id)").first
            .map(HistoryTable.history(from:))
    }
}
