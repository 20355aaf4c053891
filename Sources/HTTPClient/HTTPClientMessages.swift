/// A request to send.
public struct HTTPClientRequest: Sendable {
    /// A token such as `GET` or `POST`.
    public var method: String
    /// An absolute `http` or `https` URL of printable ASCII: anything else percent-encoded.
    public var url: String
    /// Sent in this order. `Host` and `Content-Length` are added; no `Content-Type` is unless it stands here.
    public var headers: [(name: String, value: String)]
    /// Sent with its length; empty sends none, except that POST, PUT and PATCH then say `Content-Length: 0`.
    public var body: [UInt8]
    /// From the call of `send` to the last byte of the response, waiting for a connection included.
    public var timeout: Duration
    /// The server sees it once at most: it goes out on a new connection, since what was sent on a kept one may be sent again.
    public var isSentOnce: Bool

    /// A request as a value.
    public init(
        method: String = "GET", url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        timeout: Duration = .seconds(30), isSentOnce: Bool = false
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.isSentOnce = isSentOnce
    }
}

/// A whole response, whatever its status.
public struct HTTPClientResponse: Sendable {
    /// As sent by the server: redirects are not followed.
    public var status: Int
    /// In the order they came, trailers left out. Bytes that are not UTF-8 come out as U+FFFD.
    public var headers: [(name: String, value: String)]
    /// As sent: content codings are not asked for and not undone.
    public var body: [UInt8]

    /// A response as a value.
    public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The first value of this name, without regard to ASCII case.
    public func header(_ name: String) -> String? {
        let name = name.lowercased()
        return headers.first { $0.name.lowercased() == name }?.value
    }
}

/// Why there is no response. Safe to log: neither the query of the URL nor headers nor bodies are in it.
public struct HTTPClientError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What went wrong.
    public enum Kind: String, Sendable {
        /// The URL, the method or a header is not one that can be sent. Nothing was tried.
        case badRequest
        /// No name, no route, refused, reset, closed early.
        case connection
        /// No agreement, or the certificate is not trusted.
        case tls
        /// The time of the request is up.
        case timeout
        /// The response is larger than the client takes.
        case tooLarge
        /// What came is not HTTP.
        case invalidResponse
        /// The calling task was cancelled.
        case cancelled
        /// The client has been shut down.
        case closed
    }

    /// What went wrong.
    public var kind: Kind
    /// libcurl's words, with host and port at most.
    public var detail: String
    /// False only if no byte of the request can have reached the server, so that sending it again is safe.
    public var mayHaveBeenSent: Bool

    /// An error as a value.
    public init(kind: Kind, detail: String, mayHaveBeenSent: Bool) {
        self.kind = kind
        self.detail = detail
        self.mayHaveBeenSent = mayHaveBeenSent
    }

    /// One line for a log.
    public var description: String {
        "\(kind.rawValue): \(detail)\(mayHaveBeenSent ? " (may have been sent)" : "")"
    }
}
