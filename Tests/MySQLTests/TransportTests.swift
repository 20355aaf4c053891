import Foundation
import MySQL
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct TransportTests {
    private func account(_ port: UInt16, at server: TestServer, _ rule: String = "") async throws -> MySQLConfiguration
    {
        let root = try await MySQLConnection.connect(server.configuration())
        try await root.execute("create user a@'127.0.0.1' identified by 'p' \(unescaped: rule)")
        return MySQLConfiguration(host: "127.0.0.1", port: port, database: "", username: "a", password: "p")
    }

    private func cipher(_ configuration: MySQLConfiguration, _ change: (inout MySQLConfiguration) -> Void = { _ in })
        async throws -> String
    {
        var configuration = configuration
        change(&configuration)
        let connection = try await MySQLConnection.connect(configuration)
        return try await connection.query("show status like 'Ssl_cipher'")[0].string(1)
    }

    private func fault(_ configuration: MySQLConfiguration, _ change: (inout MySQLConfiguration) -> Void) async
        -> MySQLError?
    {
        await #expect(throws: MySQLError.self) { _ = try await cipher(configuration, change) }
    }

    @Test func theModesVerifyWhatTheySay() async throws {
        let (port, otherPort) = (freePort(), freePort())
        let certificate = try await TestCertificate.make(for: "IP:127.0.0.1")
        let stranger = try await TestCertificate.make(for: "DNS:db.example.com")
        let server = try await TestServer.startOwn(options: certificate.options(port: port))
        let other = try await TestServer.startOwn(options: stranger.options(port: otherPort))
        let right = try await account(port, at: server)
        let misnamed = try await account(otherPort, at: other)

        #expect(try await cipher(right).isEmpty)
        #expect(try await cipher(right) { $0.tlsMode = .disabled }.isEmpty)
        #expect(try await !cipher(right) { $0.tlsMode = .preferred }.isEmpty)
        #expect(try await !cipher(right) { $0.tlsMode = .required }.isEmpty)
        // A file of authorities asks for verification, as it always did.
        #expect(try await !cipher(right) { $0.caFile = certificate.certificate }.isEmpty)
        #expect(await fault(right) { $0.caFile = stranger.certificate }?.kind == .tls)
        #expect(await fault(right) { $0.caFile = "/nowhere/ca.pem" }?.kind == .tls)
        #expect(await fault(right) { $0.tlsMode = .verifyIdentity }?.kind == .tls)
        #expect(await fault(right) { $0.tlsMode = .verifyCA }?.kind == .tls)
        #expect(await fault(misnamed) { $0.caFile = stranger.certificate }?.kind == .tls)
        #expect(
            try await !cipher(misnamed) {
                $0.caFile = stranger.certificate
                $0.tlsMode = .verifyCA
            }.isEmpty)
        let strange = await fault(misnamed) {
            $0.caFile = certificate.certificate
            $0.tlsMode = .verifyCA
        }
        #expect(strange?.kind == .tls)
        #expect(strange?.passes == true)
        await server.stop()
        await other.stop()
    }

    @Test func aServerWithoutTLSIsRefusedWhereItIsRequired() async throws {
        let port = freePort()
        let server = try await TestServer.startOwn(options: TestServer.tcpOptions(port: port) + ["--skip-ssl"])
        let configuration = try await account(port, at: server)
        #expect(try await cipher(configuration) { $0.tlsMode = .preferred }.isEmpty)
        #expect(await fault(configuration) { $0.tlsMode = .required }?.kind == .tls)
        #expect(await fault(configuration) { $0.tlsMode = .verifyIdentity }?.kind == .tls)
        await server.stop()
    }

    @Test func anAccountMayDemandTLS() async throws {
        let port = freePort()
        let certificate = try await TestCertificate.make(for: "IP:127.0.0.1")
        let server = try await TestServer.startOwn(options: certificate.options(port: port))
        let configuration = try await account(port, at: server, "require ssl")
        // The server does not tell it from a wrong password.
        #expect(await fault(configuration) { $0.tlsMode = .disabled }?.number == 1045)
        #expect(try await !cipher(configuration) { $0.tlsMode = .required }.isEmpty)
        await server.stop()
    }

    @Test func toAnotherMachineTLSIsVerifiedUnlessToldOtherwise() {
        func mode(_ host: String, _ socket: String? = nil, ca: String? = nil, _ mode: MySQLConfiguration.TLSMode? = nil)
            -> MySQLConfiguration.TLSMode
        {
            MySQLConfiguration(host: host, socket: socket, database: "", username: "", caFile: ca, tlsMode: mode)
                .effectiveTLSMode
        }
        for host in ["127.0.0.1", "127.1.2.3", "localhost", "::1"] { #expect(mode(host) == .disabled) }
        for host in ["10.0.0.1", "db", "127.example.com", "127.0.0.1.example.com", "::2", ""] {
            #expect(mode(host) == .verifyIdentity)
        }
        #expect(mode("db", "/run/mysqld.sock") == .disabled)
        #expect(mode("127.0.0.1", ca: "/ca.pem") == .verifyIdentity)
        #expect(mode("db", nil, .disabled) == .disabled)
        #expect(mode("127.0.0.1", nil, .required) == .required)
    }

    /// A server that asks for the password: at once, or by a switch to a plugin that sends it.
    @Test(arguments: ["mysql_clear_password", "dialog", "sha256_password", "mysql_old_password"], [true, false])
    func aRogueServerIsNotTold(plugin: String, atOnce: Bool) async throws {
        let rogue = try RogueServer(plugin: plugin, atOnce: atOnce)
        var configuration = MySQLConfiguration(
            host: "127.0.0.1", port: rogue.port, database: "", username: "u", password: "the-password-7f3a")
        configuration.statementTimeout = .seconds(2)
        let error = await #expect(throws: MySQLError.self) { _ = try await MySQLConnection.connect(configuration) }
        #expect(error?.phase == .connect)
        let heard = await rogue.heard()
        #expect(heard.range(of: Data("the-password-7f3a".utf8)) == nil)
        // A plugin that we do not take is refused at the greeting, or at the switch.
        #expect(heard.isEmpty == atOnce)
        #expect(error?.kind == .refused)
    }

    /// `caching_sha2_password` from a server that says it has no TLS, and then that it has to have the password.
    @Test(arguments: MySQLConfiguration.TLSMode.allCases)
    func aServerThatTakesTLSAwayIsNotTold(mode: MySQLConfiguration.TLSMode) async throws {
        let rogue = try RogueServer(plugin: "caching_sha2_password", atOnce: true, [1, 4])
        var configuration = MySQLConfiguration(
            host: "127.0.0.1", port: rogue.port, database: "", username: "u", password: "the-password-7f3a")
        configuration.tlsMode = mode
        configuration.statementTimeout = .seconds(2)
        let error = await #expect(throws: MySQLError.self) { _ = try await MySQLConnection.connect(configuration) }
        #expect(error?.phase == .connect)
        let heard = await rogue.heard()
        #expect(heard.range(of: Data("the-password-7f3a".utf8)) == nil)
        // Without TLS it is encrypted with a key, which the client asks for.
        #expect(heard.isEmpty == (mode != .disabled))
    }
}

/// Takes one connection, asks for a plugin, and keeps all that the client says.
private final class RogueServer: Sendable {
    let port: UInt16
    private let said: Task<Data, Never>

    /// - Parameter answer: what it says to the client's first answer; nil: a switch to the plugin.
    init(plugin: String, atOnce: Bool, _ answer: [UInt8]? = nil) throws {
        port = freePort()
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(bound == 0 && listen(listener, 1) == 0)
        said = Task {
            await withCheckedContinuation { continuation in
                Thread.detachNewThread { @Sendable in
                    continuation.resume(returning: Self.serve(listener, plugin, atOnce, answer))
                }
            }
        }
    }

    func heard() async -> Data { await said.value }

    private static func serve(_ listener: Int32, _ plugin: String, _ atOnce: Bool, _ answer: [UInt8]?) -> Data {
        let client = accept(listener, nil, nil)
        close(listener)
        defer { close(client) }
        var limit = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let scramble = [UInt8](repeating: 0x41, count: 20) + [0]
        // Protocol 10; without TLS, with plugins (CLIENT_PLUGIN_AUTH, CLIENT_SECURE_CONNECTION, CLIENT_PROTOCOL_41).
        var greeting: [UInt8] = [10] + Array("8.0.40".utf8) + [0, 1, 0, 0, 0] + scramble[..<8] + [0]
        greeting += [0x00, 0x82, 45, 2, 0, 0x08, 0x00, 21] + [UInt8](repeating: 0, count: 10) + scramble[8...]
        greeting += Array((atOnce ? plugin : "mysql_native_password").utf8) + [0]
        var heard = Data()
        send(greeting, 0, to: client)
        receive(from: client, &heard)
        send(answer ?? [0xFE] + Array(plugin.utf8) + [0] + scramble, 2, to: client)
        receive(from: client, &heard)
        return heard
    }

    private static func send(_ payload: [UInt8], _ sequence: UInt8, to client: Int32) {
        let packet = [UInt8(payload.count & 0xFF), UInt8(payload.count >> 8), 0, sequence] + payload
        _ = packet.withUnsafeBytes { Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    private static func receive(from client: Int32, _ heard: inout Data) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(client, &buffer, buffer.count, 0)
        if count > 0 { heard.append(contentsOf: buffer[..<count]) }
    }
}
