import Datasets
import HTTPServer
import JSON
package import Store
import Time

/// `GET /webhooks/tv-python/{webhook-id}`: what became of a webhook, for its sender. The request has the headers of a webhook
/// with an empty body: its own `webhook-id`, its time, and their signature; the path names the webhook that is meant.
///
/// It tells what the sender has sent itself, and what that came to.
package struct ReceiptEndpoint: Sendable {
    let gate: WebhookGate
    let receipts: WebhookReceipts

    package init(gate: WebhookGate, receipts: WebhookReceipts) {
        self.gate = gate
        self.receipts = receipts
    }

    package func add(to router: inout Router) {
        router.on("GET", "\(WebhookEndpoint.path)/{id}", show)
    }

    private func show(_ request: APIRequest) async throws -> HTTPResponse {
        if let refusal = gate.refusal(ofHead: request.http) ?? gate.refusal(of: request.http) { return refusal }
        guard let id = request.parameters["id"], let entry = try await receipts.find(id) else {
            throw APIError.notFound
        }
        var json = JSONWriter()
        json.object { json in
            json.field("webhook_id", entry.key)
            json.field("type", entry.type)
            json.field("outcome", entry.outcome.label)
            json.field("reason", entry.reason)
            json.field("dataset_id", entry.datasetID)
            json.field("sequence", entry.sequence)
            json.field("history_id", entry.historyID)
            json.field("revision", entry.revision)
            json.field("status_label", entry.status?.label)
            json.field("sent_at", entry.times?.sent.iso8601)
            json.field("received_at", entry.times?.received.iso8601)
            json.field("committed_at", entry.recordedAt.iso8601)
        }
        return .resource(200, json.bytes)
    }
}
