import HTTPClient
import JSON
import Signatures

/// Posts a webhook once, signed by Standard Webhooks 1.0.0 with the time of the attempt.
struct WebhookSender: Sendable {
    let client: HTTPClient
    /// Standard Webhooks advises 15 to 30 seconds.
    var timeout: Duration = .seconds(20)

    struct Result: Sendable {
        let attempt: WebhookAttempt
        /// Seconds, if the answer names them.
        let retryAfter: Int?
    }

    func send(_ webhook: Webhook, number: Int, to callback: Callback) async -> Result {
        let now = WallClock.seconds
        let signature = WebhookSigner(secret: callback.secret).sign(id: webhook.id, timestamp: now, body: webhook.body)
        let request = HTTPClientRequest(
            method: "POST", url: callback.url,
            headers: [
                ("Content-Type", "application/json"), ("webhook-id", webhook.id), ("webhook-timestamp", "\(now)"),
                ("webhook-signature", signature),
            ], body: webhook.body, timeout: timeout)
        let sentAt = ContinuousClock.now
        do throws(HTTPClientError) {
            let response = try await client.send(request)
            let outcome = (try? JSONDocument(parsing: response.body))?.root["outcome"]?.string
            let attempt = WebhookAttempt(
                webhook: webhook, number: number, status: response.status, outcome: outcome, error: nil,
                sentAt: sentAt, duration: ContinuousClock.now - sentAt)
            return Result(attempt: attempt, retryAfter: response.retryAfter(now: now).map { Int(clamping: $0) })
        } catch {
            let attempt = WebhookAttempt(
                webhook: webhook, number: number, status: nil, outcome: nil, error: "\(error)", sentAt: sentAt,
                duration: ContinuousClock.now - sentAt)
            return Result(attempt: attempt, retryAfter: nil)
        }
    }
}
