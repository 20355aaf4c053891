import HTTPServer
import JSON
import MySQL

/// The operations on one wishlist (spec, section 2).
package struct DatasetEndpoints: Sendable {
    static let wishlist = "/api/v1/wishlist-to-group/{slug}"

    let pool: MySQLPool
    let tokens: AccessTokens
    let wishlists: Wishlists
    let creation: DatasetCreation

    /// Adds the operations.
    func add(to router: inout Router) {
        router.on("POST", "\(Self.wishlist)/createAnalysis", create)
        router.on("GET", "\(Self.wishlist)/histories/{id}", show)
    }

    /// The caller, and the wishlist that the path names: 401, 403 or 404 if there is none for this caller.
    private func open(
        _ request: APIRequest, _ ability: Caller.Ability
    ) async throws -> (caller: Caller, wishlist: Wishlist) {
        let caller = try await tokens.caller(authorization: request.http.headers["authorization"])
        guard caller.may(ability) else { throw APIError(403, "ability_missing", "Invalid ability provided.") }
        guard let slug = request.parameters["slug"],
            let wishlist = try await wishlists.find(slug: slug, user: caller.userID)
        else { throw APIError.notFound }
        return (caller, wishlist)
    }

    private func create(_ request: APIRequest) async throws -> HTTPResponse {
        let (caller, wishlist) = try await open(request, .write)
        let options = try DatasetCreation.Options(body: request.http.body)
        let history = try await creation.create(
            of: wishlist, by: caller, options, exceptSocketID: SocketID.valid(request.http.headers["x-socket-id"]),
            traceparent: request.trace.header)
        return Self.response(201, history.resource())
    }

    private func show(_ request: APIRequest) async throws -> HTTPResponse {
        let (_, wishlist) = try await open(request, .read)
        guard let id = request.parameters["id"].flatMap({ Int64($0) }) else { throw APIError.notFound }
        let sql: SQL = """
            SELECT \(HistoryTable.columns), h.result FROM wishlist_dataset_histories h \
            WHERE h.id = \(id) AND h.wishlist_to_group_id = \(wishlist.id)
            """
        guard let row = try await pool.withConnection({ try $0.query(sql).first }) else { throw APIError.notFound }
        return Self.response(200, try HistoryTable.history(from: row).resource(result: row.optionalBytes("result")))
    }

    /// A single resource.
    private static func response(_ status: Int, _ resource: [UInt8]) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: [("Content-Type", "application/json")],
            body: Array(#"{"data":"#.utf8) + resource + [UInt8(ascii: "}")])
    }
}

/// The socket of a Pusher client, as Laravel Echo names it in `X-Socket-ID`.
enum SocketID {
    /// The id, if it is one: digits, a dot, digits.
    static func valid(_ text: String?) -> String? {
        guard let text, text.utf8.count <= 50 else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } })
        else { return nil }
        return text
    }
}

extension DatasetCreation.Options {
    /// Reads the body of Case 1; none is as good as `{}`. Throws `APIError` 422 that names each field at fault.
    package init(body: [UInt8]) throws(APIError) {
        self.init()
        if body.isEmpty { return }
        guard let root = (try? JSONDocument(parsing: body))?.root, root.kind == .object else {
            throw .invalid(422, "invalid_body", [("body", ["The body must be a JSON object."])])
        }
        var errors: [(field: String, reasons: [String])] = []
        for (field, value) in root.members {
            switch field {
            case "name":
                guard value.kind != .null else { continue }
                if let text = value.string, !text.isEmpty, text.unicodeScalars.count <= 255 {
                    name = text
                } else {
                    errors.append((field, ["The name must be a string of 1 to 255 characters."]))
                }
            case "notifications":
                let preference = DatasetHistory.NotificationPreference.allCases.first { "\($0)" == value.string }
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
