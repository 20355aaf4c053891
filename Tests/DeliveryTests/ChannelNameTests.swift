import Testing

@testable import Datasets
@testable import Delivery

@Suite(.timeLimit(.minutes(10))) struct ChannelNameTests {
    @Test func channelsOfAWishlist() {
        let address = WishlistAddress(slug: "shoes", groupID: 12)
        let names = ChannelKind.allCases.map { ChannelName($0, of: address)?.text }
        #expect(names == ["private-wishlist-to-group.shoes", "presence-wishlist-to-group.shoes", "private-group.12"])
    }

    @Test func aWishlistThatWasDeletedHasNoChannelOfAGroup() {
        let address = WishlistAddress(slug: "shoes", groupID: nil)
        #expect(ChannelName(.group, of: address) == nil)
        #expect(ChannelName(.wishlist, of: address)?.text == "private-wishlist-to-group.shoes")
    }
}
