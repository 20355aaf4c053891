import Foundation

@testable import TestSupport

/// A private nginx in front of servers of this process. `Tests/Scripts/nginx` puts the program where `TEST_NGINX` says.
struct Nginx {
    static let program = ProcessInfo.processInfo.environment["TEST_NGINX"]

    let port: UInt16
    private let process: ServerProcess

    /// - Parameter settings: of the location, one or more directives.
    static func start(before ports: [UInt16], upstream: String = "", settings: String = "") async throws -> Nginx {
        let folder = try TestFolder.make()
        let port = try freePort()
        let servers = ports.map { "server 127.0.0.1:\($0);" }.joined(separator: " ")
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "\($0)_temp_path \(folder)/\($0);" }.joined(separator: "\n")
        let text = """
            daemon off; master_process off; pid \(folder)/pid; error_log \(folder)/log;
            events { worker_connections 1024; }
            http {
                access_log off; \(temporary)
                upstream service { \(servers) \(upstream) }
                server {
                    listen 127.0.0.1:\(port);
                    location / { proxy_pass http://service; \(settings) }
                }
            }
            """
        try text.write(toFile: "\(folder)/conf", atomically: true, encoding: .utf8)
        let process = try await ServerProcess.start(
            [program ?? "nginx", "-p", folder, "-e", "\(folder)/log", "-c", "\(folder)/conf"], log: "\(folder)/log")
        while process.isRunning, (try? RawClient(port: port)) == nil { try await Task.sleep(for: .milliseconds(25)) }
        guard process.isRunning else {
            throw Failure(log: (try? String(contentsOfFile: "\(folder)/log", encoding: .utf8)) ?? "")
        }
        return Nginx(port: port, process: process)
    }

    func stop() async {
        process.send(SIGTERM)
        _ = await process.waitForEnd()
    }

    /// A port that is free at the time.
    static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
            }
        }
        guard result == 0 else { throw RawClient.Failure.errno(errno) }
        return UInt16(bigEndian: address.sin_port)
    }

    struct Failure: Error { let log: String }
}
