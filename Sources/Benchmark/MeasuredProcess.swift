import Foundation

/// The integrator, as a process of its own.
final class MeasuredProcess {
    private let process: Process
    let port: UInt16
    /// From the start of the process until it called itself ready, in milliseconds.
    private(set) var millisecondsToReady = 0.0

    var pid: Int32 { process.processIdentifier }
    var usage: ProcessUsage { ProcessUsage(of: pid) }

    /// Starts `integrator serve` and waits until it is ready.
    init(program: String, environment: [String: String], port: UInt16, log: String) async throws {
        self.port = port
        process = try Self.make(
            program, ["serve"],
            environment.merging(["HTTP_PORT": "\(port)", "OPERATOR_HTTP_PORT": "0", "PUBLIC_HEALTH": "true"]) { $1 },
            log)
        let start = Clock.now()
        try await Self.start(process)
        while Double(Clock.now() - start) < 20e9 {
            if !process.isRunning { break }
            if let caller = try? HTTPCaller(port: port), let answer = try? caller.get("/health/ready"),
                answer.body.contains(#""status":"ok""#)
            {
                millisecondsToReady = Double(Clock.now() - start) / 1e6
                return
            }
            try await Task.sleep(for: .milliseconds(2))
        }
        stop()
        throw BenchmarkError("the integrator is not ready; see \(log)")
    }

    /// Runs a command of the integrator to its end.
    static func run(_ program: String, _ arguments: [String], environment: [String: String], log: String) throws {
        let process = try make(program, arguments, environment, log)
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw BenchmarkError("\(arguments) failed; see \(log)") }
    }

    /// Has it drain, and waits for the end.
    /// - Returns: the exit status.
    @discardableResult
    func stop() -> Int32 {
        if process.isRunning {
            process.terminate()
            process.waitUntilExit()
        }
        return process.terminationStatus
    }

    /// Starts a process on a thread that lives as long as it does: `--pdeathsig` means the thread that starts it, and those
    /// of the pool, even the main thread, come and go.
    static func start(_ process: Process) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Thread.detachNewThread {
                do {
                    try process.run()
                } catch {
                    return continuation.resume(throwing: error)
                }
                continuation.resume()
                process.waitUntilExit()
            }
        }
    }

    static func make(
        _ program: String, _ arguments: [String], _ environment: [String: String], _ log: String
    ) throws -> Process {
        let process = Process()
        // It ends when we do, however that is.
        process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
        process.arguments = ["--pdeathsig", "TERM", program] + arguments
        process.environment = environment
        if !FileManager.default.fileExists(atPath: log) {
            _ = FileManager.default.createFile(atPath: log, contents: nil)
        }
        let output = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        try output.seekToEnd()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        return process
    }
}

/// What kept the benchmark from going on.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

enum TextFile {
    static func read(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
    }
}
