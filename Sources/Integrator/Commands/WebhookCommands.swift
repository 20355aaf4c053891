import Foundation
import HTTPClient
import JSON
import MySQL
import Signatures
import Time
import Web

extension CommandLineTool {
    /// `webhooks sign|send`.
    func webhooks(_ arguments: inout Arguments) async throws -> Bool {
        let isJSON = arguments.flag("--json")
        let command = arguments.next()
        guard command == "sign" || command == "send" else { throw UsageError(message: "webhooks: sign or send?") }
        let id = try arguments.option("--id") ?? "msg_" + UUIDv7.make(milliseconds: Timestamp.now().microseconds / 1000)
        let given = try arguments.option("--url")
        guard let path = arguments.next() else { throw UsageError(message: "webhooks \(command ?? ""): which file?") }
        try arguments.end()
        let body = try Self.read(path)
        let webhook = SignedWebhook(id: id, body: body, secret: try Configuration.secretsOnly(environment)[0])
        if command == "sign" {
            if isJSON {
                print(json: { json in
                    json.object { json in for (name, value) in webhook.headers { json.field(name, value) } }
                })
            } else {
                print(webhook.headers.map { "\($0.name): \($0.value)" }.joined(separator: "\n"))
            }
            return true
        }
        let url = try given ?? Configuration(environment).publicURL + WebhookEndpoint.path
        let client = HTTPClient(maximumConnectionsPerHost: 1, maximumResponseBytes: 1 << 20)
        let response: HTTPClientResponse
        do {
            response = try await webhook.post(to: url, client)
        } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
        let text = String(decoding: response.body, as: UTF8.self)
        if isJSON {
            print(json: { json in
                json.object { json in
                    json.field("id", id)
                    json.field("status", response.status)
                    json.field("answer", text)
                }
            })
        } else {
            print("\(id) -> \(response.status) \(text)")
        }
        return (200...299).contains(response.status)
    }

    private static func read(_ path: String) throws(UsageError) -> [UInt8] {
        do {
            let data =
                path == "-"
                ? try FileHandle.standardInput.readToEnd() ?? Data()
                : try Data(contentsOf: URL(fileURLWithPath: path))
            return Array(data)
        } catch {
            throw UsageError(message: "`\(path)` cannot be read")
        }
    }
}

/// A webhook with its signature (Standard Webhooks 1.0.0).
struct SignedWebhook {
    let headers: [(name: String, value: String)]
    private let body: [UInt8]

    init(id: String, body: [UInt8], secret: WebhookSecret) {
        let now = Timestamp.now().seconds
        self.body = body
        headers = [
            ("webhook-id", id), ("webhook-timestamp", String(now)),
            ("webhook-signature", WebhookSigner(secret: secret).sign(id: id, timestamp: now, body: body)),
        ]
    }

    func post(to url: String, _ client: HTTPClient) async throws(HTTPClientError) -> HTTPClientResponse {
        try await client.send(
            HTTPClientRequest(
                method: "POST", url: url, headers: headers + [("Content-Type", "application/json")], body: body,
                timeout: .seconds(20)))
    }
}
