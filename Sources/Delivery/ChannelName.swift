package import Datasets
import Pusher

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

    /// The channels of a wishlist that are published to. Pusher takes no name with blanks, letters beyond ASCII or more than
    /// 164 characters, which a slug may have: where that leaves none, the group's channel takes their place.
    package static func all(_ kinds: [ChannelKind], of address: WishlistAddress) -> [String] {
        let names = kinds.compactMap { ChannelName($0, of: address)?.text }.filter(isValid)
        guard names.isEmpty, let group = ChannelName(.group, of: address)?.text else { return names }
        return [group]
    }

    /// Whether a wishlist has all the channels of its own that are published to.
    static func hasAll(_ kinds: [ChannelKind], of address: WishlistAddress) -> Bool {
        kinds.allSatisfy { ChannelName($0, of: address).map { isValid($0.text) } ?? true }
    }

    private static func isValid(_ name: String) -> Bool { (try? PusherLimits.check(channel: name)) != nil }
}
