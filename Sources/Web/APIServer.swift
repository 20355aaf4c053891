import Datasets
package import HTTPServer
package import Telemetry

/// Gives requests to the router's handlers, each in a task of its own, and what comes back its common headers.
///
/// `receive` is called on the server's event thread; `run` once, until cancelled.
package final class APIServer: Sendable {
    /// Requests that may wait for a task.
    private static let queueLimit = 1024

    private let router: Router
    private let gate: Gate
    private let cors: CORSPolicy
    private let log: Logger
    private let meter: RequestMeter?
    private let headers: [(name: String, value: String)]
    private let requests: AsyncStream<(HTTPRequest, HTTPResponder)>
    private let queue: AsyncStream<(HTTPRequest, HTTPResponder)>.Continuation

    /// - Parameters:
    ///   - meter: counts the requests.
    ///   - headers: of all answers, instead of what a handler says.
    package init(
        router: Router, gate: Gate, cors: CORSPolicy, log: Logger, meter: RequestMeter? = nil,
        headers: [(name: String, value: String)] = []
    ) {
        self.headers = headers
        self.router = router
        self.gate = gate
        self.cors = cors
        self.log = log
        self.meter = meter
        (requests, queue) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.queueLimit))
    }

    /// Takes a request up.
    package func receive(_ request: HTTPRequest, _ responder: HTTPResponder) {
        if case .enqueued = queue.yield((request, responder)) { return }
        let busy = APIError.unavailable("unavailable", "Too much is waiting.", retryAfter: 1).response
        responder.respond(finish(busy, to: request, id: RequestID.of(request)))
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

    /// What the HTTP server answers by itself, in the API's form.
    package static func errorResponse(_ status: Int) -> HTTPResponse {
        let (code, message) =
            switch status {
            case 400: ("bad_request", "Bad request.")
            case 413: ("payload_too_large", "The request body is too large.")
            case 414: ("uri_too_long", "The request target is too long.")
            case 431: ("header_too_large", "The request header is too large.")
            case 501: ("not_implemented", "This transfer coding is not supported.")
            case 503: ("unavailable", "The service is not available at present.")
            default: ("server_error", "Server Error")
            }
        var response = APIError(status, code, message).response
        if status == 503 { response.headers.append(("Retry-After", "1")) }
        response.headers.append((RequestID.header, RequestID.make()))
        return response
    }

    /// The answer to a request; never fails.
    package func respond(to sent: HTTPRequest) async -> HTTPResponse {
        let started = ContinuousClock.now
        let id = RequestID.of(sent)
        var http = sent
        http.path = Self.withoutTrailingSlashes(sent.path)
        var request = APIRequest(http: http, id: id)
        var headers: [(name: String, value: String)] = []
        var response: HTTPResponse
        do {
            http.method = try MethodOverride.method(of: http)
            request.http = http
            response = try await route(request, headers: &headers)
        } catch {
            let answer = APIError(error)
            if answer.status >= 500 && !(error is APIError || error is Refusal) {
                log.error("request failed", ["request_id": .string(id), "error": .string("\(error)")])
            }
            response = answer.response
        }
        response.headers += headers
        if http.path != sent.path,
            response.headers.contains(where: { $0 == ("Content-Type", "text/html; charset=utf-8") }),
            let name = http.path.split(separator: "/").last
        {
            // A page names its files relative to its own place.
            response = HTTPResponse(status: 308, headers: [("Location", "../\(name)")])
        }
        // Probes and scrapes come all the time.
        let level: Logger.Level = HealthEndpoints.paths.contains(http.path) ? .debug : .info
        log.log(
            level, "request",
            [
                "request_id": .string(id), "trace_id": .string(request.trace.traceID),
                "method": .string(http.method), "path": .string(http.path),
                "status": .int(response.status),
                "milliseconds": .double((ContinuousClock.now - started) / .milliseconds(1)),
            ])
        meter?.observe(
            method: http.method, route: http.pathSegments.flatMap(router.template), status: response.status,
            since: started)
        return finish(response, to: http, id: id)
    }

    /// `/a/b/` is `/a/b`, as for Laravel, which redirects to it or, where it does not, answers the same: redirected, a POST
    /// would lose its method or its token on the way.
    static func withoutTrailingSlashes(_ path: String) -> String {
        var path = path[...]
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        return String(path)
    }

    private func finish(_ response: HTTPResponse, to request: HTTPRequest, id: String) -> HTTPResponse {
        var response = response
        response.headers.removeAll { given in headers.contains { $0.name == given.name } }
        response.headers += headers
        response.headers.append((RequestID.header, id))
        if !response.headers.contains(where: { $0.name == "X-Content-Type-Options" }) {
            response.headers.append(("X-Content-Type-Options", "nosniff"))
        }
        // A preflight's answer has said already what there is to say.
        if !response.headers.contains(where: { $0.name == "Access-Control-Allow-Origin" }) {
            cors.decorate(&response, to: request)
        }
        return response
    }

    private func route(
        _ request: APIRequest, headers: inout [(name: String, value: String)]
    ) async throws -> HTTPResponse {
        guard let segments = request.http.pathSegments else {
            throw APIError(400, "bad_request", "The path is not rightly encoded.")
        }
        var request = request
        switch router.match(request.http.method, segments) {
        case .found(.open(let handler), let parameters):
            request.parameters = parameters
            return try await handler(request)
        case .found(.guarded(let ability, let handler), let parameters):
            request.parameters = parameters
            let caller = try await gate.admit(request.http, ability, headers: &headers)
            return try await handler(request, caller)
        case .methods(let methods):
            if let preflight = cors.preflight(request.http, methods: methods) { return preflight }
            let allowed = [(name: "Allow", value: methods.joined(separator: ", "))]
            if request.http.method == "OPTIONS" { return HTTPResponse(status: 204, headers: allowed) }
            var error = APIError(405, "method_not_allowed", "The method is not allowed here.")
            error.headers = allowed
            throw error
        case .nothing:
            throw APIError.notFound
        }
    }
}
