import Datasets
import HTTPServer
import JSON
import Store
import Workflows

/// `PATCH .../update-tranning-status` (spec, section 2, Case 3), and its rightly spelt alias.
struct TrainingEndpoint: Sendable {
    let wishlists: Wishlists
    let update: TrainingUpdate

    func add(to router: inout Router) {
        for name in ["update-tranning-status", "update-training-status"] {
            router.on("PATCH", "\(DatasetEndpoints.wishlist)/\(name)", needs: .write, set)
        }
    }

    private func set(_ request: APIRequest, _ caller: Caller) async throws -> HTTPResponse {
        let wishlist = try await wishlists.open(request, caller)
        guard wishlist.role != .viewer else {
            throw APIError(403, "training_not_permitted", "Viewers may not change the training status.")
        }
        let wanted = try TrainingRequest(members: request.members(orElse: 400))
        let outcome = try await update.set(
            wanted, of: wishlist, by: caller,
            exceptSocketID: SocketID.valid(request.http.headers["x-socket-id"]))
        return .resource(200, outcome.resource())
    }
}
