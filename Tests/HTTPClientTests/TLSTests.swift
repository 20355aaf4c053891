import Foundation
import HTTPClient
import Testing

/// Against `openssl s_server` with a certificate of its own making.
@Suite struct TLSTests {
    /// A temporary folder with `cert.pem` and `key.pem` for `name`.
    final class Certificate {
        let folder: URL

        init(name: String) throws {
            folder = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let openssl = try Process.run(
                Self.openssl,
                arguments: [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=test", "-addext", "subjectAltName=\(name)", "-keyout", path("key.pem"), "-out",
                    path("cert.pem"),
                ])
            openssl.waitUntilExit()
        }

        static let openssl = URL(filePath: "/usr/bin/openssl")

        func path(_ file: String) -> String { folder.appending(path: file).path }

        deinit {
            try? FileManager.default.removeItem(at: folder)
        }
    }

    /// `openssl s_server`, and the port it printed.
    final class Server {
        let port: Int
        private let process = Process()

        init(_ certificate: Certificate) throws {
            let output = Pipe()
            process.executableURL = Certificate.openssl
            process.arguments = [
                "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", certificate.path("cert.pem"), "-key",
                certificate.path("key.pem"),
            ]
            process.standardOutput = output
            process.standardError = FileHandle.nullDevice
            process.standardInput = FileHandle.nullDevice
            try process.run()
            var text = ""
            while let chunk = try output.fileHandleForReading.read(upToCount: 1), !chunk.isEmpty {
                text += String(decoding: chunk, as: UTF8.self)
                if text.hasSuffix("\n"), text.contains("ACCEPT 127.0.0.1:") { break }
            }
            port = try #require(text.split(separator: ":").last.flatMap { Int($0.filter(\.isNumber)) })
        }

        deinit {
            process.terminate()
            process.waitUntilExit()
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
