/// Why a server did not start. Safe to log.
public enum HTTPServerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The host is not an IPv4 or IPv6 address in text form.
    case invalidHost(String)
    /// Another process has the port.
    case addressInUse(host: String, port: UInt16)
    /// The port may not be taken by this user.
    case permissionDenied(host: String, port: UInt16)
    /// Any other failure of a system call.
    case system(call: String, errno: Int32)

    /// One line for a log or an operator.
    public var description: String {
        switch self {
        case .invalidHost(let host): "\(host) is not an IPv4 or IPv6 address"
        case .addressInUse(let host, let port): "port \(port) of \(host) is already in use"
        case .permissionDenied(let host, let port): "no permission to listen on port \(port) of \(host)"
        case .system(let call, let errno): "\(call) failed with error number \(errno)"
        }
    }
}
