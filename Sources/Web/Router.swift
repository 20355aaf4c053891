package import Datasets
package import HTTPServer

/// A request on its way to a handler.
package struct APIRequest: Sendable {
    package var http: HTTPRequest
    /// `X-Request-Id`: the caller's, or one of ours.
    package var id: String
    /// The caller's trace, or a new one.
    package let trace: TraceContext
    /// The decoded values of `{name}` segments.
    package var parameters: [String: String] = [:]

    package init(http: HTTPRequest, id: String) {
        self.http = http
        self.id = id
        trace = TraceContext(continuing: http.headers["traceparent"])
    }
}

/// Which handler answers which method and path.
package struct Router: Sendable {
    /// Who may call an operation, and what answers.
    package enum Operation: Sendable {
        /// Anyone.
        case open(@Sendable (APIRequest) async throws -> HTTPResponse)
        /// Who has a token with this ability.
        case guarded(Caller.Ability, @Sendable (APIRequest, Caller) async throws -> HTTPResponse)
    }

    private struct Route: Sendable {
        var method: String
        /// Segments; `{name}` takes any non-empty one.
        var pattern: [String]
        var operation: Operation
    }

    /// What a request leads to.
    package enum Match: Sendable {
        case found(Operation, [String: String])
        /// The path is there, with these methods only.
        case methods([String])
        case nothing
    }

    private var routes: [Route] = []

    package init() {}

    /// Adds an operation that anyone may call. HEAD is answered by GET's handler.
    package mutating func on(
        _ method: String, _ path: String, _ handler: @escaping @Sendable (APIRequest) async throws -> HTTPResponse
    ) {
        add(method, path, .open(handler))
    }

    /// Adds an operation for tokens with an ability.
    package mutating func on(
        _ method: String, _ path: String, needs ability: Caller.Ability,
        _ handler: @escaping @Sendable (APIRequest, Caller) async throws -> HTTPResponse
    ) {
        add(method, path, .guarded(ability, handler))
    }

    private mutating func add(_ method: String, _ path: String, _ operation: Operation) {
        routes.append(
            Route(
                method: method, pattern: path == "/" ? [""] : path.split(separator: "/").map(String.init),
                operation: operation))
    }

    /// Finds the operation for a method and a path's decoded segments.
    func match(_ method: String, _ segments: [String]) -> Match {
        var methods: Set<String> = []
        for route in routes {
            guard let parameters = Self.parameters(of: route.pattern, segments) else { continue }
            if route.method == method || (route.method == "GET" && method == "HEAD") {
                return .found(route.operation, parameters)
            }
            methods.insert(route.method)
            if route.method == "GET" { methods.insert("HEAD") }
        }
        return methods.isEmpty ? .nothing : .methods((methods.union(["OPTIONS"])).sorted())
    }

    /// The template that a path fits: a label for metrics; nil if none does.
    func template(of segments: [String]) -> String? {
        let route = routes.first { Self.parameters(of: $0.pattern, segments) != nil }
        return route.map { "/" + $0.pattern.joined(separator: "/") }
    }

    private static func parameters(of pattern: [String], _ segments: [String]) -> [String: String]? {
        guard pattern.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (expected, actual) in zip(pattern, segments) {
            if expected.hasPrefix("{") {
                guard !actual.isEmpty else { return nil }
                parameters[String(expected.dropFirst().dropLast())] = actual
            } else if expected != actual {
                return nil
            }
        }
        return parameters
    }
}
