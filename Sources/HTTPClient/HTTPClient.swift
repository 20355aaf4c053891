/// An HTTP client over libcurl: HTTP/1.1, and HTTP/2 where TLS offers it, all transfers on one thread of its own.
///
/// Connections are kept and used again. TLS certificates are always verified. Redirects are not followed, cookies not
/// kept, and proxies not taken from the environment: what a service talks to is what it was configured with.
///
/// If a kept connection turns out to be dead before a byte of the response, libcurl sends the request once more on a new
/// connection, whatever its method: a server that dies between taking a request and answering it may see it twice. It has
/// no option against that; a request with `isSentOnce` gets a connection of its own instead. No other failure is tried
/// again.
public final class HTTPClient: Sendable {
    private let driver: TransferDriver

    /// - Parameters:
    ///   - maximumConnectionsPerHost: how many requests to one scheme, host and port are under way at once; further ones
    ///     wait in the order they came, their timeout running.
    ///   - maximumResponseBytes: the largest body taken; the header may have 64 KiB.
    ///   - caFile: certificates in PEM form, trusted besides the system's.
    ///   - connectTimeout: for name, TCP and TLS together.
    public init(
        maximumConnectionsPerHost: Int, maximumResponseBytes: Int, caFile: String? = nil,
        connectTimeout: Duration = .seconds(10)
    ) {
        driver = TransferDriver(
            limits: TransferLimits(
                connectionsPerHost: max(1, maximumConnectionsPerHost), responseBytes: max(0, maximumResponseBytes),
                caFile: caFile, connectMilliseconds: connectTimeout.milliseconds))
    }

    /// Sends the request and waits for the whole response; any status is a response.
    ///
    /// Cancelling the task ends the transfer and throws kind `.cancelled`.
    public func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse {
        try request.check()
        let id = driver.nextID()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                driver.submit(TransferJob(id: id, request: request, continuation: continuation))
            }
        } onCancel: {
            driver.cancel(id)
        }
        return try result.get()
    }

    /// Ends all transfers with kind `.closed`, closes the connections, ends the thread. May be called several times.
    public func shutdown() async {
        await driver.shutdown()
    }

    deinit {
        driver.close()
    }
}

extension HTTPClientRequest {
    /// Refuses what could end a line early (RFC 9112, section 11.1), and what libcurl would understand in its own way.
    fileprivate func check() throws(HTTPClientError) {
        if !method.utf8.allSatisfy(isToken) || method.isEmpty {
            throw .badRequest("the method is not a token")
        }
        let scheme = url.prefix(8).lowercased()
        if !scheme.hasPrefix("http://") && !scheme.hasPrefix("https://") {
            throw .badRequest("the URL is neither http nor https")
        }
        if !url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            throw .badRequest("the URL has bytes that must be percent-encoded")
        }
        for (name, value) in headers {
            if name.isEmpty || !name.utf8.allSatisfy(isToken) {
                throw .badRequest("a header name is not a token")
            }
            if !value.utf8.allSatisfy({ $0 != 0 && $0 != 0x0A && $0 != 0x0D }) {
                throw .badRequest("the value of header \(name) has a line break or NUL in it")
            }
        }
    }
}

/// A byte that may stand in a token (RFC 9110, section 5.6.2).
private func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: true
    default: false
    }
}

extension HTTPClientError {
    fileprivate static func badRequest(_ detail: String) -> HTTPClientError {
        HTTPClientError(kind: .badRequest, detail: detail, mayHaveBeenSent: false)
    }
}
