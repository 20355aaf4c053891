import Glibc

/// systemd, if it has started this process with `Type=notify`: gets the service's states by datagrams (sd_notify(3)).
struct ServiceManager: Sendable {
    /// A state that it gets.
    enum State: Sendable {
        case ready
        case stopping
        case alive
        /// Configuration is read again; `ready` ends it.
        case reloading
        /// A line for people, as `systemctl status` shows it.
        case status(String)

        /// As sd_notify(3) writes it.
        fileprivate var text: String {
            switch self {
            case .ready: return "READY=1"
            case .stopping: return "STOPPING=1"
            case .alive: return "WATCHDOG=1"
            case .reloading:
                var time = timespec()
                clock_gettime(CLOCK_MONOTONIC, &time)
                return "RELOADING=1\nMONOTONIC_USEC=\(time.tv_sec * 1_000_000 + time.tv_nsec / 1000)"
            case .status(let line): return "STATUS=\(line.map { $0.isNewline ? " " : String($0) }.joined())"
            }
        }
    }

    private let address: [UInt8]
    /// How often it wants a sign of life; nil: never.
    private let interval: Duration?

    /// nil if there is none.
    /// - Parameter environment: `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` of the process.
    init?(environment: (String) -> String?) {
        // An absolute path, or an abstract name, written with `@` for NUL (sd_notify(3)).
        guard let socket = environment("NOTIFY_SOCKET"), socket.hasPrefix("/") || socket.hasPrefix("@"),
            case let name = Array(socket.utf8), name.count > 1, name.count < Self.maximumPath
        else { return nil }
        address = name[0] == UInt8(ascii: "@") ? [0] + name.dropFirst() : name
        let isMeant = environment("WATCHDOG_PID").map { Int32($0) == getpid() } ?? true
        let microseconds = environment("WATCHDOG_USEC").flatMap { Int64($0) } ?? 0
        interval = isMeant && microseconds > 0 ? .microseconds(microseconds / 3) : nil
    }

    /// That of the process.
    static func ofProcess() -> ServiceManager? {
        ServiceManager { name in getenv(name).map { String(cString: $0) } }
    }

    /// Tells it; a fault is no concern of the service.
    func tell(_ state: State) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: address) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + address.count)
        let text = Array(state.text.utf8)
        _ = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, text, text.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT), $0, length)
            }
        }
    }

    /// Gives signs of life until cancelled, if they are wanted: as long as tasks of this process get their turn.
    func keepAlive() async {
        guard let interval else { return }
        while !Task.isCancelled {
            tell(.alive)
            try? await Task.sleep(for: interval)
        }
    }

    private static let maximumPath = MemoryLayout.size(ofValue: sockaddr_un().sun_path)
}
