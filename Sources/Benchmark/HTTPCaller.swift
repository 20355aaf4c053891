import Glibc

/// Makes one request after the other over one connection, and blocks meanwhile: what it measures is the server's time.
struct HTTPCaller: ~Copyable {
    private let descriptor: Int32

    init(port: UInt16) throws(SystemError) {
        descriptor = try Sockets.connect(port: port)
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// The status and the body.
    func get(_ target: String, token: String? = nil) throws(SystemError) -> (status: Int, body: String) {
        let authorization = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
        return try call("GET \(target) HTTP/1.1\r\nHost: integrator\r\n\(authorization)\r\n".utf8.map { $0 })
    }

    /// Sends a whole request as it is.
    func call(_ request: [UInt8]) throws(SystemError) -> (status: Int, body: String) {
        guard write(descriptor, request, request.count) == request.count else {
            throw SystemError(call: "write", number: errno)
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { throw SystemError(call: "read", number: count == 0 ? ECONNRESET : errno) }
            answer += buffer[..<count]
            if let status = answer.withUnsafeBytes(AnswerText.status) {
                let start = answer.withUnsafeBytes(AnswerText.bodyStart) ?? answer.count
                return (status, String(decoding: answer[start...], as: UTF8.self))
            }
        }
    }
}
