import Foundation
import Glibc
import TestSupport
import Testing

@testable import Integrator

/// The protocol of sd_notify(3), over a real socket.
@Suite(.timeLimit(.minutes(5))) struct ServiceManagerTests {
    /// What a service manager listens with.
    private final class Listener: Sendable {
        let name: String
        private let descriptor: Int32

        init(_ name: String) throws {
            self.name = name
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            var bytes = Array(name.utf8)
            if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
            let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
            }
            #expect(result == 0)
            var limit = timeval(tv_sec: 10, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        }

        func next() -> String {
            var bytes = [UInt8](repeating: 0, count: 256)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : "nothing: \(errno)"
        }

        deinit { close(descriptor) }
    }

    private static func freshName() -> String { "integrator-test-\(UInt64.random(in: 1 ... .max))" }

    @Test(arguments: ["@", "/tmp/"])
    func isToldOfTheStates(_ prefix: String) throws {
        let listener = try Listener(prefix + Self.freshName())
        defer { unlink(listener.name) }
        let manager = try #require(ServiceManager { $0 == "NOTIFY_SOCKET" ? listener.name : nil })
        manager.tell(.ready)
        #expect(listener.next() == "READY=1")
        manager.tell(.stopping)
        #expect(listener.next() == "STOPPING=1")
        manager.tell(.reloading)
        #expect(listener.next().wholeMatch(of: /RELOADING=1\nMONOTONIC_USEC=[0-9]+/) != nil)
        manager.tell(.status("reload failed:\nsecret 1"))
        #expect(listener.next() == "STATUS=reload failed: secret 1")
    }

    @Test func getsSignsOfLifeWhileItWantsThem() async throws {
        let listener = try Listener("@" + Self.freshName())
        let variables = ["NOTIFY_SOCKET": listener.name, "WATCHDOG_USEC": "30000", "WATCHDOG_PID": "\(getpid())"]
        let manager = try #require(ServiceManager { variables[$0] })
        let signs = Task { await manager.keepAlive() }
        for _ in 0..<3 { #expect(try await offPool { listener.next() } == "WATCHDOG=1") }
        signs.cancel()
        await signs.value
    }

    /// They are meant for another process, or for none.
    @Test(arguments: [
        ["WATCHDOG_USEC": "30000", "WATCHDOG_PID": "1"], ["WATCHDOG_USEC": "0"], ["WATCHDOG_USEC": "soon"], [:],
    ])
    func getsNoneOtherwise(_ variables: [String: String]) async throws {
        let listener = try Listener("@" + Self.freshName())
        let manager = try #require(ServiceManager { $0 == "NOTIFY_SOCKET" ? listener.name : variables[$0] })
        await manager.keepAlive()
        manager.tell(.ready)
        #expect(listener.next() == "READY=1")
    }

    @Test(arguments: [nil, "", "@", "/", "relative", "vsock:2:1234", "/" + String(repeating: "x", count: 108)])
    func isNotThereOtherwise(_ socket: String?) {
        #expect(ServiceManager { $0 == "NOTIFY_SOCKET" ? socket : nil } == nil)
    }

    @Test func isNotMissedWhenItIsGone() throws {
        let manager = try #require(ServiceManager { $0 == "NOTIFY_SOCKET" ? "/nowhere/at/all" : nil })
        manager.tell(.ready)
    }
}
