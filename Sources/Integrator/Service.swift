import Datasets
import Delivery
import HTTPClient
import HTTPServer
import Lanes
import MySQL
import Operations
import Signatures
import Store
import TVPython
import Telemetry
import Web
import Workflows

/// The service, put together: what `integrator serve` runs.
struct Service: Sendable {
    /// How long what is in flight may take when the service is to stop.
    private static let drainTime: Duration = .seconds(20)

    /// What is read again while it runs.
    enum Reload: Sendable {
        case secrets([WebhookSecret], OperatorTokens)
        /// What was read was wrong: all stays as it is.
        case failed(String)
    }

    let configuration: Configuration
    let instruments: Instruments
    /// Reads the environment again, for the rotation of secrets.
    private let environment: @Sendable () -> Environment

    init(
        configuration: Configuration, environment: @escaping @Sendable () -> Environment = { Environment([:]) }
    ) {
        self.configuration = configuration
        self.environment = environment
        instruments = Instruments(log: configuration.log)
    }

    /// Whether the service can work with the database as it is; tells in the log what is otherwise than it should be. A database
    /// that does not answer may do so later.
    func databaseIsFit() async -> Bool {
        let differences: [ConsoleSchema.Difference]
        do throws(MySQLError) {
            differences = try await DatabaseReadiness.differences(configuration.database)
        } catch {
            instruments.log.warning("database not looked at yet", ["error": .string("\(error)")])
            return true
        }
        for difference in differences {
            let fields: KeyValuePairs<String, LogValue> = [
                "reason": .string(difference.text), "remedy": .string(difference.remedy),
            ]
            if difference.isFatal {
                instruments.log.error("the database is not as it has to be", fields)
            } else {
                instruments.log.warning("the database is not as it should be", fields)
            }
        }
        return differences.allSatisfy { !$0.isFatal }
    }

    /// Serves until `stop` ends, then drains: is not ready, takes no more after `drainDelaySeconds`, finishes what is in
    /// flight, sends what is owed.
    ///
    /// - Parameters:
    ///   - reloads: secrets and tokens to be used from then on.
    ///   - listening: gets the ports, for all and for operators, once requests are taken.
    /// - Throws: `HTTPServerError` if a port cannot be had.
    func run(
        reloads: AsyncStream<Reload>? = nil, listening: @Sendable (UInt16, _ operator: UInt16) -> Void = { _, _ in },
        until stop: @Sendable () async -> Void
    ) async throws {
        let parts = Parts(configuration, instruments, environment)
        let server = try parts.listen()
        let operatorServer: HTTPServer
        do {
            operatorServer = try parts.listenToOperators()
        } catch {
            await server.stop(within: .zero)
            await parts.client.shutdown()
            await parts.shutdown()
            throw error
        }
        listening(server.port, operatorServer.port)
        let manager = ServiceManager.ofProcess()
        manager?.tell(.ready)
        manager?.tell(.status("serving at \(configuration.httpHost):\(server.port)"))
        let signsOfLife = Task { await manager?.keepAlive() }
        defer { signsOfLife.cancel() }
        // As it stands in `wishlist_dataset_histories.dispatcher`, unless its lease is lost.
        let instance = "\(parts.dispatcher.number)"
        instruments.log.info(
            "serving",
            [
                "host": .string(configuration.httpHost), "port": .int(Int(server.port)), "instance": .string(instance),
                "operator_host": .string(configuration.operatorHost), "operator_port": .int(Int(operatorServer.port)),
            ])
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await parts.lanes.run() }
            group.addTask { await parts.api.run() }
            group.addTask { await parts.operatorAPI.run() }
            let sending = Task { await parts.sender.run() }
            let keeping = Task { await parts.outbox.run() }
            // What looks after the rest is not needed for draining.
            let keepers = Task {
                await withDiscardingTaskGroup { group in
                    group.addTask { await parts.sweep.run() }
                    group.addTask { await parts.tokenUses.run() }
                    group.addTask { await parts.refused.run() }
                    group.addTask { await parts.idempotency.keepPruning() }
                    group.addTask { await parts.deadlines.run() }
                    group.addTask { await parts.registration.run() }
                    group.addTask { await parts.pusherCheck.run() }
                    group.addTask { await use(reloads, parts, manager) }
                }
            }
            await stop()
            instruments.log.info("draining")
            manager?.tell(.stopping)
            manager?.tell(.status("draining"))
            parts.health.drain()
            // A balancer that asks whether it is ready has so long to leave it out; until then it serves.
            try? await Task.sleep(for: .seconds(configuration.drainDelaySeconds))
            await server.stop(within: Self.drainTime)
            keepers.cancel()
            await keepers.value
            parts.api.close()
            // Operators and probes can look until the end.
            await operatorServer.stop(within: .seconds(1))
            parts.operatorAPI.close()
            await drain(sending, parts.dispatcher)
            parts.lanes.close()
            await group.waitForAll()
            keeping.cancel()
            await keeping.value
            await parts.outbox.close()
        }
        await parts.client.shutdown()
        await parts.shutdown()
        instruments.log.info("stopped")
    }
}

extension Service {
    /// Takes webhooks signed by other secrets, and operators with other tokens, from now on. Which of the secrets is
    /// registered is the operator's matter.
    private func use(_ reloads: AsyncStream<Reload>?, _ parts: Parts, _ manager: ServiceManager?) async {
        guard let reloads else { return }
        for await reload in reloads {
            manager?.tell(.reloading)
            switch reload {
            case .secrets(let secrets, let tokens):
                parts.webhookGate.use(WebhookVerifier(secrets: secrets))
                if let first = secrets.first { parts.registration.use(first) }
                parts.operatorGate.use(tokens)
                instruments.log.info("secrets read again", ["count": .int(secrets.count)])
                manager?.tell(.status("secrets read again; serving"))
            case .failed(let reason):
                instruments.log.error("secrets not read again", ["reason": .string(reason)])
                manager?.tell(.status("reload failed, serving as before: \(reason)"))
            }
            manager?.tell(.ready)
        }
    }

    /// Has sent what is owed and in memory, unless Pusher fails: then it stays owed in the database.
    func drain(_ sending: Task<Void, Never>, _ dispatcher: Dispatcher) async {
        dispatcher.drain()
        if dispatcher.pause == nil {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await sending.value }
                group.addTask { try? await Task.sleep(for: Self.drainTime) }
                await group.next()
                group.cancelAll()
                sending.cancel()
            }
        }
        sending.cancel()
        await sending.value
    }

    /// The parts of a running service.
    struct Parts: Sendable {
        let pool: MySQLPool
        /// For what delivery needs of the database, so that it waits for no request.
        private let outboxPool: MySQLPool
        let client: HTTPClient
        let dispatcher: Dispatcher
        let lanes: HistoryLanes
        let outbox: OutboxKeeper
        let sender: NotificationSender
        let registration: CallbackRegistration
        let pusherCheck: PusherCheck
        let sweep: Sweep
        let deadlines: Deadlines
        let refused: RefusedWebhooks
        let webhookGate: WebhookGate
        let webhooks: WebhookEndpoint
        let health: Health
        let api: APIServer
        let operatorGate: OperatorGate
        let operatorAPI: APIServer
        let tools: OperatorTools
        let tokenUses: TokenUses
        let idempotency: IdempotentCreates
        /// Lanes, each with a connection of its own.
        private static let writers = 2
        private let configuration: Configuration

        init(
            _ configuration: Configuration, _ instruments: Instruments,
            _ environment: @escaping @Sendable () -> Environment = { Environment([:]) }
        ) {
            self.configuration = configuration
            let log = instruments.log
            // A client's next request may come to another instance, at another node.
            var database = configuration.database
            database.readsAreCausal = true
            let connections = configuration.databaseConnections - Self.writers
            let forOutbox = max(1, min(3, connections / 3))
            pool = MySQLPool(database, maximumConnections: connections - forOutbox)
            client = HTTPClient(maximumConnectionsPerHost: 64, maximumResponseBytes: 1 << 20)
            dispatcher = Dispatcher()
            lanes = HistoryLanes(
                count: Self.writers, configuration: configuration.database, pool: pool,
                deadlineSeconds: configuration.datasetDeadlineSeconds, dispatcher: dispatcher,
                instruments: instruments.lanes)
            outboxPool = MySQLPool(database, maximumConnections: forOutbox)
            outbox = OutboxKeeper(pool: outboxPool, dispatcher: dispatcher, log: log)
            sender = NotificationSender(
                configuration: configuration.pusher, dispatcher: dispatcher, outbox: outbox, client: client,
                instruments: instruments.delivery)
            let tvAPI = TVPythonAPI(
                baseURL: configuration.tvAPIURL, token: configuration.tvAPIToken.exposed, client: client,
                meter: instruments.tvAPICalls)
            registration = CallbackRegistration(
                api: tvAPI, callback: configuration.callback, secret: configuration.webhookSecrets[0], log: log,
                metrics: instruments.metrics)
            let contradictions = Contradictions(metrics: instruments.metrics, log: log)
            let wishlists = Wishlists(pool: pool)
            let histories = Histories(pool: pool)
            let call = CreateCall(
                pool: pool, api: tvAPI, registration: registration, lanes: lanes,
                deadlineSeconds: configuration.tvAPIDeadlineSeconds, contradictions: contradictions, log: log)
            sweep = Sweep(
                pool: pool, lanes: lanes, creates: PendingCreates(pool: pool, call: call, log: log), log: log)
            deadlines = Deadlines(
                pool: pool, lanes: lanes, api: tvAPI, registration: registration,
                deadlineSeconds: configuration.datasetDeadlineSeconds, contradictions: contradictions, log: log)
            refused = RefusedWebhooks(pool: pool, log: log)
            let addresses = ClientAddress(trusted: configuration.trustedProxies)
            webhookGate = WebhookGate(
                verifier: WebhookVerifier(secrets: configuration.webhookSecrets),
                networks: configuration.webhookNetworks, addresses: addresses, registration: registration,
                refused: refused, instruments: instruments.web)
            webhooks = WebhookEndpoint(gate: webhookGate, lanes: lanes, instruments: instruments.web)
            pusherCheck = PusherCheck(configuration: configuration.pusher, client: client, log: log)
            health = Health(
                database: { [pool] in await DatabaseReadiness.fault(in: pool) }, lanes: lanes,
                registration: registration, dispatcher: dispatcher, pusher: pusherCheck)
            idempotency = IdempotentCreates(
                keys: IdempotencyKeys(pool: pool), histories: histories,
                createSeconds: configuration.tvAPIDeadlineSeconds + DatasetCreation.leaseMarginSeconds, log: log)
            var router = Router.api(
                histories: histories, wishlists: wishlists,
                creation: DatasetCreation(histories: histories, wishlists: wishlists, call: call),
                idempotency: idempotency,
                training: TrainingUpdate(histories: histories, wishlists: wishlists, lanes: lanes),
                pusher: configuration.pusher, publicURL: configuration.publicURL)
            ReceiptEndpoint(gate: webhookGate, receipts: WebhookReceipts(pool: pool)).add(to: &router)
            let healthEndpoints = HealthEndpoints(
                health: health, metrics: instruments.metrics,
                figures: Figures(pool: pool, lanes: lanes, dispatcher: dispatcher, registration: registration).render)
            if configuration.hasPublicHealth { healthEndpoints.add(to: &router) }
            tokenUses = TokenUses(pool: pool, log: log)
            let gate = Gate(
                tokens: AccessTokens(pool: pool, configuration.tokens), uses: tokenUses,
                limiter: RateLimiter(limit: configuration.rateLimitPerMinute), addresses: addresses)
            api = APIServer(
                router: router, gate: gate, cors: CORSPolicy(origins: configuration.corsAllowedOrigins), log: log,
                meter: instruments.web.requests)
            let desk = OperatorDesk(
                pool: pool, deadlineSeconds: configuration.datasetDeadlineSeconds, tokens: configuration.tokens)
            let publisher = PusherPublisher(
                configuration: configuration.pusher, client: client, instruments: instruments.delivery)
            let party = CallbackParty(
                configuration: configuration, api: tvAPI, registration: registration, client: client,
                environment: environment)
            tools = OperatorTools(
                desk: desk,
                replay: Replay(desk: desk, dispatcher: dispatcher),
                retry: DeadLetterRetry(desk: desk, publisher: publisher), registration: registration,
                doctor: { await Doctor.examine(configuration) }, callback: party.details, sync: party.sync,
                rotate: party.rotate, testWebhook: party.test,
                answerTimes: { [meter = instruments.web.requests] in
                    (
                        meter.seconds(0.5, method: "POST", route: WebhookEndpoint.path),
                        meter.seconds(0.99, method: "POST", route: WebhookEndpoint.path)
                    )
                })
            operatorGate = OperatorGate(
                tokens: configuration.operatorTokens,
                hosts: configuration.operatorAllowedHosts + [configuration.operatorHost.lowercased()],
                addresses: addresses, log: log)
            var operatorRouter = Router()
            healthEndpoints.add(to: &operatorRouter)
            OperatorPage(gate: operatorGate).add(to: &operatorRouter)
            OperatorAPI(gate: operatorGate, tools: tools).add(to: &operatorRouter)
            // No origin but its own, whatever is configured for the public API.
            operatorAPI = APIServer(
                router: operatorRouter, gate: gate, cors: CORSPolicy(origins: []), log: log,
                meter: instruments.web.requests, headers: OperatorPage.headers)
        }

        func shutdown() async {
            await pool.shutdown()
            await outboxPool.shutdown()
        }

        /// How the service listens, and what it bears.
        static func httpSettings(_ configuration: Configuration) -> HTTPServer.Configuration {
            var settings = HTTPServer.Configuration()
            settings.host = configuration.httpHost
            settings.port = configuration.httpPort
            // The rest is for the database, Pusher and the TV Python API.
            settings.maximumConnections = Int(max(64, min(4096, OpenFiles.limit / 2)))
            settings.errorResponse = APIServer.errorResponse
            // libmicrohttpd clears twice as much memory after each request.
            settings.maximumHeaderBytes = 8192
            settings.maximumBytesInHand = 32 << 20
            let webhookMaxBytes = configuration.webhookMaxBytes
            settings.bodyLimit = { _, path in WebhookEndpoint.isAt(path) ? webhookMaxBytes : 65_536 }
            return settings
        }

        func listen() throws(HTTPServerError) -> HTTPServer {
            var settings = Self.httpSettings(configuration)
            settings.refusal = { [webhooks] in webhooks.refusal(of: $0) }
            return try HTTPServer.start(settings) { [webhooks, api] request, responder in
                if WebhookEndpoint.isAt(request.path) {
                    webhooks.receive(request, responder)
                } else {
                    api.receive(request, responder)
                }
            }
        }

        func listenToOperators() throws(HTTPServerError) -> HTTPServer {
            var settings = HTTPServer.Configuration()
            settings.host = configuration.operatorHost
            settings.port = configuration.operatorPort
            settings.maximumConnections = 256
            settings.errorResponse = APIServer.errorResponse
            settings.maximumHeaderBytes = 8192
            return try HTTPServer.start(settings) { [operatorAPI] request, responder in
                operatorAPI.receive(request, responder)
            }
        }
    }
}
