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
        let port = freePort()
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

    struct Failure: Error { let log: String }
}
