import HTTPClient
import HTTPServer
import JSON
import Pusher
import Signatures
import Synchronization

@testable import Sandbox

func endpoint(_ sandbox: SandboxServer) -> PusherEndpoint {
    PusherEndpoint(scheme: "http", host: "127.0.0.1", port: Int(sandbox.port))
}

let credentials = PusherCredentials(appID: "42", key: "app-key", secret: "app-secret")

func json(_ bytes: [UInt8]) throws -> JSONView { try JSONDocument(parsing: bytes).root }
func json(_ text: String) throws -> JSONView { try json(Array(text.utf8)) }

/// A sandbox on a free port that is stopped at the end.
func withSandbox<Result>(
    _ change: (inout SandboxServer.Configuration) -> Void = { _ in }, _ body: (SandboxServer) async throws -> Result
) async throws -> Result {
    var configuration = SandboxServer.Configuration(tvToken: "tv-token", pusher: credentials)
    configuration.scenario.stepDelay = 0
    change(&configuration)
    let sandbox = try SandboxServer.start(configuration)
    do {
        let result = try await body(sandbox)
        await sandbox.stop()
        return result
    } catch {
        await sandbox.stop()
        throw error
    }
}

/// An HTTP client that is shut down at the end.
func withClient<Result>(_ body: (HTTPClient) async throws -> Result) async throws -> Result {
    let client = HTTPClient(maximumConnectionsPerHost: 16, maximumResponseBytes: 1 << 20, caFile: nil)
    do {
        let result = try await body(client)
        await client.shutdown()
        return result
    } catch {
        await client.shutdown()
        throw error
    }
}

/// A client of the sandbox's TV Python API.
struct TVClient {
    let http: HTTPClient
    let url: String
    var token = "tv-token"

    func send(
        _ method: String, _ path: String, _ body: String = "", key: String? = nil, timeout: Duration = .seconds(10)
    ) async throws -> HTTPClientResponse {
        var headers: [(name: String, value: String)] = [("Authorization", "Bearer \(token)")]
        if let key { headers.append(("Idempotency-Key", key)) }
        return try await http.send(
            HTTPClientRequest(
                method: method, url: url + path, headers: headers, body: Array(body.utf8), timeout: timeout)
        )
    }

    func create(_ key: String, body: String = createBody, timeout: Duration = .seconds(10)) async throws
        -> HTTPClientResponse
    {
        try await send("POST", "/dataset/create", body, key: key, timeout: timeout)
    }

    /// Registers the callback; the secret.
    func register(_ url: String, events: String = #"["*"]"#) async throws -> WebhookSecret {
        let secret = WebhookSecret.generate()
        _ = try await send(
            "PUT", "/callbacks/gb-console", #"{"url":"\#(url)","events":\#(events),"secret":"\#(secret.text)"}"#)
        return secret
    }
}

let createBody = #"""
    {"reference":"ref-1","name":"Shoes","callback":"gb-console",
     "wishlist":{"id":1,"slug":"shoes","name":"Shoes","group_id":2},
     "products":[{"id":1},{"id":2}],"categories":[{"id":1}],"queries":["red shoes"]}
    """#

/// A callback that answers as told and keeps what it got.
final class Receiver: Sendable {
    let requests = Recorder<HTTPRequest>()
    private let server: HTTPServer
    var url: String { "http://127.0.0.1:\(server.port)/hook" }

    private init(_ server: HTTPServer) { self.server = server }

    /// `answer` gets the number of the request, from 0, and the request.
    static func with<Result>(
        _ answer: @escaping @Sendable (Int, HTTPRequest) -> HTTPResponse = { _, _ in applied },
        _ body: (Receiver) async throws -> Result
    ) async throws -> Result {
        let owner = Mutex<Receiver?>(nil)
        let count = Atomic(0)
        let server = try HTTPServer.start(HTTPServer.Configuration()) { request, responder in
            let number = count.wrappingAdd(1, ordering: .relaxed).oldValue
            responder.respond(answer(number, request))
            owner.withLock { $0 }?.requests.append(request)
        }
        let receiver = Receiver(server)
        owner.withLock { $0 = receiver }
        // The server keeps the handler, which must not keep the server.
        defer { owner.withLock { $0 = nil } }
        do {
            let result = try await body(receiver)
            await server.stop(within: .seconds(1))
            return result
        } catch {
            await server.stop(within: .seconds(1))
            throw error
        }
    }

    static let applied = HTTPResponse(status: 200, body: Array(#"{"outcome":"applied"}"#.utf8))

    /// Of all requests: the type and the sequence.
    var webhooks: [String] {
        requests.all.map { request in
            let root = try? json(request.body)
            return "\(root?["type"]?.string ?? "?") \(root?["data"]?["sequence"]?.int ?? -1)"
        }
    }
}
