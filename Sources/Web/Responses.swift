import HTTPServer
import JSON
import Signatures

extension HTTPResponse {
    /// JSON that nobody is to keep.
    static func json(_ status: Int, _ body: [UInt8]) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: [("Content-Type", "application/json"), ("Cache-Control", "no-store, private")],
            body: body)
    }

    /// A single resource: `{"data": ...}`.
    static func resource(_ status: Int, _ resource: [UInt8]) -> HTTPResponse {
        .json(status, Array(#"{"data":"#.utf8) + resource + [UInt8(ascii: "}")])
    }

    /// With an `ETag`, or 304 if the client has it (RFC 9110, section 13.1.2). The tag is a weak one: a proxy may compress
    /// what we send. What may be asked for so is kept by clients, and asked for each time: `no-cache`, as Laravel has it.
    func conditional(on request: HTTPRequest) -> HTTPResponse {
        let tag = #"W/"\#(Digest.hex(Digest.sha256(body).prefix(16)))""#
        var response = self
        if let place = response.headers.firstIndex(where: { $0 == ("Cache-Control", "no-store, private") }) {
            response.headers[place].value = "no-cache, private"
        }
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
