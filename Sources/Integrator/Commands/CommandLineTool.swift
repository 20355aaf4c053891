import Datasets
import Foundation
import JSON
import MySQL
import Operations
import Signatures
import Store
import Synchronization
import Telemetry
import Web

/// `integrator`: reads the command line and runs the command (spec, section 7).
///
/// Results go to standard output; logs and errors to standard error. Exit status 0: done; 1: failed; 2: the command line or
/// the configuration is wrong.
package struct CommandLineTool {
    /// A wrong command line.
    struct UsageError: Error {
        let message: String
        /// The command whose help is to be shown.
        var command: String?
    }

    /// What went wrong stands in the log: a wrong configuration.
    private struct Reported: Error {}

    let environment: Environment
    /// Reads the environment again, for SIGHUP.
    let reread: @Sendable () -> Environment
    /// Takes what is printed.
    let output: @Sendable (String) -> Void
    /// Takes what goes wrong.
    let complaint: @Sendable (String) -> Void
    /// What is printed goes to a terminal.
    let isTerminal: Bool
    /// Whether all that was printed has been written.
    private let isWritten: @Sendable () -> Bool

    /// - Parameters:
    ///   - reread: reads the environment again; by default it stays what it is, but for the files that `NAME_FILE` names.
    ///   - output: takes the lines of results; by default standard output.
    ///   - complaint: takes what goes wrong; by default standard error.
    package init(
        environment: Environment, reread: (@Sendable () -> Environment)? = nil,
        output: (@Sendable (String) -> Void)? = nil,
        complaint: @escaping @Sendable (String) -> Void = { FileHandle.standardError.write(Data(($0 + "\n").utf8)) }
    ) {
        self.environment = environment
        self.reread = reread ?? { environment }
        let standardOutput = StandardOutput()
        self.output = output ?? { standardOutput.write($0 + "\n") }
        isWritten = { !standardOutput.hasFailed }
        isTerminal = output == nil && isatty(STDOUT_FILENO) == 1
        self.complaint = complaint
    }

    /// Runs a command and returns the exit status.
    package func run(_ arguments: [String]) async -> Int32 {
        do {
            let isDone = try await dispatch(arguments)
            guard isWritten() else {
                complaint("integrator: standard output cannot be written")
                return 1
            }
            return isDone ? 0 : 1
        } catch let error as UsageError {
            complaint("integrator: \(error.message)\n\n\(error.command.flatMap { Help.commands[$0] } ?? Help.text)")
            return 2
        } catch is Reported {
            return 2
        } catch let error as ConfigurationFaults {
            complaint("integrator: the configuration is wrong:\n\(error)")
            return 2
        } catch let error as Refusal {
            complaint("integrator: \(error.message)")
            return 1
        } catch {
            complaint("integrator: \(error)")
            return 1
        }
    }

    /// - Returns: false if the command has done its work and found that something is not as it should be.
    private func dispatch(_ arguments: [String]) async throws -> Bool {
        var arguments = Arguments(arguments)
        guard let command = arguments.next() else { throw UsageError(message: "a command is missing") }
        if ["help", "--help", "-h"].contains(command) {
            let topic = arguments.next()
            guard let topic else {
                print(Help.text)
                return true
            }
            guard let help = Help.commands[topic] else { throw UsageError(message: "there is no command `\(topic)`") }
            print(help)
            return true
        }
        if command == "--version" || command == "version" {
            print("integrator \(Build.version) (Swift \(Build.swift))")
            return true
        }
        guard let help = Help.commands[command] else { throw UsageError(message: "there is no command `\(command)`") }
        if arguments.flag("--help") || arguments.flag("-h") {
            print(help)
            return true
        }
        do {
            return try await run(command, &arguments)
        } catch var error as UsageError {
            error.command = command
            throw error
        }
    }

    private func run(_ command: String, _ arguments: inout Arguments) async throws -> Bool {
        switch command {
        case "serve":
            let checks = arguments.flag("--check")
            try arguments.end()
            if checks {
                _ = try Configuration(environment)
                print("the configuration is complete")
            } else {
                try await serve()
            }
        case "migrate":
            try await migrate(&arguments)
        case "token":
            guard arguments.next() == "create" else { throw UsageError(message: "token: only `create` is there") }
            try await createToken(&arguments)
        case "callbacks": return try await callbacks(&arguments)
        case "actions": try await actions(&arguments)
        case "refused": try await refused(&arguments)
        case "completion":
            guard let shell = arguments.next(), let script = Completion.script(for: shell) else {
                throw UsageError(message: "completion: bash or zsh?")
            }
            try arguments.end()
            print(script)
        case "datasets": return try await datasets(&arguments)
        case "events": return try await events(&arguments)
        case "notifications": return try await notifications(&arguments)
        case "webhooks": return try await webhooks(&arguments)
        case "doctor": return try await doctor(&arguments)
        default: try await prune(&arguments)
        }
        return true
    }

    private func serve() async throws {
        OpenFiles.raiseLimit()
        let configuration: Configuration
        do throws(ConfigurationFaults) {
            configuration = try Configuration(environment)
        } catch {
            // Where a program reads the log it reads this too.
            guard (try? environment.value("LOG_FORMAT")) == "json" else { throw error }
            let log = Logger(format: .json)
            for fault in error.faults { log.error("the configuration is wrong", ["fault": .string(fault)]) }
            throw Reported()
        }
        let service = Service(configuration: configuration, environment: reread)
        guard await service.databaseIsFit() else { throw Reported() }
        let signals = Signals.stream(of: [SIGTERM, SIGINT])
        let hangups = Signals.stream(of: [SIGHUP])
        let (reloads, reloaded) = AsyncStream<Service.Reload>.makeStream()
        let reading = Task {
            for await _ in hangups {
                do {
                    let environment = reread()
                    reloaded.yield(
                        .secrets(
                            try Configuration.secretsOnly(environment),
                            try Configuration.operatorTokensOnly(environment)))
                } catch {
                    reloaded.yield(.failed("\(error)"))
                }
            }
        }
        defer { reading.cancel() }
        try await service.run(reloads: reloads) { for await _ in signals { return } }
    }

    private func createToken(_ arguments: inout Arguments) async throws {
        guard let user = try arguments.number("--user") else {
            throw UsageError(message: "token create: --user ID is missing")
        }
        let name = try arguments.option("--name") ?? "integrator"
        let given = try arguments.choices("--abilities", ["*", "datasets:read", "datasets:write"], \.self)
        let abilities = given.isEmpty ? ["*"] : given
        try arguments.end()
        let token = try await withDesk { desk in
            try await desk.createToken(user: user, name: name, abilities: abilities, by: Self.actor)
        }
        print(token)
    }

    /// Prints a result.
    func print(_ text: String) {
        output(text)
    }

    /// Prints JSON.
    func print(json body: (inout JSONWriter) -> Void) {
        var json = JSONWriter()
        body(&json)
        output(String(decoding: json.bytes, as: UTF8.self))
    }
}

/// Standard output, and whether it has taken all.
private final class StandardOutput: Sendable {
    private let failed = Atomic(false)

    var hasFailed: Bool { failed.load(ordering: .relaxed) }

    func write(_ text: String) {
        var text = text
        let isWritten = text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = Glibc.write(STDOUT_FILENO, rest.baseAddress, rest.count)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return false }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            }
            return true
        }
        if !isWritten { failed.store(true, ordering: .relaxed) }
    }
}
