import Glibc

/// A system call failed.
struct SystemError: Error, CustomStringConvertible {
    let call: String
    let number: Int32

    var description: String { "\(call): \(String(cString: strerror(number)))" }

    static func check(_ call: String, _ body: () -> Int32) throws(SystemError) -> Int32 {
        let result = body()
        guard result >= 0 else { throw SystemError(call: call, number: errno) }
        return result
    }
}

/// Plain sockets to this machine.
enum Sockets {
    /// A connection to a port of this machine.
    static func connect(port: UInt16) throws(SystemError) -> Int32 {
        let descriptor = try SystemError.check("socket") { socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let number = errno
            close(descriptor)
            throw SystemError(call: "connect", number: number)
        }
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        return descriptor
    }

    static func makeNonBlocking(_ descriptor: Int32) throws(SystemError) {
        _ = try SystemError.check("fcntl") { fcntl(descriptor, F_SETFL, O_NONBLOCK) }
    }

    static func send(_ text: String, _ descriptor: Int32) {
        var text = text
        _ = text.withUTF8 { write(descriptor, $0.baseAddress, $0.count) }
    }

    /// A port of this machine that nobody listens at now.
    static func freePort() throws(SystemError) -> UInt16 {
        let descriptor = try SystemError.check("socket") { socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) | getsockname(descriptor, $0, &length)
            }
        }
        guard result == 0 else { throw SystemError(call: "bind", number: errno) }
        return UInt16(bigEndian: address.sin_port)
    }

    /// As many descriptors as the system allows.
    static func raiseDescriptorLimit() {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

/// Answers of HTTP/1.1 servers that give the length of the body.
enum AnswerText {
    /// The status, once all of the answer is there.
    static func status(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let body = bodyStart(bytes), bytes.count >= body + length(bytes, before: body) else { return nil }
        return bytes[9..<12].reduce(0) { $0 * 10 + Int($1) - 48 }
    }

    /// Where the body begins; nil while the header is not there as a whole.
    static func bodyStart(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var position = 12
        while position + 4 <= bytes.count {
            if bytes[position] == 13, bytes[position + 2] == 13, bytes[position + 3] == 10 { return position + 4 }
            position += 1
        }
        return nil
    }

    private static func length(_ bytes: UnsafeRawBufferPointer, before end: Int) -> Int {
        let name: StaticString = "\r\nContent-Length: "
        var position = 12
        while position + name.utf8CodeUnitCount < end {
            if bytes[position] == 13, memcmp(bytes.baseAddress! + position, name.utf8Start, name.utf8CodeUnitCount) == 0
            {
                return bytes[(position + name.utf8CodeUnitCount)..<end].prefix { (48...57).contains($0) }
                    .reduce(0) { $0 * 10 + Int($1) - 48 }
            }
            position += 1
        }
        return 0
    }
}
