import HTTPClient
import JSON

/// The calls of the integrator's HTTP API that a web client makes.
struct IntegratorClient: Sendable {
    let url: String
    let token: String
    let http: HTTPClient

    /// The signature that lets a socket subscribe to a channel.
    func authorize(socketID: String, channel: String) async throws(SandboxError) -> String {
        let body = JSONWriter.bytes {
            $0.field("socket_id", socketID)
            $0.field("channel_name", channel)
        }
        let answer = try await send("POST", "/broadcasting/auth", body, expecting: 200)
        guard let auth = answer.root["auth"]?.string else {
            throw SandboxError("POST /broadcasting/auth answered without auth")
        }
        return auth
    }

    /// Creates a dataset; the history resource.
    func create(wishlist: String) async throws(SandboxError) -> JSONView {
        let answer = try await send(
            "POST", "/api/v1/wishlist-to-group/\(wishlist)/createAnalysis", Array("{}".utf8), expecting: 201)
        guard let data = answer.root["data"] else { throw SandboxError("createAnalysis answered without data") }
        return data
    }

    /// The body of a history's resource.
    func history(wishlist: String, id: Int64) async throws(SandboxError) -> JSONDocument {
        try await send("GET", "/api/v1/wishlist-to-group/\(wishlist)/histories/\(id)", [], expecting: 200)
    }

    /// `/metrics`.
    func metrics() async throws(SandboxError) -> PrometheusText {
        PrometheusText(String(decoding: try await bytes("GET", "/metrics", [], expecting: 200), as: UTF8.self))
    }

    private func send(
        _ method: String, _ path: String, _ body: [UInt8], expecting status: Int
    ) async throws(SandboxError) -> JSONDocument {
        let bytes = try await bytes(method, path, body, expecting: status)
        guard let document = try? JSONDocument(parsing: bytes) else {
            throw SandboxError("\(method) \(path) did not answer with JSON")
        }
        return document
    }

    private func bytes(
        _ method: String, _ path: String, _ body: [UInt8], expecting status: Int
    ) async throws(SandboxError) -> [UInt8] {
        try await http.fetch(
            method, url + path, body, expecting: status,
            headers: [("Authorization", "Bearer \(token)"), ("Content-Type", "application/json")])
    }
}

extension HTTPClient {
    /// The body of an answer with this status; anything else is an error that says what came instead.
    func fetch(
        _ method: String, _ url: String, _ body: [UInt8] = [], expecting status: Int,
        headers: [(name: String, value: String)] = []
    ) async throws(SandboxError) -> [UInt8] {
        let request = HTTPClientRequest(
            method: method, url: url, headers: headers + [("Accept", "application/json")], body: body,
            timeout: .seconds(30))
        let response: HTTPClientResponse
        do throws(HTTPClientError) {
            response = try await send(request)
        } catch {
            throw SandboxError("\(method) \(url): \(error)")
        }
        guard response.status == status else {
            let text = String(decoding: response.body.prefix(500), as: UTF8.self)
            throw SandboxError("\(method) \(url) answered \(response.status): \(text)")
        }
        return response.body
    }
}
