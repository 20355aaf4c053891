import Datasets
package import Lanes
package import TVPython
import Time
package import HTTPServer
import MySQL
import Telemetry
package import Signatures
import Synchronization

/// `POST /webhooks/tv-python` (spec, section 4): verifies, reads, and hands in; the lane answers after its commit.
///
/// `receive` runs on the server's event thread and never blocks.
package final class WebhookEndpoint: Sendable {
    package static let path = "/webhooks/tv-python"

    private let verifier: Mutex<WebhookVerifier>
    private let lanes: HistoryLanes
    private let registration: CallbackRegistration
    private let failures: FailureLimiter
    private let instruments: WebInstruments
    private var meter: RequestMeter { instruments.requests }

    package init(
        verifier: WebhookVerifier, lanes: HistoryLanes, registration: CallbackRegistration,
        instruments: WebInstruments
    ) {
        self.verifier = Mutex(verifier)
        self.lanes = lanes
        self.registration = registration
        self.failures = FailureLimiter(perMinute: 60)
        self.instruments = instruments
    }

    /// Takes other secrets from now on.
    package func use(_ verifier: WebhookVerifier) {
        self.verifier.withLock { $0 = verifier }
    }

    /// Answers, now or after the commit.
    package func receive(_ request: HTTPRequest, _ responder: HTTPResponder) {
        let reply = WebhookReply(request, responder, meter: meter)
        guard request.method == "POST" else {
            var error = APIError(405, "method_not_allowed", "The method is not allowed here.")
            error.headers = [("Allow", "POST")]
            return reply.send(error.response)
        }
        let now = Timestamp.now().seconds
        let id = request.headers["webhook-id"]
        do {
            try verifier.withLock { $0 }.verify(
                id: id, timestamp: request.headers["webhook-timestamp"],
                signature: request.headers["webhook-signature"], body: request.body, now: now)
        } catch {
            if error == .noMatch { registration.signatureFailed() }
            return reply.send(refusal(error, of: request.remoteAddress, now: now))
        }
        registration.signatureHeld()
        let webhook = IncomingWebhook(id: id ?? "", body: request.body)
        instruments.log.debug(
            "webhook received",
            [
                "webhook_id": .string(webhook.id),
                "trace_id": .string(TraceContext(continuing: request.headers["traceparent"]).traceID),
            ])
        let lane = lanes.lane(of: webhook.datasetID ?? 0)
        if !lane.submit(Batch.PendingWebhook(webhook: webhook, answer: reply.send)) {
            instruments.refuse("queue_full")
            reply.send(WebhookAnswer.unavailable)
        }
    }

    /// Good webhooks are never held back; the more bad ones an address sends the less it is told.
    private func refusal(_ error: WebhookVerificationError, of address: String, now: Int64) -> HTTPResponse {
        instruments.log.debug("webhook refused", ["reason": .string("\(error)"), "address": .string(address)])
        if let seconds = failures.retryAfter(address, now: now) {
            instruments.refuse("rate_limited")
            var error = APIError(429, "too_many_requests", "Too Many Attempts.")
            error.headers = [("Retry-After", String(seconds))]
            return error.response
        }
        instruments.refuse("signature")
        return APIError(401, "invalid_signature", "The webhook could not be verified.").response
    }
}

/// The way to answer one webhook.
private final class WebhookReply: Sendable {
    private let responder: HTTPResponder
    private let requestID: String
    private let method: String
    private let started = ContinuousClock.now
    private let meter: RequestMeter

    init(_ request: HTTPRequest, _ responder: HTTPResponder, meter: RequestMeter) {
        self.responder = responder
        self.meter = meter
        method = request.method
        requestID = RequestID.of(request)
    }

    /// Callable from any thread, once.
    @Sendable func send(_ answer: WebhookAnswer) { send(HTTPResponse(answer)) }

    func send(_ response: HTTPResponse) {
        meter.observe(method: method, route: WebhookEndpoint.path, status: response.status, since: started)
        var response = response
        response.headers.append((RequestID.header, requestID))
        responder.respond(response)
    }
}

extension HTTPResponse {
    /// The answers of spec, section 4.
    fileprivate init(_ answer: WebhookAnswer) {
        self =
            switch answer {
            case .applied: .applied
            case .duplicate: .outcome(200, "duplicate")
            case .stale: .outcome(200, "stale")
            case .ignored: .outcome(200, "ignored")
            case .parked: .outcome(202, "parked")
            case .rejected(let reason): APIError(422, "webhook_rejected", reason).response
            case .unavailable:
                APIError.unavailable("unavailable", "The webhook cannot be stored at present.", retryAfter: 2).response
            case .failed: APIError.serverError.response
            }
    }

    private static let applied = outcome(200, "applied")

    private static func outcome(_ status: Int, _ name: String) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: [("Content-Type", "application/json")],
            body: Array(#"{"outcome":"\#(name)"}"#.utf8))
    }
}
