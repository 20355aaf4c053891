import HTTPClient
import MySQL
import Signatures
import Synchronization
import Time

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import Web

/// The TV Python API under stress: sends the webhooks of many datasets side by side, some twice and out of order, and each
/// again until it is acknowledged. Keeps the account of what was.
final class WebhookLoad: Sendable {
    private struct State: Sendable {
        var urls: [String]
        /// The outcome that each webhook was first acknowledged with.
        var acknowledged: [String: String] = [:]
        var statuses: [Int: Int] = [:]
        var unheard = 0
        var missingRetryAfter = 0
        var isStopped = false
    }

    private let state: Mutex<State>
    private let client: HTTPClient
    let histories: [TestHistory]
    /// Webhooks of each dataset; the last one says that it is complete.
    let length: Int64
    /// Bytes after each webhook's JSON, to make it large.
    let padding: Int

    init(_ histories: [TestHistory], length: Int64, padding: Int = 0, urls: [String], client: HTTPClient) {
        self.histories = histories
        self.length = length
        self.padding = padding
        self.client = client
        state = Mutex(State(urls: urls))
    }

    var acknowledged: [String: String] { state.withLock { $0.acknowledged } }
    /// How often each status came; and answers that did not come at all.
    var statuses: [Int: Int] { state.withLock { $0.statuses } }
    var unheard: Int { state.withLock { $0.unheard } }
    /// 503 without `Retry-After`.
    var missingRetryAfter: Int { state.withLock { $0.missingRetryAfter } }
    /// 401, and 429 once an address has had too many of these.
    var refused: Int { statuses[401, default: 0] + statuses[429, default: 0] }
    /// Counts them from zero.
    func forgetRefused() { state.withLock { ($0.statuses[401], $0.statuses[429]) = (nil, nil) } }
    var total: Int { histories.count * Int(length) }

    /// Sends to these from now on.
    func send(to urls: [String]) { state.withLock { $0.urls = urls } }

    /// Sends no more.
    func stop() { state.withLock { $0.isStopped = true } }

    func id(_ history: TestHistory, _ sequence: Int64) -> String { "load_\(history.id)_\(sequence)" }

    /// Sends all of them; ends when each is acknowledged.
    func run() async {
        await withDiscardingTaskGroup { group in
            for history in histories {
                group.addTask { await self.send(history) }
            }
        }
    }

    private func send(_ history: TestHistory) async {
        var sequence: Int64 = 1
        while sequence <= length {
            // A handful at once: they overtake each other.
            let end = min(sequence + Int64.random(in: 0...3), length)
            await withDiscardingTaskGroup { group in
                for sequence in sequence...end {
                    group.addTask { await self.deliver(history, sequence) }
                    if Int.random(in: 0..<8) == 0 { group.addTask { await self.deliver(history, sequence) } }
                }
            }
            sequence = end + 1
        }
    }

    private func deliver(_ history: TestHistory, _ sequence: Int64) async {
        let type: DatasetEventType =
            sequence == 1
            ? .datasetQueued
            : sequence == 2
                ? .datasetStarted
                : sequence == length
                    ? .datasetCompleted : .datasetProgress
        var webhook = TestWebhook(type, of: history, sequence: sequence, id: id(history, sequence))
        webhook.body += Array(repeating: UInt8(ascii: " "), count: padding)
        while true {
            // A test that has failed cancels this.
            guard !Task.isCancelled, let url = state.withLock({ $0.isStopped ? nil : $0.urls.randomElement() }) else {
                return
            }
            let now = Timestamp.now().seconds
            let signature = WebhookSigner(secret: ServiceUnderTest.secret).sign(
                id: webhook.id, timestamp: now, body: webhook.body)
            let request = HTTPClientRequest(
                method: "POST", url: url + WebhookEndpoint.path,
                headers: [
                    ("webhook-id", webhook.id), ("webhook-timestamp", "\(now)"), ("webhook-signature", signature),
                    ("Content-Type", "application/json"),
                ], body: webhook.body, timeout: .seconds(20))
            if let answer = try? await client.send(request) {
                let outcome = HTTPAnswer(answer).outcome
                let isDone = state.withLock { state in
                    state.statuses[answer.status, default: 0] += 1
                    if answer.status == 503 && answer.header("Retry-After") == nil { state.missingRetryAfter += 1 }
                    guard (200...299).contains(answer.status) else { return false }
                    if state.acknowledged[webhook.id] == nil { state.acknowledged[webhook.id] = outcome ?? "?" }
                    return true
                }
                if isDone { return }
            } else {
                state.withLock { $0.unheard += 1 }
            }
            try? await Task.sleep(for: .milliseconds(Int64.random(in: 5...40)))
        }
    }

    /// Waits until so many are acknowledged.
    func wait(acknowledged count: Int, timeout: Duration = .seconds(60)) async throws {
        let deadline = ContinuousClock.now + timeout
        while state.withLock({ $0.acknowledged.count }) < count {
            guard ContinuousClock.now < deadline else { throw SandboxError("waited in vain for \(count) answers") }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
