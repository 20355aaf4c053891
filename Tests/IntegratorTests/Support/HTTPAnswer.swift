import HTTPClient
import JSON

/// An answer of the service.
struct HTTPAnswer: Sendable {
    let status: Int
    let headers: [(name: String, value: String)]
    let body: [UInt8]

    init(_ response: HTTPClientResponse) {
        status = response.status
        headers = response.headers
        body = response.body
    }

    var text: String { String(decoding: body, as: UTF8.self) }
    /// The body as JSON; nil if it is none.
    var json: JSONView? { (try? JSONDocument(parsing: body))?.root }
    /// `outcome` of an answer to a webhook.
    var outcome: String? { json?["outcome"]?.string }
    /// `code` of an error.
    var code: String? { json?["code"]?.string }

    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

extension ServiceUnderTest {
    /// Calls the HTTP API of the instance.
    func api(
        _ method: String, _ path: String, token: String? = nil, body: String? = nil,
        headers: [(name: String, value: String)] = [], timeout: Duration = .seconds(30)
    ) async throws -> HTTPAnswer {
        var headers = headers
        if let token { headers.append(("Authorization", "Bearer \(token)")) }
        if body != nil, !headers.contains(where: { $0.name.lowercased() == "content-type" }) {
            headers.append(("Content-Type", "application/json"))
        }
        return HTTPAnswer(
            try await client.send(
                HTTPClientRequest(
                    method: method, url: instance.url + path, headers: headers, body: Array((body ?? "").utf8),
                    timeout: timeout)))
    }

    /// Case 1: creates a dataset of a wishlist.
    func create(
        _ wishlist: TestWishlist, token: String, body: String? = nil, headers: [(name: String, value: String)] = []
    ) async throws -> HTTPAnswer {
        try await api(
            "POST", "/api/v1/wishlist-to-group/\(wishlist.slug)/createAnalysis", token: token, body: body,
            headers: headers)
    }
}
