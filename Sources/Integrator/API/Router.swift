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
    package typealias Handler = @Sendable (APIRequest) async throws -> HTTPResponse

    /// One operation.
    package struct Route: Sendable {
        package var method: String
        /// Segments; `{name}` takes any non-empty one.
        package var pattern: [String]
        package var handler: Handler
        /// The pattern as text: a label for metrics.
        package var template: String { "/" + pattern.joined(separator: "/") }
    }

    /// What a request leads to.
    package enum Match: Sendable {
        case found(Route, [String: String])
        /// The path is there, with these methods only.
        case methods([String])
        case nothing
    }

    package private(set) var routes: [Route] = []

    package init() {}

    /// Adds an operation. HEAD is answered by GET's handler.
    package mutating func on(_ method: String, _ path: String, _ handler: @escaping Handler) {
        routes.append(Route(method: method, pattern: path.split(separator: "/").map(String.init), handler: handler))
    }

    /// Finds the operation for a method and a path's decoded segments.
    package func match(_ method: String, _ segments: [String]) -> Match {
        var methods: Set<String> = []
        for route in routes {
            guard let parameters = Self.parameters(of: route.pattern, segments) else { continue }
            if route.method == method || (route.method == "GET" && method == "HEAD") {
                return .found(route, parameters)
            }
            methods.insert(route.method)
            if route.method == "GET" { methods.insert("HEAD") }
        }
        return methods.isEmpty ? .nothing : .methods((methods.union(["OPTIONS"])).sorted())
    }

    /// The template that a path fits: a label for metrics; nil if none does.
    package func template(of segments: [String]) -> String? {
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
