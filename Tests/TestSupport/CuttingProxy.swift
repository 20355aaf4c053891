import Foundation
public import MySQL
import Synchronization

/// Stands between a client and a server, on Unix sockets, and cuts connections where it hurts most: around a COMMIT.
///
/// It reads the client's packets (4 bytes of header, the first three their length) and forwards them one by one. Each
/// connection has two threads, one for each direction.
public final class CuttingProxy: Sendable {
    /// Where a connection is cut.
    public enum Cut: Sendable {
        /// The server never hears of the COMMIT.
        case beforeCommit
        /// The server has committed; its answer never arrives.
        case afterCommit
    }

    private struct State {
        var plan: [Cut?] = []
        var before = 0
        var after = 0
        var isAway = false
        var links: [Int: Link] = [:]
        var next = 0
    }

    /// Where clients connect to.
    public let socket: String
    private let server: MySQLConfiguration
    /// What a transaction has to send for its COMMIT to be one of the plan.
    private let marker: [UInt8]
    private let listener: Int32
    private let state = Mutex(State())

    /// - Parameters:
    ///   - server: how to reach the server: by a socket.
    ///   - marker: a text that the transactions in question contain.
    public init(to server: MySQLConfiguration, marker: String) throws {
        self.server = server
        self.marker = Array(marker.utf8)
        socket = try TestFolder.make() + "/proxy"
        listener = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let code = Self.withAddress(socket) { bind(listener, $0, $1) }
        guard code == 0, listen(listener, 64) == 0 else {
            throw TestServer.StartError(description: "no proxy at \(socket): error \(errno)")
        }
        Thread.detachNewThread { @Sendable [self] in accept() }
    }

    /// How to connect through it.
    public var configuration: MySQLConfiguration {
        var configuration = server
        configuration.socket = socket
        return configuration
    }

    /// What happens to the next COMMITs of transactions with the marker, one each; nil: nothing.
    public func plan(_ cuts: [Cut?]) { state.withLock { $0.plan += cuts } }

    /// Forgets what has not happened yet.
    public func clear() { state.withLock { $0.plan = [] } }

    /// Connections cut before and after a COMMIT.
    public var cuts: (before: Int, after: Int) { state.withLock { ($0.before, $0.after) } }

    /// Cuts all connections, and refuses new ones until told otherwise.
    public var isAway: Bool {
        get { state.withLock(\.isAway) }
        set {
            let links = state.withLock { state in
                state.isAway = newValue
                return newValue ? Array(state.links.values) : []
            }
            for link in links { link.cut() }
        }
    }

    /// Cuts all connections and takes no more.
    public func stop() {
        isAway = true
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func accept() {
        while case let client = Glibc.accept(listener, nil, nil), client >= 0 {
            if state.withLock(\.isAway) {
                close(client)
                continue
            }
            let upstream = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            guard Self.withAddress(server.socket ?? "", { connect(upstream, $0, $1) }) == 0 else {
                close(upstream)
                close(client)
                continue
            }
            let link = Link(client: client, server: upstream)
            let number = state.withLock { state in
                state.next += 1
                state.links[state.next] = link
                return state.next
            }
            Thread.detachNewThread { @Sendable [self] in
                forward(link)
                link.cut()
                state.withLock { $0.links[number] = nil }
            }
            Thread.detachNewThread { @Sendable in link.answer() }
        }
        close(listener)
    }

    /// Forwards the client's packets until the connection ends or is cut.
    private func forward(_ link: Link) {
        var isMarked = false
        while let packet = link.packet() {
            let text = packet.dropFirst(4)
            if text.first == Self.query {
                if text.dropFirst().starts(with: "START TRANSACTION".utf8) { isMarked = false }
                isMarked = isMarked || Self.contains(text, marker)
                if text.suffix(6).elementsEqual("COMMIT".utf8), isMarked {
                    isMarked = false
                    let cut = state.withLock { state in
                        let cut = state.plan.isEmpty ? nil : state.plan.removeFirst()
                        if cut == .beforeCommit { state.before += 1 }
                        if cut == .afterCommit { state.after += 1 }
                        return cut
                    }
                    if cut == .beforeCommit { return }
                    if cut == .afterCommit { link.isSilenced.store(true, ordering: .releasing) }
                }
            }
            guard link.send(packet, to: link.server) else { return }
        }
    }

    /// COM_QUERY.
    private static let query: UInt8 = 3

    private static func contains(_ text: ArraySlice<UInt8>, _ part: [UInt8]) -> Bool {
        Data(text).range(of: Data(part)) != nil
    }

    private static func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}

/// A client's connection and its other half. The descriptors are closed once both threads are done with them.
private final class Link: Sendable {
    let client: Int32
    let server: Int32
    /// The server's next answer is to be kept from the client.
    let isSilenced = Atomic(false)

    init(client: Int32, server: Int32) {
        self.client = client
        self.server = server
    }

    deinit {
        close(client)
        close(server)
    }

    func cut() {
        shutdown(client, Int32(SHUT_RDWR))
        shutdown(server, Int32(SHUT_RDWR))
    }

    /// The client's next packet, header included; nil at the end.
    func packet() -> [UInt8]? {
        guard let header = read(4) else { return nil }
        let length = Int(header[0]) | Int(header[1]) << 8 | Int(header[2]) << 16
        return read(length).map { header + $0 }
    }

    private func read(_ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { recv(client, $0.baseAddress! + filled, count - filled, 0) }
            guard got > 0 else { return nil }
            filled += got
        }
        return bytes
    }

    func send(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Forwards the server's answers until the connection ends; once silenced it waits until the server has said all.
    func answer() {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while case let got = recv(server, &buffer, buffer.count, 0), got > 0 {
            if isSilenced.load(ordering: .acquiring) {
                var waiting = pollfd(fd: server, events: Int16(POLLIN), revents: 0)
                while poll(&waiting, 1, 50) > 0, recv(server, &buffer, buffer.count, 0) > 0 {}
                break
            }
            guard send(Array(buffer[..<got]), to: client) else { break }
        }
        cut()
    }
}
