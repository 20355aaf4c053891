import Foundation
import MySQL

/// `integrator`: reads the command line and runs the command (spec, section 7).
///
/// Results go to standard output; logs and errors to standard error. Exit status 0: done; 1: failed; 2: the command line or
/// the configuration is wrong.
package struct CommandLineTool {
    /// A wrong command line.
    struct UsageError: Error {
        let message: String
    }

    private static let help = """
        integrator: replaces polling of the TV Python API by webhooks

          integrator serve                    take webhooks and requests until SIGTERM
          integrator migrate [--demo]         bring the database up to date; --demo adds data to try it on
          integrator callbacks show|sync|remove
                                              the callback at the TV Python API
          integrator token create --user ID [--name NAME] [--abilities LIST]
                                              make an access token, printed once

        Configured by environment variables and an optional .env file: see README.md.
        """

    let environment: Environment

    package init(environment: Environment) {
        self.environment = environment
    }

    /// Runs a command and returns the exit status.
    package func run(_ arguments: [String]) async -> Int32 {
        do {
            try await dispatch(arguments)
            return 0
        } catch let error as UsageError {
            Self.complain("integrator: \(error.message)\n\n\(Self.help)")
            return 2
        } catch let error as ConfigurationFaults {
            Self.complain("integrator: the configuration is wrong:\n\(error)")
            return 2
        } catch let error as APIError {
            Self.complain("integrator: \(error.message)")
            return 1
        } catch {
            Self.complain("integrator: \(error)")
            return 1
        }
    }

    private func dispatch(_ arguments: [String]) async throws {
        var arguments = Arguments(arguments)
        switch arguments.next() {
        case "serve":
            try arguments.end()
            try await serve()
        case "migrate":
            let demo = arguments.flag("--demo")
            try arguments.end()
            try await migrate(demo: demo)
        case "token":
            guard arguments.next() == "create" else { throw UsageError(message: "token: only `create` is there") }
            try await createToken(&arguments)
        case "callbacks":
            try await callbacks(&arguments)
        case "help", "--help", "-h":
            print(Self.help)
        case nil:
            throw UsageError(message: "a command is missing")
        case let command?:
            throw UsageError(message: "there is no command `\(command)`")
        }
    }

    private func serve() async throws {
        OpenFiles.raiseLimit()
        let service = Service(configuration: try Configuration(environment))
        let signals = Signals.stream(of: [SIGTERM, SIGINT])
        try await service.run { for await _ in signals { return } }
    }

    private func migrate(demo: Bool) async throws {
        let (database, _) = try Configuration.databaseOnly(environment)
        let report: @Sendable (Migrator.Event) -> Void = { event in
            switch event {
            case .waiting: print("another migrator is at work; waiting")
            case .started(let name, let statements): print("applying \(name) (\(statements) statements)")
            case .applied: break
            case .changed(let name): print("warning: \(name) was applied with another text")
            }
        }
        let applied = try await Migrator(database, migrations: Migrations.all).run(report: report)
        print(applied.isEmpty ? "the database is up to date" : "\(applied.count) migrations applied")
        guard demo else { return }
        _ = try await Migrator(database, migrations: Migrations.demo, table: "integrator_demo").run(report: report)
        print("demo data is there")
    }

    private func createToken(_ arguments: inout Arguments) async throws {
        guard let user = arguments.option("--user").flatMap({ Int64($0) }) else {
            throw UsageError(message: "token create: --user ID is missing")
        }
        let name = arguments.option("--name") ?? "integrator"
        let abilities = arguments.option("--abilities").map { $0.split(separator: ",").map(String.init) } ?? ["*"]
        try arguments.end()
        let (database, _) = try Configuration.databaseOnly(environment)
        let pool = MySQLPool(database, maximumConnections: 1)
        let token = try await AccessTokens(pool: pool).create(user: user, name: name, abilities: abilities)
        await pool.shutdown()
        print(token)
    }

    /// Prints to standard error.
    static func complain(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }
}

/// The words of a command line.
struct Arguments {
    private var words: [String]

    init(_ words: [String]) {
        self.words = words
    }

    /// The next word.
    mutating func next() -> String? {
        words.isEmpty ? nil : words.removeFirst()
    }

    /// Whether `name` is there; takes it.
    mutating func flag(_ name: String) -> Bool {
        guard let index = words.firstIndex(of: name) else { return false }
        words.remove(at: index)
        return true
    }

    /// The word after `name`, or after `name=`; takes both.
    mutating func option(_ name: String) -> String? {
        if let index = words.firstIndex(where: { $0.hasPrefix("\(name)=") }) {
            return String(words.remove(at: index).dropFirst(name.count + 1))
        }
        guard let index = words.firstIndex(of: name), index + 1 < words.count else { return nil }
        words.remove(at: index)
        return words.remove(at: index)
    }

    /// Throws if there is more.
    func end() throws(CommandLineTool.UsageError) {
        if let word = words.first { throw .init(message: "`\(word)` is not understood") }
    }
}
