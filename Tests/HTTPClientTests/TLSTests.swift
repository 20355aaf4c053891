import Foundation
import Glibc
import HTTPClient
import TestSupport
import Testing

/// Against `openssl s_server` with a certificate of its own making.
@Suite(.timeLimit(.minutes(10))) struct TLSTests {
    /// A temporary folder with `cert.pem` and `key.pem` for `name`.
    final class Certificate {
        let folder: URL

        init(name: String) throws {
            folder = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let openssl = try Child([
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=test", "-addext", "subjectAltName=\(name)", "-keyout", path("key.pem"), "-out",
                path("cert.pem"),
            ])
            #expect(openssl.wait() == 0)
        }

        func path(_ file: String) -> String { folder.appending(path: file).path }

        deinit {
            try? FileManager.default.removeItem(at: folder)
        }
    }

    /// `openssl` with these arguments.
    final class Child {
        private var process = pid_t()

        init(_ arguments: [String]) throws {
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
            posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
            // Other tests' sockets are not to live on in it.
            for descriptor in 3..<Int32(1024) { posix_spawn_file_actions_addclose(&actions, descriptor) }
            var argv = (["openssl"] + arguments).map { strdup($0) } + [nil]
            let code = posix_spawn(&process, "/usr/bin/openssl", &actions, nil, &argv, environ)
            argv.forEach { free($0) }
            posix_spawn_file_actions_destroy(&actions)
            try #require(code == 0)
        }

        @discardableResult
        func wait() -> Int32 {
            var status: Int32 = 0
            waitpid(process, &status, 0)
            return status
        }

        func end() {
            kill(process, SIGKILL)
            wait()
        }
    }

    /// `openssl s_server` on a port that was free a moment ago, once it listens.
    final class Server {
        let port: Int
        private let child: Child

        init(_ certificate: Certificate) throws {
            var probe: RawServer? = RawServer { _, _ in }
            let port = try #require(probe).port
            probe = nil
            while canConnect(port) {}
            self.port = Int(port)
            child = try Child([
                "s_server", "-accept", "127.0.0.1:\(port)", "-www", "-cert", certificate.path("cert.pem"), "-key",
                certificate.path("key.pem"),
            ])
            let end = ContinuousClock.now + .seconds(10)
            while !canConnect(port) { try #require(ContinuousClock.now < end) }
        }

        deinit {
            child.end()
        }
    }

    static func send(_ port: Int, caFile: String?) async throws(HTTPClientError) -> HTTPClientResponse {
        let client = HTTPClient(maximumConnectionsPerHost: 1, maximumResponseBytes: 100_000, caFile: caFile)
        return try await client.send(HTTPClientRequest(url: "https://127.0.0.1:\(port)/"))
    }

    @Test func aCertificateIsTakenOnlyIfItsAuthorityIsTrusted() async throws {
        let certificate = try Certificate(name: "IP:127.0.0.1")
        let server = try Server(certificate)
        let error = await #expect(throws: HTTPClientError.self) { try await Self.send(server.port, caFile: nil) }
        #expect(error?.kind == .tls)
        #expect(error?.mayHaveBeenSent == false)
        #expect(try await Self.send(server.port, caFile: certificate.path("cert.pem")).status == 200)
    }

    @Test func aCertificateForAnotherNameIsRefused() async throws {
        let certificate = try Certificate(name: "DNS:elsewhere.example")
        let server = try Server(certificate)
        let error = await #expect(throws: HTTPClientError.self) {
            try await Self.send(server.port, caFile: certificate.path("cert.pem"))
        }
        #expect(error?.kind == .tls)
        #expect(error?.mayHaveBeenSent == false)
    }

    @Test func aMissingFileOfCertificatesIsAFailure() async throws {
        let server = try Server(try Certificate(name: "IP:127.0.0.1"))
        let error = await #expect(throws: HTTPClientError.self) {
            try await Self.send(server.port, caFile: "/nonexistent/ca.pem")
        }
        #expect(error?.kind == .tls)
    }

    @Test func plainHTTPWhereTLSIsExpectedIsATLSFailure() async throws {
        let server = RawServer { _, connection in
            connection.send("HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.waitForEnd()
        }
        let error = await #expect(throws: HTTPClientError.self) { try await Self.send(Int(server.port), caFile: nil) }
        #expect(error?.kind == .tls)
        #expect(error?.mayHaveBeenSent == false)
    }
}
