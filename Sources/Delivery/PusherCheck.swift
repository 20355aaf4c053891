package import HTTPClient
import MySQL
import Pusher
import Synchronization
package import Telemetry
import Time

/// Asks the Pusher server at the start whether it accepts us, so that a wrong key or secret shows before there is something
/// to send. Later the senders find out by themselves.
package final class PusherCheck: Sendable {
    private static let timeout: Duration = .seconds(10)
    private static let backoff = Backoff(base: .seconds(1), cap: .seconds(60))

    private let api: PusherAPI
    private let client: HTTPClient
    private let log: Logger
    private let refused = Atomic(false)

    package init(configuration: PusherSettings, client: HTTPClient, log: Logger) {
        self.client = client
        self.log = log
        api = configuration.api
    }

    /// Whether the last answer was 401 or 403.
    package var isRefused: Bool { refused.load(ordering: .relaxed) }

    /// Asks until it is accepted or the task is cancelled.
    package func run() async {
        var attempt = 1
        while !Task.isCancelled, await !isAccepted() {
            try? await Task.sleep(for: .milliseconds(200) + Self.backoff.delay(afterAttempt: attempt))
            attempt += 1
        }
    }

    /// Reads the list of channels. What is neither accepted nor refused says nothing about the credentials; a server that
    /// has no such list need not be asked again.
    private func isAccepted() async -> Bool {
        let request = api.get("/channels", now: Timestamp.now().seconds)
        let response = try? await client.send(
            HTTPClientRequest(method: "GET", url: request.url, timeout: Self.timeout))
        guard let status = response?.status else { return false }
        let isRefused = status == 401 || status == 403
        refused.store(isRefused, ordering: .relaxed)
        if isRefused { log.error("Pusher does not accept us", ["status": .int(status)]) }
        return status < 400 || status == 404
    }
}
