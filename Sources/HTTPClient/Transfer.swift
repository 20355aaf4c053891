import CCurl

/// What holds for all requests of a client.
struct TransferLimits: Sendable {
    let connectionsPerHost: Int
    let responseBytes: Int
    let caFile: String?
    let connectMilliseconds: Int
}

/// One request under way, and what has come of its response. Used by the driver's thread alone.
final class Transfer {
    private static let headerLimit = 65536

    let job: TransferJob
    private let limits: TransferLimits
    private var fields: UnsafeMutablePointer<curl_slist>?
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private var headers: [(name: String, value: String)] = []
    private var headerBytes = 0
    private var body: [UInt8] = []
    private var isTooLarge = false

    init(job: TransferJob, limits: TransferLimits) {
        self.job = job
        self.limits = limits
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_slist_free_all(fields)
        errorText.deallocate()
    }

    /// Sets a fresh or reset handle up. The handle points to this object until it is reset.
    func configure(_ handle: UnsafeMutableRawPointer) -> CURLcode {
        let request = job.request
        guard addFields(request) else { return CURLE_OUT_OF_MEMORY }
        let timeout = max(1, (job.deadline - .now).milliseconds)
        let context = Unmanaged.passUnretained(self).toOpaque()
        var code = [
            ccurl_set_pointer(handle, CURLOPT_ERRORBUFFER, errorText),
            ccurl_set_string(handle, CURLOPT_URL, request.url),
            ccurl_set_string(handle, CURLOPT_PROTOCOLS_STR, "http,https"),
            ccurl_set_string(handle, CURLOPT_PROXY, ""),
            ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1),
            ccurl_set_long(handle, CURLOPT_TCP_NODELAY, 1),
            ccurl_set_long(handle, CURLOPT_PATH_AS_IS, 1),
            ccurl_set_long(handle, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS),
            ccurl_set_long(handle, CURLOPT_SSL_VERIFYPEER, 1),
            ccurl_set_long(handle, CURLOPT_SSL_VERIFYHOST, 2),
            ccurl_set_long(handle, CURLOPT_FRESH_CONNECT, request.isSentOnce ? 1 : 0),
            ccurl_set_long(handle, CURLOPT_TIMEOUT_MS, timeout),
            ccurl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, max(1, min(timeout, limits.connectMilliseconds))),
            ccurl_set_callback(handle, CURLOPT_HEADERFUNCTION, headerCallback),
            ccurl_set_pointer(handle, CURLOPT_HEADERDATA, context),
            ccurl_set_callback(handle, CURLOPT_WRITEFUNCTION, bodyCallback),
            ccurl_set_pointer(handle, CURLOPT_WRITEDATA, context),
            ccurl_set_pointer(handle, CURLOPT_HTTPHEADER, fields),
        ]
        if let caFile = limits.caFile {
            code.append(ccurl_set_string(handle, CURLOPT_CAINFO, caFile))
        }
        if request.method == "HEAD" {
            code.append(ccurl_set_long(handle, CURLOPT_NOBODY, 1))
        } else {
            code.append(ccurl_set_offset(handle, CURLOPT_MAXFILESIZE_LARGE, max(1, curl_off_t(limits.responseBytes))))
            if !request.body.isEmpty || ["POST", "PUT", "PATCH"].contains(request.method) {
                code.append(ccurl_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count)))
                // With no pointer at all libcurl would ask a read callback.
                code.append(
                    request.body.isEmpty
                        ? ccurl_set_string(handle, CURLOPT_COPYPOSTFIELDS, "")
                        : request.body.withUnsafeBytes {
                            ccurl_set_string(
                                handle, CURLOPT_COPYPOSTFIELDS, $0.bindMemory(to: CChar.self).baseAddress)
                        })
                code.append(ccurl_set_long(handle, CURLOPT_POST, 1))
            }
            code.append(ccurl_set_string(handle, CURLOPT_CUSTOMREQUEST, request.method))
        }
        return code.first { $0 != CURLE_OK } ?? CURLE_OK
    }

    /// `Expect:` and `Content-Type:` with nothing after them keep libcurl from adding its own.
    private func addFields(_ request: HTTPClientRequest) -> Bool {
        var lines = request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        for name in ["expect", "content-type"] where !request.headers.contains(where: { $0.name.lowercased() == name })
        {
            lines.append("\(name):")
        }
        for line in lines {
            guard let longer = curl_slist_append(fields, line) else { return false }
            fields = longer
        }
        return true
    }

    func receiveHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        headerBytes += line.count
        if headerBytes > Self.headerLimit {
            isTooLarge = true
            return false
        }
        if line.starts(with: "HTTP/".utf8) {
            headers = []
        } else if body.isEmpty, let colon = line.firstIndex(of: 0x3A) {
            headers.append((text(line[..<colon]), text(line[(colon + 1)...])))
        }
        return true
    }

    private func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }
        let end = bytes.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? bytes.startIndex
        return String(decoding: bytes[..<end].drop(while: isSpace), as: UTF8.self)
    }

    func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if bytes.count > limits.responseBytes - body.count {
            isTooLarge = true
            return false
        }
        body.append(contentsOf: bytes)
        return true
    }

    func result(_ code: CURLcode, _ handle: UnsafeMutableRawPointer) -> Result<HTTPClientResponse, HTTPClientError> {
        guard code == CURLE_OK else { return .failure(failure(code, handle)) }
        var status = 0
        ccurl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
        return .success(HTTPClientResponse(status: status, headers: headers, body: body))
    }

    func failure(_ code: CURLcode, _ handle: UnsafeMutableRawPointer) -> HTTPClientError {
        let said = String(cString: errorText)
        let known = said.isEmpty ? String(cString: curl_easy_strerror(code)) : said
        return HTTPClientError(
            kind: isTooLarge ? .tooLarge : .init(code), detail: isTooLarge ? "the response is too large" : known,
            mayHaveBeenSent: mayHaveBeenSent(handle))
    }

    /// Whether the connection was made and libcurl began to send.
    func mayHaveBeenSent(_ handle: UnsafeMutableRawPointer) -> Bool {
        var microseconds: curl_off_t = 0
        ccurl_get_offset(handle, CURLINFO_PRETRANSFER_TIME_T, &microseconds)
        return microseconds > 0
    }
}

private func transfer(_ context: UnsafeMutableRawPointer?) -> Transfer {
    Unmanaged<Transfer>.fromOpaque(context!).takeUnretainedValue()
}

private let headerCallback: ccurl_data_callback = { data, size, count, context in
    let bytes = UnsafeRawBufferPointer(start: data, count: size * count)
    return transfer(context).receiveHeader(bytes) ? bytes.count : 0
}

private let bodyCallback: ccurl_data_callback = { data, size, count, context in
    let bytes = UnsafeRawBufferPointer(start: data, count: size * count)
    return transfer(context).receiveBody(bytes) ? bytes.count : 0
}

extension HTTPClientError.Kind {
    fileprivate init(_ code: CURLcode) {
        self =
            switch code {
            case CURLE_URL_MALFORMAT: .badRequest
            case CURLE_OPERATION_TIMEDOUT: .timeout
            case CURLE_FILESIZE_EXCEEDED: .tooLarge
            case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
                CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS:
                .tls
            case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2, CURLE_HTTP2_STREAM,
                CURLE_BAD_CONTENT_ENCODING:
                .invalidResponse
            default: .connection
            }
    }
}

extension Duration {
    /// Rounded up, between 0 and a day.
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return Int(min(seconds, 86_400)) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
