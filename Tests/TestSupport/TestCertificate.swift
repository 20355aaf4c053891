import Foundation

/// A certificate that signs itself, and its key, for a server that speaks TLS.
public struct TestCertificate: Sendable {
    /// Path of the certificate in PEM form.
    public let certificate: String
    /// Path of its key.
    public let key: String

    /// Makes one.
    /// - Parameter name: as in the extension subjectAltName, for example `IP:127.0.0.1`.
    public static func make(for name: String) async throws -> TestCertificate {
        let folder = try TestFolder.make()
        let made = TestCertificate(certificate: folder + "/cert.pem", key: folder + "/key.pem")
        let openssl = try await ServerProcess.start(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                "2",
                "-subj", "/CN=test \(name)", "-addext", "subjectAltName=\(name)", "-keyout", made.key, "-out",
                made.certificate,
            ], log: folder + "/log")
        guard await openssl.waitForEnd() == 0 else { throw TestServer.StartError(description: "no certificate") }
        return made
    }

    /// With these a server listens at a port of 127.0.0.1 and speaks TLS.
    public func options(port: UInt16) -> [String] {
        TestServer.tcpOptions(port: port) + ["--ssl-cert=\(certificate)", "--ssl-key=\(key)"]
    }
}

extension TestServer {
    /// With these a server listens at a port of 127.0.0.1.
    public static func tcpOptions(port: UInt16) -> [String] {
        ["--skip-networking=0", "--bind-address=127.0.0.1", "--port=\(port)"]
    }
}
