import CMicroHTTPD
import Glibc
import Synchronization

/// One client connection, and the request that is coming in on it. Used on the connection's event thread alone.
final class ServerConnection {
    private enum Phase {
        case idle, line, body, handled
    }

    /// What is read of a body beyond its limit, and thrown away, so that a chunked request can still be told 413.
    private static let drainLimit = 1 << 20

    private let core: ServerCore
    private let remoteAddress: String
    let exchange: Exchange

    private var phase = Phase.idle
    private var path = ""
    private var query: String?
    private var targetBytes = 0
    private var method = ""
    private var headers = HTTPHeaders()
    private var fieldsAreSound = true
    /// Where the last field, before that the request line, ended in libmicrohttpd's buffer.
    private var lineEnd: UnsafePointer<UInt8>?
    private var body: [UInt8] = []
    private var bodyLimit = 0
    private var surplus = 0
    private var upgrade: UpgradeHandler?

    init(core: ServerCore, connection: OpaquePointer) {
        self.core = core
        remoteAddress = addressText(cmhd_client_address(connection))
        exchange = Exchange(tick: core.tick.load(ordering: .relaxed))
        core.opened(exchange, descriptor: cmhd_socket(connection))
    }

    func closed() {
        core.closed(exchange)
    }

    /// The request line has come.
    func begin(target: UnsafePointer<CChar>) {
        core.requestsInHand.wrappingAdd(1, ordering: .relaxed)
        core.requestsBegun.wrappingAdd(1, ordering: .relaxed)
        waitForClient()
        let target = RequestTarget(target)
        (path, query, targetBytes) = (target.path, target.query, target.byteCount)
        phase = .line
    }

    /// libmicrohttpd calls this when the header has come, for each piece of the body, at the end of it, and again after
    /// a resume.
    func handle(
        _ connection: OpaquePointer, method: UnsafePointer<CChar>, version: UnsafePointer<CChar>,
        data: UnsafePointer<CChar>?, size: UnsafeMutablePointer<Int>
    ) -> MHD_Result {
        switch phase {
        case .line:
            phase = .body
            return header(connection, method: method, version: version)
        case .body where size.pointee > 0:
            let count = size.pointee
            size.pointee = 0
            return receive(UnsafeRawBufferPointer(start: data, count: count))
        case .body:
            phase = .handled
            return surplus > 0 ? refuse(connection, 413) : dispatch(connection)
        case .handled:
            return send(exchange.take(), on: connection)
        case .idle:
            return .NO
        }
    }

    /// The request is over, well or not.
    func completed() {
        guard phase != .idle else { return }
        phase = .idle
        exchange.finish()
        upgrade = nil
        body = []
        headers = HTTPHeaders()
        waitForClient()
        core.requestsInHand.wrappingSubtract(1, ordering: .releasing)
    }

    func addField(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        endLine(before: name.baseAddress)
        lineEnd = value.baseAddress.map { $0 + value.count } ?? lineEnd
        fieldsAreSound =
            fieldsAreSound && !name.isEmpty && name.allSatisfy(isToken) && value.allSatisfy(isFieldValue)
        headers.append(name: name, value: value)
    }

    /// libmicrohttpd cuts a value at a NUL byte, so that `Content-Length: 3\0` counts as 3, and takes LF for CR LF. But it
    /// leaves all of the header in its buffer, and what it has cut off between the lines: between a value and the next
    /// line's name are the two bytes of CR LF, or the line was not as it should be.
    private func endLine(before next: UnsafePointer<UInt8>?) {
        guard let lineEnd, let next else { return }
        fieldsAreSound = fieldsAreSound && next - lineEnd == 2
    }

    private func header(
        _ connection: OpaquePointer, method: UnsafePointer<CChar>, version: UnsafePointer<CChar>
    ) -> MHD_Result {
        self.method = String(cString: method)
        let isVersion10 = strcmp(version, "HTTP/1.0") == 0
        let start = UnsafeRawPointer(method).assumingMemoryBound(to: UInt8.self)
        headers.reserve()
        fieldsAreSound = true
        surplus = 0
        lineEnd = UnsafeRawPointer(version + strlen(version)).assumingMemoryBound(to: UInt8.self)
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
        if !fieldsAreSound || framing == .ambiguous || !self.method.utf8.allSatisfy(isToken) {
            return refuse(connection, 400)
        }
        if framing == .unknownCoding {
            return refuse(connection, 501)
        }
        bodyLimit = max(0, core.configuration.bodyLimit(self.method, path))
        if case .length(let length) = framing {
            if length > UInt64(bodyLimit) {
                return refuse(connection, 413)
            }
            body.reserveCapacity(Int(min(length, 65536)))
        }
        return .YES
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) -> MHD_Result {
        if surplus == 0, bytes.count <= bodyLimit - body.count {
            body.append(contentsOf: bytes)
        } else {
            surplus += bytes.count
            body = []
        }
        return surplus <= Self.drainLimit ? .YES : .NO
    }

    private func dispatch(_ connection: OpaquePointer) -> MHD_Result {
        exchange.waitingSince.store(0, ordering: .relaxed)
        call()
        switch exchange.take(orSuspend: connection, unless: { core.isClosing.load(ordering: .sequentiallyConsistent) })
        {
        case .suspended: return .YES
        case .answer(let answer): return send(answer ?? core.prepareError(503), on: connection)
        }
    }

    /// A function of its own, so that a responder the handler did not keep has ended, and answered, when it returns.
    @inline(never)
    private func call() {
        let request = HTTPRequest(
            method: method, path: path, query: query, headers: headers, body: body, remoteAddress: remoteAddress)
        headers = HTTPHeaders()
        body = []
        core.handler(request, HTTPResponder(exchange: exchange, core: core))
    }

    /// An answer of the server's own. Queued before the body has come, it makes libmicrohttpd close the connection.
    private func refuse(_ connection: OpaquePointer, _ status: Int) -> MHD_Result {
        guard let response = core.prepareError(status) else { return .NO }
        response.closeAfterwards()
        return send(response, on: connection)
    }

    private func send(_ response: consuming PreparedResponse?, on connection: OpaquePointer) -> MHD_Result {
        guard let response else { return .NO }
        waitForClient()
        upgrade = response.upgrade
        if upgrade == nil, core.isDraining.load(ordering: .relaxed) {
            response.closeAfterwards()
        }
        return MHD_queue_response(connection, response.status, response.pointer)
    }

    private func waitForClient() {
        exchange.waitingSince.store(core.tick.load(ordering: .relaxed), ordering: .relaxed)
    }
}
