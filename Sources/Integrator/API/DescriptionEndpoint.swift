import HTTPServer

/// `GET /openapi.json`: the description of this API, which the program carries with it (`fixtures/openapi.json`).
struct DescriptionEndpoint: Sendable {
    func add(to router: inout Router) {
        router.on("GET", "/openapi.json") { request in
            HTTPResponse(
                status: 200, headers: [("Content-Type", "application/json"), ("Cache-Control", "no-cache")],
                body: PackageResources.openapi_json
            ).conditional(on: request.http)
        }
    }
}
