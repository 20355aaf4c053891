import Datasets
import Time
package import Telemetry
package import Signatures
import Synchronization

/// Keeps the callback registered at the TV Python API (spec, section 4).
package final class CallbackRegistration: Sendable {
    private let api: TVPythonAPI
    private let callback: TVPythonAPI.Callback
    private let log: Logger
    private let registered = Atomic(false)
    private let secret: Mutex<WebhookSecret>

    /// - Parameter url: where webhooks are to be sent.
    package init(api: TVPythonAPI, url: String, secret: WebhookSecret, log: Logger) {
        self.api = api
        self.secret = Mutex(secret)
        self.log = log
        callback = TVPythonAPI.Callback(
            url: url, events: DatasetEventType.webhooks.map(\.rawValue))
    }

    /// Whether it is known to be registered as it should be.
    package var isRegistered: Bool { registered.load(ordering: .relaxed) }

    /// What should be registered.
    package var expected: TVPythonAPI.Callback { callback }

    /// Registers it with another secret from now on.
    package func use(_ secret: WebhookSecret) {
        self.secret.withLock { $0 = secret }
    }

    /// Registers it, and looks whether it is. A PUT each time: the secret may differ, and nobody tells it back.
    package func sync() async -> TVPythonAPI.Outcome<Void> {
        let put = await api.putCallback(callback, secret: secret.withLock { $0 })
        guard case .success = put else { return put }
        switch await api.callback() {
        case .success(let found) where found?.url == callback.url && Set(found?.events ?? []) == Set(callback.events):
            registered.store(true, ordering: .relaxed)
            return .success(())
        case .success: return .unavailable(reason: "the callback is registered otherwise than asked", retryAfter: nil)
        case .rejected(let status, let reason): return .rejected(status: status, reason: reason)
        case .unavailable(let reason, let retryAfter): return .unavailable(reason: reason, retryAfter: retryAfter)
        }
    }

    /// Tries until it is registered or the task is cancelled.
    package func keepTrying() async {
        let backoff = Backoff(base: .seconds(1), cap: .seconds(60))
        var attempt = 1
        while !Task.isCancelled {
            switch await sync() {
            case .success: return log.info("callback registered", ["url": .string(callback.url)])
            case .rejected(let status, let reason):
                log.error("callback rejected", ["status": .int(status), "reason": .string(reason)])
            case .unavailable(let reason, _):
                log.warning("callback not registered yet", ["reason": .string(reason)])
            }
            try? await Task.sleep(for: .milliseconds(200) + backoff.delay(afterAttempt: attempt))
            attempt += 1
        }
    }
}
