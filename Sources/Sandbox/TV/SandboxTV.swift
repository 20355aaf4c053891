import HTTPClient
import HTTPServer
import JSON
import Signatures
import Synchronization

/// The sandbox's TV Python API: callbacks, creates and webhooks as section 4 of the specification has them.
///
/// Any thread may use it. Lives as long as its server.
public final class SandboxTV: Sendable {
    struct State {
        var callbacks: [String: Callback] = [:]
        var datasets: [Int64: Dataset] = [:]
        var creates: [String: Create] = [:]
        var createRequests = 0
        var nextDatasetID: Int64
        /// For all creates, and for the next one only.
        var scenario: Scenario
        var oneOff: Scenario?
        var createFaults: [Scenario.CreateFault]
        /// Responders of requests that shall never be answered.
        var hanging: [HTTPResponder] = []
        var tasks: [Int: Task<Void, Never>] = [:]
        var nextTask = 0
        var isStopped = false
    }

    /// A create request by its idempotency key: the answer, or who waits for it.
    struct Create {
        let body: [UInt8]
        var response: HTTPResponse?
        var waiting: [HTTPResponder] = []
    }

    /// A request with the right token.
    public struct Request: Sendable {
        /// For example PUT.
        public let method: String
        /// Without the query.
        public let path: String
        /// The header `Idempotency-Key`.
        public let idempotencyKey: String?
        /// As it came.
        public let body: [UInt8]
        /// When it had arrived.
        public let arrivedAt: ContinuousClock.Instant
    }

    /// Creates, registrations and calls for redelivery, in the order they came.
    public let requests = Recorder<Request>()
    /// Every webhook sent, with its answer, in the order of the answers.
    public let attempts = Recorder<WebhookAttempt>()
    /// Ids of datasets whose course is over, everything planned having been delivered or given up.
    public let finished = Recorder<Int64>()
    let token: String
    let sender: WebhookSender
    let log: @Sendable (String) -> Void
    let state: Mutex<State>

    init(token: String, scenario: Scenario, log: @escaping @Sendable (String) -> Void) {
        self.token = token
        self.log = log
        sender = WebhookSender(
            client: HTTPClient(maximumConnectionsPerHost: 64, maximumResponseBytes: 1 << 20, caFile: nil))
        // From the clock, so that ids are new to an integrator whose database has seen an earlier sandbox.
        state = Mutex(
            State(
                nextDatasetID: WallClock.seconds * 1000, scenario: scenario, createFaults: scenario.createFaults))
    }

    /// How the next create goes, and only that one; its `createFaults` replace those still due.
    public func setNext(_ scenario: Scenario) {
        state.withLock {
            $0.oneOff = scenario
            $0.createFaults = scenario.createFaults
        }
    }

    /// How every create from now on goes.
    public func setDefault(_ scenario: Scenario) {
        state.withLock {
            $0.scenario = scenario
            $0.createFaults = scenario.createFaults
        }
    }

    /// Names of the callbacks that are registered and not disabled.
    public var activeCallbacks: [String] {
        state.withLock { $0.callbacks.values.filter { !$0.isDisabled }.map(\.name).sorted() }
    }

    /// How many requests to create were made, and how many datasets that made.
    public var createCounts: (requests: Int, accepted: Int) {
        state.withLock { ($0.createRequests, $0.datasets.count) }
    }

    /// All webhooks of a dataset so far, lost ones too.
    public func webhooks(of datasetID: Int64) -> [Webhook] {
        state.withLock { $0.datasets[datasetID]?.webhooks ?? [] }
    }

    // MARK: Requests

    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        guard isAuthorized(request) else { return responder.respond(.message(401, "Unauthenticated.")) }
        requests.append(
            Request(
                method: request.method, path: request.path, idempotencyKey: request.headers["Idempotency-Key"],
                body: request.body, arrivedAt: .now))
        let path = request.path.split(separator: "/").map(String.init)
        switch (request.method, path.first, path.count) {
        case ("POST", "dataset", 2) where path[1] == "create":
            create(request, responder)
        case ("PUT", "callbacks", 2):
            responder.respond(register(path[1], request.body))
        case ("GET", "callbacks", 2):
            responder.respond(callback(path[1])?.response ?? .message(404, "There is no such callback."))
        case ("DELETE", "callbacks", 2):
            let removed = state.withLock { $0.callbacks.removeValue(forKey: path[1]) }
            responder.respond(removed == nil ? .message(404, "There is no such callback.") : HTTPResponse(status: 204))
        case ("POST", "callbacks", 3) where path[2] == "redeliver":
            responder.respond(redeliver(path[1], request.body))
        default:
            responder.respond(.message(404, "Not found."))
        }
    }

    private func isAuthorized(_ request: HTTPRequest) -> Bool {
        Digest.constantTimeEqual(
            Array((request.headers["Authorization"] ?? "").utf8), Array("Bearer \(token)".utf8))
    }

    private func register(_ name: String, _ body: [UInt8]) -> HTTPResponse {
        do throws(SandboxError) {
            let callback = try Callback(name: name, body: body)
            let isNew = state.withLock { $0.callbacks.updateValue(callback, forKey: name) } == nil
            log("callback \(name) registered: \(callback.url)")
            var response = callback.response
            response.status = isNew ? 201 : 200
            return response
        } catch {
            return .message(422, error.description)
        }
    }

    func callback(_ name: String) -> Callback? {
        state.withLock { $0.callbacks[name] }
    }

    private func redeliver(_ name: String, _ body: [UInt8]) -> HTTPResponse {
        guard callback(name) != nil else { return .message(404, "There is no such callback.") }
        guard let root = (try? JSONDocument(parsing: body))?.root, let id = root["dataset_id"]?.int,
            let after = root["after_sequence"]?.int
        else { return .message(422, "dataset_id and after_sequence have to be numbers.") }
        guard let dataset = state.withLock({ $0.datasets[id] }), dataset.request.callback == name else {
            return .message(404, "There is no such dataset.")
        }
        let webhooks = dataset.webhooks.filter { $0.sequence > after }
        log("redelivering \(webhooks.count) webhooks of dataset \(id) after sequence \(after)")
        spawn { for webhook in webhooks { await self.deliver(webhook, of: dataset) } }
        return .json(202) { $0.field("redelivering", webhooks.count) }
    }

    // MARK: Life

    /// Runs until done or stopped.
    func spawn(_ body: @escaping @Sendable () async -> Void) {
        state.withLock { state in
            guard !state.isStopped else { return }
            let id = state.nextTask
            state.nextTask += 1
            state.tasks[id] = Task {
                await body()
                self.state.withLock { _ = $0.tasks.removeValue(forKey: id) }
            }
        }
    }

    func stop() async {
        let (tasks, responders) = state.withLock { state in
            state.isStopped = true
            defer { state.hanging = [] }
            return (Array(state.tasks.values), state.hanging)
        }
        for task in tasks { task.cancel() }
        for responder in responders { responder.respond(.message(503, "The sandbox stops.")) }
        for task in tasks { await task.value }
        await sender.client.shutdown()
    }
}
