package import HTTPServer
package import Telemetry

/// Gives requests to the router's handlers, each in a task of its own, and what comes back its common headers.
///
/// `receive` is called on the server's event thread; `run` once, until cancelled.
package final class APIServer: Sendable {
    /// Requests that may wait for a task.
    private static let queueLimit = 1024

    private let router: Router
    private let log: Logger
    private let meter: RequestMeter?
    private let requests: AsyncStream<(HTTPRequest, HTTPResponder)>
    private let queue: AsyncStream<(HTTPRequest, HTTPResponder)>.Continuation

    /// - Parameter meter: counts the requests.
    package init(router: Router, log: Logger, meter: RequestMeter? = nil) {
        self.router = router
        self.log = log
        self.meter = meter
        (requests, queue) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.queueLimit))
    }

    /// Takes a request up.
    package func receive(_ request: HTTPRequest, _ responder: HTTPResponder) {
        if case .enqueued = queue.yield((request, responder)) { return }
        responder.respond(APIError.unavailable("unavailable", "Too much is waiting.", retryAfter: 1).response)
    }

    /// Takes no more.
    package func close() {
        queue.finish()
    }

    /// Answers until closed, and until all have been answered.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await (request, responder) in requests {
                group.addTask { responder.respond(await self.respond(to: request)) }
            }
        }
    }

    /// The answer to a request; never fails.
    package func respond(to http: HTTPRequest) async -> HTTPResponse {
        let started = ContinuousClock.now
        let id = RequestID.of(http)
        let request = APIRequest(http: http, id: id)
        var response: HTTPResponse
        do {
            response = try await route(request)
        } catch {
            let answer = APIError(error)
            if answer.status >= 500 && !(error is APIError) {
                log.error("request failed", ["request_id": .string(id), "error": .string("\(error)")])
            }
            response = answer.response
        }
        response.headers.append(("X-Request-Id", id))
        log.info(
            "request",
            [
                "request_id": .string(id), "trace_id": .string(request.trace.traceID),
                "method": .string(http.method), "path": .string(http.path),
                "status": .int(response.status),
                "milliseconds": .double((ContinuousClock.now - started) / .milliseconds(1)),
            ])
        meter?.observe(
            method: http.method, route: http.pathSegments.flatMap(router.template), status: response.status,
            since: started)
        return response
    }

    private func route(_ request: APIRequest) async throws -> HTTPResponse {
        guard let segments = request.http.pathSegments else {
            throw APIError(400, "bad_request", "The path is not rightly encoded.")
        }
        var request = request
        switch router.match(request.http.method, segments) {
        case .found(let route, let parameters):
            request.parameters = parameters
            return try await route.handler(request)
        case .methods(let methods):
            if request.http.method == "OPTIONS" {
                return HTTPResponse(status: 204, headers: [("Allow", methods.joined(separator: ", "))])
            }
            var error = APIError(405, "method_not_allowed", "The method is not allowed here.")
            error.headers = [("Allow", methods.joined(separator: ", "))]
            throw error
        case .nothing:
            throw APIError.notFound
        }
    }
}

/// `X-Request-Id`: what joins a caller's log with ours.
enum RequestID {
    /// The caller's, if it is one to 128 letters, digits, `-`, `_`, `.`, `:`; else a new one.
    static func of(_ request: HTTPRequest) -> String {
        if let id = request.headers["x-request-id"], (1...128).contains(id.utf8.count), id.utf8.allSatisfy(isAllowed) {
            return id
        }
        return String(UInt64.random(in: .min ... .max), radix: 16) + String(UInt64.random(in: .min ... .max), radix: 16)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5F: true
        default: false
        }
    }
}
