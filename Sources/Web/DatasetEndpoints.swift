import Datasets
import HTTPServer
import JSON
import Pusher
import Store
import Workflows

/// Creating datasets (spec, section 2, Case 1).
struct DatasetEndpoints: Sendable {
    static let wishlist = "/api/v1/wishlist-to-group/{slug}"

    let wishlists: Wishlists
    let creation: DatasetCreation
    let idempotency: IdempotentCreates

    /// Adds the operations.
    func add(to router: inout Router) {
        router.on("POST", "\(Self.wishlist)/createAnalysis", needs: .write, create)
    }

    private func create(_ request: APIRequest, _ caller: Caller) async throws -> HTTPResponse {
        let wishlist = try await wishlists.open(request, caller)
        guard wishlist.role != .viewer else {
            throw APIError(403, "creation_not_permitted", "Viewers may not create datasets.")
        }
        let options = try DatasetCreation.Options(request)
        guard let key = request.http.headers["idempotency-key"] else {
            return .resource(201, try await create(wishlist, caller, options, request, under: nil).resource())
        }
        return try await idempotency.answer(key, of: wishlist, by: caller, body: request.http.body) { lease in
            try await create(wishlist, caller, options, request, under: lease)
        }
    }

    private func create(
        _ wishlist: Wishlist, _ caller: Caller, _ options: DatasetCreation.Options, _ request: APIRequest,
        under lease: IdempotencyKeys.Lease?
    ) async throws -> DatasetHistory {
        try await creation.create(
            of: wishlist, by: caller, options, exceptSocketID: SocketID.valid(request.http.headers["x-socket-id"]),
            traceparent: request.trace.header, under: lease)
    }
}

extension Wishlists {
    /// The wishlist that the path names; throws `APIError` 404 if there is none for this caller.
    func open(_ request: APIRequest, _ caller: Caller) async throws -> Wishlist {
        guard let slug = request.parameters["slug"],
            let wishlist = try await find(slug: slug, user: caller.userID)
        else { throw APIError.notFound }
        return wishlist
    }
}

/// The socket of a Pusher client, as Laravel Echo names it in `X-Socket-ID`.
enum SocketID {
    /// The id, if it is one.
    static func valid(_ text: String?) -> String? {
        guard let text, (try? PusherLimits.check(socketID: text)) != nil else { return nil }
        return text
    }
}

extension DatasetCreation.Options {
    /// Reads the body of Case 1; none is as good as `{}`. Throws `APIError` 422 that names each field at fault.
    init(_ request: APIRequest) throws(APIError) {
        self.init()
        var errors: [(field: String, reasons: [String])] = []
        for (field, value) in try request.members(orElse: 422) {
            switch field {
            case "name":
                guard value.kind != .null else { continue }
                if let text = value.string, !text.isEmpty, text.unicodeScalars.count <= 255 {
                    name = text
                } else {
                    errors.append((field, ["The name must be a string of 1 to 255 characters."]))
                }
            case "notifications":
                guard value.kind != .null else { continue }
                let preference = DatasetHistory.NotificationPreference.allCases.first { $0.name == value.string }
                if let preference {
                    notifications = preference
                } else {
                    errors.append((field, ["The notifications must be one of all, milestones, none."]))
                }
            default:
                errors.append((field, ["The field \(field) is not known."]))
            }
        }
        if !errors.isEmpty { throw .invalid(422, "invalid_body", errors) }
    }
}
