import CMicroHTTPD
import Glibc

/// A TCP socket that listens. Made here and not by libmicrohttpd, which does not say what went wrong.
struct ListeningSocket {
    let descriptor: Int32
    /// The real port, also where 0 was asked for.
    let port: UInt16

    init(host: String, port: UInt16) throws(HTTPServerError) {
        var storage = sockaddr_storage()
        guard let length = Self.fill(&storage, host: host, port: port) else { throw .invalidHost(host) }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(Int32(storage.ss_family), type, 0)
        guard descriptor >= 0 else { throw .system(call: "socket", errno: errno) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        let bound = Self.withAddress(&storage) { bind(descriptor, $0, length) }
        guard bound == 0, listen(descriptor, 1024) == 0 else {
            let number = errno
            close(descriptor)
            switch number {
            case EADDRINUSE: throw .addressInUse(host: host, port: port)
            case EACCES: throw .permissionDenied(host: host, port: port)
            default: throw .system(call: bound == 0 ? "listen" : "bind", errno: number)
            }
        }
        var actual = socklen_t(MemoryLayout<sockaddr_storage>.size)
        _ = Self.withAddress(&storage) { getsockname(descriptor, $0, &actual) }
        self.descriptor = descriptor
        self.port = Self.port(of: &storage)
    }

    private static func withAddress<R>(
        _ storage: inout sockaddr_storage, _ body: (UnsafeMutablePointer<sockaddr>) -> R
    ) -> R {
        withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
        }
    }

    private static func fill(_ storage: inout sockaddr_storage, host: String, port: UInt16) -> socklen_t? {
        withUnsafeMutableBytes(of: &storage) { bytes in
            var v4 = sockaddr_in()
            if inet_pton(AF_INET, host, &v4.sin_addr) == 1 {
                v4.sin_family = sa_family_t(AF_INET)
                v4.sin_port = port.bigEndian
                bytes.storeBytes(of: v4, as: sockaddr_in.self)
                return socklen_t(MemoryLayout<sockaddr_in>.size)
            }
            var v6 = sockaddr_in6()
            guard inet_pton(AF_INET6, host, &v6.sin6_addr) == 1 else { return nil }
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            bytes.storeBytes(of: v6, as: sockaddr_in6.self)
            return socklen_t(MemoryLayout<sockaddr_in6>.size)
        }
    }

    private static func port(of storage: inout sockaddr_storage) -> UInt16 {
        let family = Int32(storage.ss_family)
        return withUnsafeBytes(of: &storage) { bytes in
            family == AF_INET
                ? UInt16(bigEndian: bytes.load(as: sockaddr_in.self).sin_port)
                : UInt16(bigEndian: bytes.load(as: sockaddr_in6.self).sin6_port)
        }
    }
}

/// The address as text without the port; IPv4 inside IPv6 (`::ffff:1.2.3.4`) as IPv4.
func addressText(_ address: UnsafePointer<sockaddr>?) -> String {
    guard let address else { return "" }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let family = Int32(address.pointee.sa_family)
    let found = UnsafeRawPointer(address).withMemoryRebound(to: UInt8.self, capacity: 28) { bytes -> Bool in
        switch family {
        case AF_INET: inet_ntop(AF_INET, bytes + 4, &text, socklen_t(text.count)) != nil
        case AF_INET6: inet_ntop(AF_INET6, bytes + 8, &text, socklen_t(text.count)) != nil
        default: false
        }
    }
    guard found else { return "" }
    let name = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return name.hasPrefix("::ffff:") && name.contains(".") ? String(name.dropFirst(7)) : name
}
