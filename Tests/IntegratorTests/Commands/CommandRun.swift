import JSON
import MySQL
import Pusher
import Signatures
import Synchronization

@testable import Integrator
@testable import Sandbox

/// A run of the command line tool in this process.
struct CommandRun: Sendable {
    let status: Int32
    let output: String
    let complaints: String

    var json: JSONView? { (try? JSONDocument(parsing: Array(output.utf8)))?.root }
    var lines: [String] { output.split(separator: "\n").map(String.init) }

    init(_ environment: [String: String], _ arguments: [String]) async {
        let printed = Mutex("")
        let complained = Mutex("")
        let tool = CommandLineTool(
            environment: Environment(environment), output: { text in printed.withLock { $0 += text + "\n" } },
            complaint: { text in complained.withLock { $0 += text + "\n" } })
        status = await tool.run(arguments)
        output = printed.withLock { $0 }
        complaints = complained.withLock { $0 }
    }
}

extension ServiceUnderTest {
    /// What an instance of this service is told, with changes; an empty value takes a variable away.
    func variables(_ changes: [String: String] = [:]) -> [String: String] {
        [
            "DB_SOCKET": database.socket ?? "", "DB_DATABASE": database.database, "DB_USERNAME": database.username,
            "TV_API_URL": sandbox.url, "TV_API_TOKEN": Self.tvToken, "TV_WEBHOOK_SECRETS": Self.secret.text,
            "PUSHER_APP_ID": Self.pusher.appID, "PUSHER_APP_KEY": Self.pusher.key,
            "PUSHER_APP_SECRET": Self.pusherSecret,
            "PUSHER_HOST": "127.0.0.1", "PUSHER_PORT": "\(sandbox.port)", "PUSHER_SCHEME": "http",
            "PUBLIC_URL": instance.url, "HTTP_PORT": "\(instance.port)", "LOG_LEVEL": "error", "LOG_FORMAT": "json",
        ].merging(changes) { _, change in change }.filter { !$0.value.isEmpty }
    }

    /// Runs `integrator` with this service's configuration.
    func command(_ arguments: String..., changes: [String: String] = [:]) async -> CommandRun {
        await CommandRun(variables(changes), arguments)
    }
}
