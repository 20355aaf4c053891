import HTTPServer
import JSON
import Signatures

extension HTTPResponse {
    /// JSON that is nobody else's business, as Laravel marks it.
    static func json(_ status: Int, _ body: [UInt8]) -> HTTPResponse {
        HTTPResponse(
            status: status,
            headers: [("Content-Type", "application/json"), ("Cache-Control", "no-cache, private")], body: body)
    }

    /// A single resource: `{"data": ...}`.
    static func resource(_ status: Int, _ resource: [UInt8]) -> HTTPResponse {
        .json(status, Array(#"{"data":"#.utf8) + resource + [UInt8(ascii: "}")])
    }

    /// With an `ETag`, or 304 if the client has it (RFC 9110, section 13.1.2). The tag is a weak one: a proxy may compress
    /// what we send.
    func conditional(on request: HTTPRequest) -> HTTPResponse {
        let tag = #"W/"\#(Digest.hex(Digest.sha256(body).prefix(16)))""#
        var response = self
        response.headers.append(("ETag", tag))
        let known = request.headers.all("if-none-match").flatMap { $0.split(separator: ",") }.map { text in
            let text = text.drop { $0 == " " || $0 == "\t" }
            let end = text.lastIndex { $0 != " " && $0 != "\t" }.map { text.index(after: $0) } ?? text.endIndex
            return text.hasPrefix("W/") ? text[..<end] : "W/" + text[..<end]
        }
        if known.contains(tag[...]) || known == ["W/*"] {
            response.status = 304
            response.headers.removeAll { $0.name == "Content-Type" }
        }
        return response
    }
}

extension APIRequest {
    /// Where the request came to, without its query: what Laravel calls `url()`. The host is the one the client named, the
    /// scheme the one that a proxy says it was called with, or `publicURL`'s if that is its host.
    func url(publicURL: String) -> String {
        guard let host = http.headers["host"], (1...255).contains(host.utf8.count),
            host.utf8.allSatisfy(Self.mayStandInHost)
        else { return publicURL + http.path }
        let forwarded = http.headers["x-forwarded-proto"]?.split(separator: ",").first.map { $0.lowercased() }
        let isPublic = publicURL.hasPrefix("https://") && publicURL.dropFirst(8).prefix { $0 != "/" } == host
        let scheme = forwarded == "https" || (forwarded != "http" && isPublic) ? "https" : "http"
        return "\(scheme)://\(host)\(http.path)"
    }

    private static func mayStandInHost(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5B, 0x5D, 0x5F: true
        default: false
        }
    }

    /// The body as a JSON object; nil if it is empty. Throws `APIError` 415, or `status` if it is anything else.
    func jsonObject(orElse status: Int) throws(APIError) -> JSONView? {
        if http.body.isEmpty { return nil }
        let type = http.headers["content-type"]?.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        guard type == nil || type == "application/json" || type?.hasSuffix("+json") == true else {
            throw APIError(415, "unsupported_media_type", "The body must be application/json.")
        }
        guard let root = (try? JSONDocument(parsing: http.body))?.root, root.kind == .object else {
            throw .invalid(status, "invalid_body", [("body", ["The body must be a JSON object."])])
        }
        return root
    }
}
