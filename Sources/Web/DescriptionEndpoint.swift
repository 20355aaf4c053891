import HTTPServer

/// `GET /openapi.json`: the description of this API, which the program carries with it (`fixtures/openapi.json`).
struct DescriptionEndpoint: Sendable {
    static let document = PackageResources.openapi_json

    func add(to router: inout Router) {
        router.on("GET", "/openapi.json") { request in
            HTTPResponse(
                status: 200, headers: [("Content-Type", "application/json"), ("Cache-Control", "no-cache")],
                body: Self.document
            ).conditional(on: request.http)
        }
    }
}
