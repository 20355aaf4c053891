import Foundation

/// A process on this machine that runs `integrator serve` (proc(5)): this one too, if it does.
struct RunningInstance: Sendable {
    let pid: Int32
    /// Where it listens.
    let url: String

    /// Those of the same program whose `TV_WEBHOOK_SECRETS_FILE` is this file. Processes that may not be looked into are
    /// left out.
    static func all(readingSecretsFrom file: String) -> [RunningInstance] {
        guard let own = program(of: "self"), let names = try? FileManager.default.contentsOfDirectory(atPath: "/proc")
        else { return [] }
        let wanted = canonical(file, in: FileManager.default.currentDirectoryPath)
        return names.compactMap { Int32($0) }.sorted().compactMap { pid in
            guard program(of: "\(pid)") == own,
                strings("/proc/\(pid)/cmdline").dropFirst().first == "serve",
                let folder = link("/proc/\(pid)/cwd")
            else { return nil }
            let variables = Dictionary(
                strings("/proc/\(pid)/environ").compactMap { line in
                    line.firstIndex(of: "=").map { (String(line[..<$0]), String(line[line.index(after: $0)...])) }
                }, uniquingKeysWith: { first, _ in first })
            let environment = Environment(variables, dotenv: folder + "/.env")
            guard let path = environment.file(of: "TV_WEBHOOK_SECRETS"), canonical(path, in: folder) == wanted else {
                return nil
            }
            return RunningInstance(pid: pid, url: url(environment))
        }
    }

    private static func url(_ environment: Environment) -> String {
        let value = { (name: String) in ((try? environment.value(name)) ?? nil) ?? "" }
        var host = value("HTTP_HOST")
        switch host {
        case "", "0.0.0.0": host = "127.0.0.1"
        case "::": host = "[::1]"
        default: if host.contains(":") { host = "[\(host)]" }
        }
        let port = value("HTTP_PORT")
        return "http://\(host):\(port.isEmpty ? "8080" : port)"
    }

    /// The program of a process; one that has been replaced since still has its path.
    private static func program(of process: String) -> String? {
        link("/proc/\(process)/exe").map { path in
            path.hasSuffix(" (deleted)") ? String(path.dropLast(10)) : path
        }
    }

    private static func link(_ path: String) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: path)
    }

    private static func strings(_ path: String) -> [String] {
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        return data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func canonical(_ path: String, in folder: String) -> String {
        URL(fileURLWithPath: path, relativeTo: URL(fileURLWithPath: folder, isDirectory: true))
            .resolvingSymlinksInPath().path
    }
}
