import Glibc
import HTTPServer
import JSON
import Pusher

/// The program `sandbox`.
public enum SandboxCommand {
    /// Runs it with the words after its name; the exit code.
    public static func run(_ words: [String]) async -> Int32 {
        do throws(SandboxError) {
            guard let command = words.first, !words.contains("--help") else {
                printLine(help)
                return words.isEmpty ? 2 : 0
            }
            switch command {
            case "serve": try await serve(Array(words.dropFirst()))
            case "try": try await tryOut(Array(words.dropFirst()))
            default: throw SandboxError("\(command) is unknown; see --help")
            }
            return 0
        } catch {
            printLine("sandbox: \(error)", to: STDERR_FILENO)
            return 1
        }
    }

    static let help = """
        sandbox serve   a TV Python API and a Pusher Channels server on one port
          --host ADDRESS               127.0.0.1
          --port N                     9090; 0 takes any free one
          --tv-token TEXT              bearer token of the TV Python API (required)
          --pusher-app-id, --pusher-key, --pusher-secret TEXT    the Pusher app (required)
          How datasets are built (POST /sandbox/tv/scenario takes the same, in snake_case, for the next one):
          --steps N                    progress webhooks (10)
          --step-delay SECONDS         between webhooks (0.2)
          --outcome completed|failed|canceled|silent
          --training                   training.started and training.completed follow
          --duplicate, --reorder, --lose, --late P    probabilities for each webhook (0)
          --seed N                     the same seed, the same faults (1)
          --concurrent                 webhooks do not wait for the answers to those before
          --retry-scale FACTOR         on the waits between attempts: 5 s, 5 min, 30 min, ... (1)
          --webhook-before-create-returns, --reference-missing
          --create-delay SECONDS       before a create is answered (0)
          --create-faults LIST         for the first creates: 503,429,400,hang,accept_then_hang,accept_then_504
          SIGINT and SIGTERM stop it.

        sandbox try     creates a dataset as a web client would, and watches it to its end
          --url URL                    of the integrator, http://127.0.0.1:8080
          --token ID|PLAIN             a Sanctum token (required)
          --wishlist SLUG              (required)
          --pusher-host, --pusher-port, --pusher-key    where to subscribe (host 127.0.0.1; others required)
          --expect-sandbox URL         compare with what this sandbox says, too
          --time-limit SECONDS         120
          Exits with 0 if the dataset was completed and all numbers agree.
        """

    /// Writes a line at once, whatever standard output is.
    static func printLine(_ line: String, to descriptor: Int32 = STDOUT_FILENO) {
        let bytes = Array("\(line)\n".utf8)
        _ = write(descriptor, bytes, bytes.count)
    }

    // MARK: serve

    private static func serve(_ words: [String]) async throws(SandboxError) {
        let configuration = try serveConfiguration(words)
        let signals = Signals([SIGINT, SIGTERM])
        defer { signals.cancel() }
        let server: SandboxServer
        do throws(HTTPServerError) {
            server = try SandboxServer.start(configuration)
        } catch {
            throw SandboxError(error.description)
        }
        printLine("sandbox listens on \(server.url)")
        for await _ in signals.stream { break }
        await server.stop()
        printLine("sandbox stopped")
    }

    static func serveConfiguration(_ words: [String]) throws(SandboxError) -> SandboxServer.Configuration {
        var arguments = try Arguments(
            words, flags: ["training", "concurrent", "webhook-before-create-returns", "reference-missing"])
        var configuration = SandboxServer.Configuration(
            tvToken: try arguments.require("tv-token"),
            pusher: PusherCredentials(
                appID: try arguments.require("pusher-app-id"), key: try arguments.require("pusher-key"),
                secret: try arguments.require("pusher-secret")))
        configuration.host = arguments.take("host") ?? "127.0.0.1"
        configuration.port = try arguments.port("port", default: 9090)
        configuration.scenario = try scenario(&arguments)
        configuration.log = { printLine($0) }
        try arguments.end()
        return configuration
    }

    /// The options of a scenario are the members of its JSON, in other letters.
    private static func scenario(_ arguments: inout Arguments) throws(SandboxError) -> Scenario {
        var scenario = Scenario()
        let names = ((try? JSONDocument(parsing: scenario.json))?.root.members ?? []).map(\.name)
        var writer = JSONWriter()
        writer.object { writer in
            for name in names {
                let option = String(name.map { $0 == "_" ? "-" : $0 })
                guard let value = arguments.take(option) else { continue }
                if name == "create_faults" {
                    writer.list(name) { for fault in value.split(separator: ",") { $0.value(String(fault)) } }
                } else if (try? JSONDocument(parsing: Array(value.utf8))) != nil {
                    writer.field(name, raw: Array(value.utf8))
                } else {
                    writer.field(name, value)
                }
            }
        }
        if let document = try? JSONDocument(parsing: writer.bytes) { try scenario.apply(document.root) }
        return scenario
    }

    // MARK: try

    private static func tryOut(_ words: [String]) async throws(SandboxError) {
        try await TryRun(options: try tryOptions(words), print: { printLine($0) }).run()
    }

    static func tryOptions(_ words: [String]) throws(SandboxError) -> TryRun.Options {
        var arguments = try Arguments(words, flags: ["drop-one"])
        var options = TryRun.Options(
            url: arguments.take("url") ?? "http://127.0.0.1:8080", token: try arguments.require("token"),
            wishlist: try arguments.require("wishlist"), pusherHost: arguments.take("pusher-host") ?? "127.0.0.1",
            pusherPort: try arguments.port("pusher-port"), pusherKey: try arguments.require("pusher-key"))
        options.sandboxURL = arguments.take("expect-sandbox")
        options.dropsOne = arguments.take("drop-one") != nil
        if let text = arguments.take("time-limit") {
            guard let seconds = Double(text), (1...86_400).contains(seconds) else {
                throw SandboxError("--time-limit has to be 1 to 86400 seconds")
            }
            options.timeLimit = .seconds(seconds)
        }
        try arguments.end()
        return options
    }
}
