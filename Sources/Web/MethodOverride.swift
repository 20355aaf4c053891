import HTTPServer
import JSON
import Text

/// Which method a POST stands for, as Symfony's `Request::getMethod` reads it: forms and some proxies can send no other.
enum MethodOverride {
    /// Reads never come so: they would get round what holds for them.
    private static let ignored: Set<String> = ["GET", "HEAD", "CONNECT", "TRACE"]

    /// `X-HTTP-Method-Override`, or else `_method` of the body or of the query, in any case. Throws `APIError` 400 if that is
    /// no name of a method.
    static func method(of request: HTTPRequest) throws(APIError) -> String {
        guard request.method == "POST", let name = named(by: request)?.uppercased() else { return request.method }
        guard !name.isEmpty, name.utf8.count <= 20, name.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) else {
            throw APIError(400, "invalid_method_override", "The method override is no method.")
        }
        return ignored.contains(name) ? request.method : name
    }

    private static func named(by request: HTTPRequest) -> String? {
        if let name = request.headers["x-http-method-override"], !name.isEmpty { return name }
        return inBody(of: request) ?? request.queryItems?.last { $0.name == "_method" }?.value
    }

    /// Nobody is known yet: what cannot be there is not read.
    private static func inBody(of request: HTTPRequest) -> String? {
        let isThere = request.body.withUnsafeBytes { ByteSearch.place(of: Array("_method".utf8), in: $0) != nil }
        guard isThere else { return nil }
        if request.mediaType.map(HTTPRequest.isJSON) ?? true {
            return (try? JSONDocument(parsing: request.body))?.root["_method"]?.string
        }
        return (try? request.formItems())?.last { $0.name == "_method" }?.value
    }
}
