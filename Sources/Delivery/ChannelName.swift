package import Datasets

/// The channels of a wishlist (spec, section 5).
package struct ChannelName: Sendable, Equatable {
    package static let wishlistPrefix = "private-wishlist-to-group."
    package static let presencePrefix = "presence-wishlist-to-group."
    package static let groupPrefix = "private-group."

    package let text: String

    /// The name of a kind of channel; nil where the wishlist has no group.
    package init?(_ kind: ChannelKind, of address: WishlistAddress) {
        switch kind {
        case .wishlist: text = Self.wishlistPrefix + address.slug
        case .presence: text = Self.presencePrefix + address.slug
        case .group:
            guard let groupID = address.groupID else { return nil }
            text = Self.groupPrefix + String(groupID)
        }
    }
}
