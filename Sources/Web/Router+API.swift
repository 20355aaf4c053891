package import Delivery
package import Store
package import Workflows

extension Router {
    /// All endpoints for web clients (spec, section 2), and the page.
    package static func api(
        histories: Histories, wishlists: Wishlists, creation: DatasetCreation, idempotency: IdempotentCreates,
        training: TrainingUpdate, pusher: PusherSettings, publicURL: String
    ) -> Router {
        var router = Router()
        DatasetEndpoints(wishlists: wishlists, creation: creation, idempotency: idempotency).add(to: &router)
        HistoryEndpoints(histories: histories, wishlists: wishlists, publicURL: publicURL).add(to: &router)
        TrainingEndpoint(wishlists: wishlists, update: training).add(to: &router)
        ChannelEndpoint(configuration: pusher, wishlists: wishlists).add(to: &router)
        WishlistsEndpoint(wishlists: wishlists, publicURL: publicURL, channels: pusher.channels).add(to: &router)
        ConsoleEndpoint(pusher: pusher).add(to: &router)
        DescriptionEndpoint().add(to: &router)
        return router
    }
}
