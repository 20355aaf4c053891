import Datasets
import Store
import Foundation
import JSON
import MySQL
import Signatures
import Telemetry

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

    let environment: Environment
    /// Reads the environment again, for SIGHUP.
    let reread: @Sendable () -> Environment
    /// Takes what is printed.
    let output: @Sendable (String) -> Void
    /// Takes what goes wrong.
    let complaint: @Sendable (String) -> Void

    /// - Parameters:
    ///   - reread: reads the environment again; by default it stays what it is, but for the files that `NAME_FILE` names.
    ///   - output: takes the lines of results; by default standard output.
    ///   - complaint: takes what goes wrong; by default standard error.
    package init(
        environment: Environment, reread: (@Sendable () -> Environment)? = nil,
        output: @escaping @Sendable (String) -> Void = { Swift.print($0) },
        complaint: @escaping @Sendable (String) -> Void = { FileHandle.standardError.write(Data(($0 + "\n").utf8)) }
    ) {
        self.environment = environment
        self.reread = reread ?? { environment }
        self.output = output
        self.complaint = complaint
    }

    /// Runs a command and returns the exit status.
    package func run(_ arguments: [String]) async -> Int32 {
        do {
            return try await dispatch(arguments) ? 0 : 1
        } catch let error as UsageError {
            complaint("integrator: \(error.message)\n\n\(error.command.flatMap { Help.commands[$0] } ?? Help.text)")
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
            print(arguments.next().flatMap { Help.commands[$0] } ?? Help.text)
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
            try arguments.end()
            try await serve()
        case "migrate":
            try await migrate(&arguments)
        case "token":
            guard arguments.next() == "create" else { throw UsageError(message: "token: only `create` is there") }
            try await createToken(&arguments)
        case "callbacks": return try await callbacks(&arguments)
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
        let configuration = try Configuration(environment)
        let service = Service(configuration: configuration)
        let signals = Signals.stream(of: [SIGTERM, SIGINT])
        let hangups = Signals.stream(of: [SIGHUP])
        let (secrets, reloaded) = AsyncStream<[WebhookSecret]>.makeStream()
        let reading = Task {
            for await _ in hangups {
                do {
                    reloaded.yield(try Configuration.secretsOnly(reread()))
                } catch {
                    configuration.log.error("secrets not read again", ["reason": .string("\(error)")])
                }
            }
        }
        defer { reading.cancel() }
        try await service.run(secrets: secrets) { for await _ in signals { return } }
    }

    private func createToken(_ arguments: inout Arguments) async throws {
        guard let user = try arguments.number("--user") else {
            throw UsageError(message: "token create: --user ID is missing")
        }
        let name = try arguments.option("--name") ?? "integrator"
        let abilities = try arguments.option("--abilities").map { $0.split(separator: ",").map(String.init) } ?? ["*"]
        try arguments.end()
        let (database, _) = try Configuration.databaseOnly(environment)
        let pool = MySQLPool(database, maximumConnections: 1)
        let token = try await AccessTokens(pool: pool).create(user: user, name: name, abilities: abilities)
        await pool.shutdown()
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
