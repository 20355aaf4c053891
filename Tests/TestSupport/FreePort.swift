import Glibc

/// A port of 127.0.0.1 at which nobody listens, for a server that a test starts.
///
/// It lies below the ports that Linux gives to outgoing connections (ip(7), `ip_local_port_range`: from 32768), so that no
/// client takes it between the probe and the start of the server.
public func freePort() -> UInt16 {
    while true {
        let port = UInt16.random(in: 10_000..<32_000)
        let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(probe) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(probe, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if code == 0 { return port }
    }
}
