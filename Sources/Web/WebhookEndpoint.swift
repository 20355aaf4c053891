import Datasets
package import Lanes
package import Store
package import TVPython
import Time
package import HTTPServer
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
    private let failures = FailureLimiter(perMinute: 60)
    private let registration: CallbackRegistration
    private let refused: RefusedWebhooks
    private let addresses: ClientAddress
    private let instruments: WebInstruments
    private var meter: RequestMeter { instruments.requests }

    package init(
        verifier: WebhookVerifier, lanes: HistoryLanes, registration: CallbackRegistration, refused: RefusedWebhooks,
        addresses: ClientAddress = ClientAddress(), instruments: WebInstruments
    ) {
        self.addresses = addresses
        self.verifier = Mutex(verifier)
        self.lanes = lanes
        self.registration = registration
        self.refused = refused
        self.instruments = instruments
    }

    /// Takes other secrets from now on.
    package func use(_ verifier: WebhookVerifier) {
        self.verifier.withLock { $0 = verifier }
    }

    /// What the header alone shows to be wrong, before the body is read: on the server's event thread. Strangers cannot have
    /// bodies kept. nil for what may be right, and for requests that are not for this endpoint.
    package func refusal(of head: HTTPRequest) -> HTTPResponse? {
        guard head.path == Self.path else { return nil }
        guard head.method == "POST" else {
            var error = APIError(405, "method_not_allowed", "The method is not allowed here.")
            error.headers = [("Allow", "POST")]
            return AnswerStamp(head, meter: meter).put(on: error.response)
        }
        let now = Timestamp.now()
        let id = Self.single("webhook-id", of: head)
        do throws(WebhookVerificationError) {
            try verifier.withLock { $0 }.check(
                id: id, timestamp: Self.single("webhook-timestamp", of: head),
                signature: Self.signatures(of: head), now: now.seconds)
            return nil
        } catch {
            return AnswerStamp(head, meter: meter).put(on: refuse(head, id: id, .init(error), at: now))
        }
    }

    /// Answers a request whose header has not been refused, now or after the commit.
    package func receive(_ request: HTTPRequest, _ responder: HTTPResponder) {
        let reply = WebhookReply(stamp: AnswerStamp(request, meter: meter), responder: responder)
        let now = Timestamp.now()
        let id = Self.single("webhook-id", of: request)
        let timestamp = Self.single("webhook-timestamp", of: request)
        do throws(WebhookVerificationError) {
            try verifier.withLock { $0 }.verify(
                id: id, timestamp: timestamp, signature: Self.signatures(of: request), body: request.body,
                now: now.seconds)
        } catch {
            if error == .noMatch { registration.signatureFailed() }
            return reply.send(refuse(request, id: id, .init(error), at: now))
        }
        registration.signatureHeld()
        let sent = Timestamp(seconds: timestamp.flatMap { Int64($0) } ?? now.seconds)
        let webhook = IncomingWebhook(
            id: id ?? "", body: request.body, times: WebhookTimes(sent: sent, received: now))
        instruments.log.debug(
            "webhook received",
            [
                "webhook_id": .string(webhook.id),
                "trace_id": .string(TraceContext(continuing: request.headers["traceparent"]).traceID),
            ])
        let lane = lanes.lane(of: webhook.datasetID ?? 0)
        if !lane.submit(Batch.PendingWebhook(webhook: webhook, answer: reply.send)) {
            instruments.refuse(.queueFull)
            refused.note(
                RefusedWebhook(time: now, address: addresses.resolve(request), webhookID: id, reason: .queueFull),
                isKept: false)
            reply.send(WebhookAnswer.unavailable)
        }
    }

    /// Several lines count as one list.
    private static func signatures(of request: HTTPRequest) -> String {
        if request.headers.count(of: "webhook-signature") == 1 { return request.headers["webhook-signature"] ?? "" }
        return request.headers.all("webhook-signature").joined(separator: " ")
    }

    /// The value of a field that may come once; of several nothing that could be right.
    private static func single(_ name: String, of request: HTTPRequest) -> String? {
        if request.headers.count(of: name) < 2 { return request.headers[name] }
        return request.headers.all(name).joined(separator: ", ")
    }

    /// Good webhooks are never held back; the more bad ones an address sends the less it is told, and the less is kept of
    /// them. Nobody is told the reason.
    private func refuse(
        _ request: HTTPRequest, id: String?, _ reason: RefusedWebhook.Reason, at now: Timestamp
    ) -> HTTPResponse {
        let address = addresses.resolve(request)
        let silence = failures.noteFailure(of: address, now: now.seconds)
        instruments.refuse(reason)
        refused.note(
            RefusedWebhook(time: now, address: address, webhookID: id, reason: reason), isKept: silence == nil)
        instruments.log.debug(
            "webhook refused", ["reason": .string(reason.rawValue), "address": .string(address)])
        if let silence {
            var error = APIError(429, "too_many_requests", "Too Many Attempts.")
            error.headers = [("Retry-After", String(silence))]
            return error.response
        }
        return APIError(401, "invalid_signature", "The webhook could not be verified.").response
    }
}

extension RefusedWebhook.Reason {
    fileprivate init(_ error: WebhookVerificationError) {
        self =
            switch error {
            case .missingHeader: .missingHeader
            case .malformedID: .malformedID
            case .malformedTimestamp: .malformedTimestamp
            case .malformedSignature: .malformedSignature
            case .tooOld: .tooOld
            case .tooNew: .tooNew
            case .noMatch: .noMatch
            }
    }
}

/// What all answers to one request get, and its measure.
private struct AnswerStamp: Sendable {
    private let requestID: String
    private let method: String
    private let started = ContinuousClock.now
    private let meter: RequestMeter

    init(_ request: HTTPRequest, meter: RequestMeter) {
        self.meter = meter
        method = request.method
        requestID = RequestID.of(request)
    }

    func put(on response: HTTPResponse) -> HTTPResponse {
        meter.observe(method: method, route: WebhookEndpoint.path, status: response.status, since: started)
        var response = response
        response.headers.append((RequestID.header, requestID))
        return response
    }
}

/// The way to answer one webhook.
private struct WebhookReply: Sendable {
    let stamp: AnswerStamp
    let responder: HTTPResponder

    /// Callable from any thread, once.
    @Sendable func send(_ answer: WebhookAnswer) { send(HTTPResponse(answer)) }

    func send(_ response: HTTPResponse) { responder.respond(stamp.put(on: response)) }
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
