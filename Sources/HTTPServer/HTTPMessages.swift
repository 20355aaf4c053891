import CMicroHTTPD
import Glibc

/// A request whose body has arrived as a whole.
public struct HTTPRequest: Sendable {
    /// As sent, in upper case as a rule: methods are case-sensitive (RFC 9110, section 9.1). Any token may come.
    public var method: String
    /// As sent, without the query, not percent-decoded; of an absolute target only the path (RFC 9112, section 3.2.2).
    public var path: String
    /// What follows the first `?`, not decoded; nil if there is none.
    public var query: String?
    /// The header fields; trailers are not among them.
    public var headers: HTTPHeaders
    /// The body, without transfer coding.
    public var body: [UInt8]
    /// The peer's IP address as text, without a port, such as `127.0.0.1` or `::1`.
    public var remoteAddress: String

    /// A request as a value, for calling a handler without a socket.
    public init(
        method: String, path: String, query: String? = nil, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = [],
        remoteAddress: String = "127.0.0.1"
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.remoteAddress = remoteAddress
    }
}

extension HTTPResponse {
    /// The message as it goes to the client, the last of its connection; nil if it may not be sent.
    var closingBytes: [UInt8]? {
        guard (200...599).contains(status), PreparedResponse.areSafe(headers) else { return nil }
        var date = [CChar](repeating: 0, count: 64)
        var (now, parts) = (time(nil), tm())
        gmtime_r(&now, &parts)
        let count = strftime(&date, date.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
        let phrase = String(cString: MHD_get_reason_phrase_for(UInt32(status)))
        var head = "HTTP/1.1 \(status) \(phrase)\r\nDate: "
        head += String(decoding: date[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        head += "\r\nConnection: close\r\nContent-Length: \(body.count)\r\n"
        for (name, value) in headers where !PreparedResponse.isServers(name) {
            head += "\(name): \(value)\r\n"
        }
        return Array((head + "\r\n").utf8) + body
    }
}

/// An answer. The server adds `Date`, `Content-Length` and, when it is going to close, `Connection: close`. Answers to
/// HEAD and 304 say the length of the body given, and so are to be given the one that GET would get (RFC 9110, section
/// 8.6), but leave it out; 204 has neither.
public struct HTTPResponse: Sendable {
    /// 200 to 599. Anything else is sent as 500.
    public var status: Int
    /// Fields to send. A name that is no token, or a value with CR, LF or NUL, makes it a 500 instead: nothing of it is
    /// sent. `Content-Length` and `Transfer-Encoding` are the server's and left out.
    public var headers: [(name: String, value: String)]
    /// The whole body.
    public var body: [UInt8]

    /// An answer as a value.
    public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// `{"message": "...", "code": "..."}` for what the server answers by itself.
    static func plainError(_ status: Int) -> HTTPResponse {
        let (message, code) =
            switch status {
            case 400: ("Bad request.", "bad_request")
            case 413: ("The request body is too large.", "payload_too_large")
            case 414: ("The request target is too long.", "uri_too_long")
            case 431: ("The request header is too large.", "header_too_large")
            case 501: ("This transfer coding is not supported.", "not_implemented")
            case 503: ("The service is not available at present.", "unavailable")
            default: ("Server Error", "server_error")
            }
        return HTTPResponse(
            status: status, headers: [("Content-Type", "application/json")],
            body: Array(#"{"message":"\#(message)","code":"\#(code)"}"#.utf8))
    }
}
