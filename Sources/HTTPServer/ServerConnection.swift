import CMicroHTTPD
import Glibc
import Synchronization

/// One client connection, and the request that is coming in on it. Used on the connection's event thread alone.
final class ServerConnection {
    private enum Phase {
        case idle, line, body, handled
    }

    private let core: ServerCore
    private let remoteAddress: String
    private let exchange: Exchange

    private var phase = Phase.idle
    private var path = ""
    private var query: String?
    private var targetBytes = 0
    private var method = ""
    private var headers = HTTPHeaders()
    private var isSound = true
    /// Where the last field, before that the request line, ended in libmicrohttpd's buffer.
    private var lineEnd: UnsafePointer<UInt8>?
    private var body: [UInt8] = []
    private var bodyLimit = 0
    private var isChunked = false
    private var upgrade: UpgradeHandler?
    /// The socket is another's to read.
    private var isUpgraded = false
    /// This connection has a timeout of its own: see `cmhd_suspend`.
    private var hasOwnTimeout = false

    init(core: ServerCore, connection: OpaquePointer) {
        self.core = core
        remoteAddress = addressText(cmhd_client_address(connection))
        exchange = core.exchange(cmhd_socket(connection))
    }

    /// libmicrohttpd is about to close the socket.
    func closed() {
        let hasBeenEnded = core.closed(exchange.descriptor)
        let patience = UInt64(core.configuration.idleTimeout.wholeSeconds) * 1000
        let isTimedOut = milliseconds() >= exchange.waitingSince.load(ordering: .relaxed) + patience
        if !isUpgraded, !hasBeenEnded, !isTimedOut, !clientHasFinished(exchange.descriptor) {
            core.closeInStages(exchange.descriptor)
        }
    }

    /// The request line has come.
    func begin(target: UnsafeMutablePointer<CChar>) {
        core.requestsInHand.wrappingAdd(1, ordering: .relaxed)
        core.requestsBegun.wrappingAdd(1, ordering: .relaxed)
        waitForClient()
        let (text, count) = (UnsafeMutableRawPointer(target).assumingMemoryBound(to: UInt8.self), strlen(target))
        let bytes = UnsafeMutableBufferPointer(start: text, count: count)
        let split = RequestTarget(UnsafeBufferPointer(bytes))
        (path, query, targetBytes) = (split.path, split.query, count)
        isSound = bytes.allSatisfy { $0 > 0x20 && $0 != 0x7F }
        // libmicrohttpd would make a field of each parameter, until its memory for this connection is gone and there is
        // none for an answer. Nobody asks it for them: it is to see a single one.
        for index in bytes.indices where bytes[index] == UInt8(ascii: "&") { bytes[index] = UInt8(ascii: "+") }
        phase = .line
    }

    /// libmicrohttpd calls this when the header has come, for each piece of the body, at the end of it, and again after
    /// a resume.
    func handle(
        _ connection: OpaquePointer, _ line: RequestLine, data: UnsafePointer<CChar>?,
        size: UnsafeMutablePointer<Int>
    ) -> MHD_Result {
        switch phase {
        case .line:
            phase = .body
            return header(connection, line)
        case .body where size.pointee > 0:
            let count = size.pointee
            size.pointee = 0
            return receive(UnsafeRawBufferPointer(start: data, count: count))
        case .body:
            phase = .handled
            return dispatch(connection)
        case .handled:
            return send(exchange.take(), on: connection)
        case .idle:
            return .NO
        }
    }

    /// The request is over, well or not.
    func completed(_ connection: OpaquePointer, wasAnswered: Bool) {
        guard phase != .idle else { return }
        phase = .idle
        exchange.finish()
        core.release(exchange)
        // Where it has been upgraded or the server stops, libmicrohttpd holds the lock that this takes.
        if hasOwnTimeout, wasAnswered, !isUpgraded {
            hasOwnTimeout = false
            cmhd_set_timeout(connection, core.configuration.idleTimeout.wholeSeconds)
        }
        if !isUpgraded { noticeEnd(of: exchange.descriptor) }
        body = []
        headers = HTTPHeaders()
        if !isUpgraded { waitForClient() }
        core.requestsInHand.wrappingSubtract(1, ordering: .releasing)
    }

    func addField(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        endLine(before: name.baseAddress)
        lineEnd = value.baseAddress.map { $0 + value.count } ?? lineEnd
        isSound =
            isSound && !name.isEmpty && name.allSatisfy(isToken) && value.allSatisfy(isFieldValue)
        headers.append(name: name, value: value)
        // libmicrohttpd does not know `chunked` with a blank after it.
        if value.last == 0x20 || value.last == 0x09, headers.lastIsFraming { isSound = false }
    }

    /// libmicrohttpd cuts a value at a NUL byte, so that `Content-Length: 3\0` counts as 3, and takes LF for CR LF. But it
    /// leaves all of the header in its buffer, and what it has cut off between the lines: between a value and the next
    /// line's name are the two bytes of CR LF, or the line was not as it should be.
    private func endLine(before next: UnsafePointer<UInt8>?) {
        guard let lineEnd, let next else { return }
        isSound = isSound && next - lineEnd == 2
    }

    private func header(_ connection: OpaquePointer, _ line: RequestLine) -> MHD_Result {
        method = String(cString: line.method)
        let isVersion10 = strcmp(line.version, "HTTP/1.0") == 0
        let isKnownVersion = isVersion10 || strcmp(line.version, "HTTP/1.1") == 0
        isSound = isSound && line.hasSingleBlanks(targetBytes)
        let start = UnsafeRawPointer(line.method).assumingMemoryBound(to: UInt8.self)
        headers.reserve()
        lineEnd = UnsafeRawPointer(line.version + strlen(line.version)).assumingMemoryBound(to: UInt8.self)
        MHD_get_connection_values_n(
            connection, .HEADER_KIND, fieldCallback, Unmanaged.passUnretained(self).toOpaque())
        // The header ends with an empty line.
        endLine(before: start + cmhd_header_size(connection) - 2)
        lineEnd = nil
        if targetBytes > core.configuration.maximumHeaderBytes {
            return refuse(connection, 414)
        }
        if targetBytes + headers.byteCount > core.configuration.maximumHeaderBytes {
            return refuse(connection, 431)
        }
        let framing = BodyFraming(headers: headers, isVersion10: isVersion10)
        let hosts = headers.count(of: "Host")
        if !isSound || framing == .ambiguous || !isKnownVersion || !method.utf8.allSatisfy(isToken)
            || hosts > 1 || hosts == 0 && !isVersion10 || headers.count(of: "Authorization") > 1
        {
            return refuse(connection, 400)
        }
        if framing == .unknownCoding {
            return refuse(connection, 501)
        }
        bodyLimit = max(0, core.configuration.bodyLimit(method, path))
        if case .length(let length) = framing, length > UInt64(bodyLimit) {
            return refuse(connection, 413)
        }
        isChunked = framing == .chunked
        if let refusal = core.configuration.refusal(request()) {
            return refuse(connection, core.prepare(refusal))
        }
        return .YES
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) -> MHD_Result {
        guard bytes.count <= bodyLimit - body.count else { return breakOff(413) }
        guard core.hold(bytes.count, exchange) else { return breakOff(503) }
        body.append(contentsOf: bytes)
        return .YES
    }

    /// Answers while the body still comes, when libmicrohttpd takes no answer: past it, and has it close the connection.
    private func breakOff(_ status: Int) -> MHD_Result {
        body = []
        let response = core.configuration.errorResponse(status)
        if let bytes = response.closingBytes ?? HTTPResponse.plainError(status).closingBytes {
            // Nothing else is in the socket's buffer: it takes this whole.
            Glibc.send(exchange.descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        }
        return .NO
    }

    private func dispatch(_ connection: OpaquePointer) -> MHD_Result {
        exchange.waitingSince.store(0, ordering: .relaxed)
        call()
        let ownTimeout = core.configuration.idleTimeout.wholeSeconds + 1
        switch exchange.take(
            orSuspend: connection, timeout: ownTimeout,
            unless: { core.isClosing.load(ordering: .sequentiallyConsistent) })
        {
        case .suspended:
            hasOwnTimeout = true
            return .YES
        case .answer(let answer): return send(answer ?? core.prepareError(503), on: connection)
        }
    }

    /// A function of its own, so that a responder the handler did not keep has ended, and answered, when it returns.
    @inline(never)
    private func call() {
        let request = request()
        headers = HTTPHeaders()
        body = []
        core.handler(request, HTTPResponder(exchange: exchange, core: core))
    }

    private func request() -> HTTPRequest {
        HTTPRequest(
            method: method, path: path, query: query, headers: headers, body: body, remoteAddress: remoteAddress)
    }

    private func refuse(_ connection: OpaquePointer, _ status: Int) -> MHD_Result {
        refuse(connection, core.prepareError(status))
    }

    /// Queued before the body has come, an answer makes libmicrohttpd close the connection.
    private func refuse(_ connection: OpaquePointer, _ response: consuming PreparedResponse?) -> MHD_Result {
        guard let response else { return .NO }
        response.closeAfterwards()
        phase = .handled
        return send(response, on: connection)
    }

    private func send(_ response: consuming PreparedResponse?, on connection: OpaquePointer) -> MHD_Result {
        guard let response else { return .NO }
        upgrade = response.upgrade
        isUpgraded = upgrade != nil
        // One that is upgraded is left alone from here on.
        if !isUpgraded { waitForClient() }
        // What follows a chunked body is not read: libmicrohttpd takes a bare LF or CR for the end of a chunk's line, and so
        // may see another end of the body than a proxy does.
        if !isUpgraded, isChunked || core.isDraining.load(ordering: .relaxed) {
            response.closeAfterwards()
        }
        return MHD_queue_response(connection, response.status, response.pointer)
    }

    private func waitForClient() {
        exchange.waitingSince.store(milliseconds(), ordering: .relaxed)
    }
}
