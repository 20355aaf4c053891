import Datasets
package import HTTPServer
package import Lanes
import Telemetry
import Time

/// `POST /webhooks/tv-python` (spec, section 4): verifies, reads, and hands in; the lane answers after its commit.
///
/// `receive` runs on the server's event thread and never blocks.
package final class WebhookEndpoint: Sendable {
    package static let path = "/webhooks/tv-python"

    /// Whether a request's path is this one, with or without a slash at its end.
    package static func isAt(_ path: String) -> Bool {
        path.hasPrefix(Self.path) && APIServer.withoutTrailingSlashes(path) == Self.path
    }

    private let gate: WebhookGate
    private let lanes: HistoryLanes
    private let instruments: WebInstruments
    private var meter: RequestMeter { instruments.requests }

    package init(gate: WebhookGate, lanes: HistoryLanes, instruments: WebInstruments) {
        self.gate = gate
        self.lanes = lanes
        self.instruments = instruments
    }

    /// What the header alone shows to be wrong, before the body is read: on the server's event thread. Strangers cannot have
    /// bodies kept. nil for what may be right, and for requests that are not for this endpoint.
    package func refusal(of head: HTTPRequest) -> HTTPResponse? {
        guard Self.isAt(head.path) else { return nil }
        guard head.method == "POST" else {
            var error = APIError(405, "method_not_allowed", "The method is not allowed here.")
            error.headers = [("Allow", "POST")]
            return AnswerStamp(head, meter: meter).put(on: error.response)
        }
        return gate.refusal(ofHead: head).map { AnswerStamp(head, meter: meter).put(on: $0) }
    }

    /// Answers a request whose header has not been refused, now or after the commit.
    package func receive(_ request: HTTPRequest, _ responder: HTTPResponder) {
        let reply = WebhookReply(stamp: AnswerStamp(request, meter: meter), responder: responder)
        let received = Timestamp.now()
        if let refusal = gate.refusal(of: request) { return reply.send(refusal) }
        let webhook = IncomingWebhook(
            id: WebhookGate.id(of: request) ?? "", body: request.body,
            times: WebhookTimes(sent: WebhookGate.time(of: request) ?? received, received: received))
        instruments.log.debug(
            "webhook received",
            [
                "webhook_id": .string(webhook.id),
                "trace_id": .string(TraceContext(continuing: request.headers["traceparent"]).traceID),
            ])
        let lane = lanes.lane(for: webhook.datasetID ?? 0)
        if !lane.submit(Batch.PendingWebhook(webhook: webhook, answer: reply.send)) {
            gate.noteQueueFull(request)
            reply.send(Outcome.unavailable)
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
    @Sendable func send(_ answer: Outcome) { send(HTTPResponse(answer)) }

    func send(_ response: HTTPResponse) { responder.respond(stamp.put(on: response)) }
}

extension HTTPResponse {
    /// The answers of spec, section 4.
    fileprivate init(_ answer: Outcome) {
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
