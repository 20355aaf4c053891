import Datasets
import Delivery
import Lanes
import Store
import TVPython
import Web
import Workflows
import HTTPServer
import HTTPClient
import MySQL
package import Signatures
import Telemetry

/// The service, put together: what `integrator serve` runs.
package struct Service: Sendable {
    /// How long what is in flight may take when the service is told to stop.
    private static let drainTime: Duration = .seconds(20)

    package let configuration: Configuration
    package let instruments: Instruments

    package init(configuration: Configuration) {
        self.configuration = configuration
        instruments = Instruments(log: configuration.log)
    }

    /// Serves until `stop` ends, then drains: is not ready, takes no more after `drainDelaySeconds`, finishes what is in flight, sends what is owed.
    ///
    /// - Parameters:
    ///   - secrets: webhook secrets to be used from then on.
    ///   - listening: told the port once requests are taken.
    /// - Throws: `HTTPServerError` if the port cannot be had.
    package func run(
        secrets: AsyncStream<[WebhookSecret]>? = nil, listening: @Sendable (UInt16) -> Void = { _ in },
        until stop: @Sendable () async -> Void
    ) async throws {
        let parts = Parts(configuration, instruments)
        let server = try parts.listen()
        listening(server.port)
        let manager = ServiceManager.ofProcess()
        manager?.tell(.ready)
        let signsOfLife = Task { await manager?.keepAlive() }
        defer { signsOfLife.cancel() }
        // As it stands in `wishlist_dataset_histories.dispatcher`, unless its lease is lost.
        let instance = "\(parts.dispatcher.number)"
        instruments.log.info(
            "serving",
            [
                "host": .string(configuration.httpHost), "port": .int(Int(server.port)), "instance": .string(instance),
            ])
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await parts.lanes.run() }
            group.addTask { await parts.api.run() }
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
                    group.addTask { await use(secrets, parts) }
                }
            }
            await stop()
            instruments.log.info("draining")
            manager?.tell(.stopping)
            parts.health.drain()
            // A balancer that asks whether it is ready has so long to leave it out; until then it serves.
            try? await Task.sleep(for: .seconds(configuration.drainDelaySeconds))
            await server.stop(within: Self.drainTime)
            keepers.cancel()
            await keepers.value
            parts.api.close()
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
    /// Takes webhooks signed by other secrets from now on. Which of them is registered is the operator's matter.
    private func use(_ secrets: AsyncStream<[WebhookSecret]>?, _ parts: Parts) async {
        guard let secrets else { return }
        for await secrets in secrets {
            parts.webhooks.use(WebhookVerifier(secrets: secrets))
            if let first = secrets.first { parts.registration.use(first) }
            instruments.log.info("secrets read again", ["count": .int(secrets.count)])
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
        let webhooks: WebhookEndpoint
        let health: Health
        let api: APIServer
        let tokenUses: TokenUses
        let idempotency: IdempotentCreates
        /// Lanes, each with a connection of its own.
        private static let writers = 2
        private let configuration: Configuration

        init(_ configuration: Configuration, _ instruments: Instruments) {
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
                count: Self.writers, configuration: configuration.database,
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
            let call = CreateCall(
                pool: pool, api: tvAPI, registration: registration, lanes: lanes,
                deadlineSeconds: configuration.tvAPIDeadlineSeconds, contradictions: contradictions, log: log)
            sweep = Sweep(
                pool: pool, lanes: lanes, creates: PendingCreates(pool: pool, call: call, log: log), log: log)
            deadlines = Deadlines(
                pool: pool, lanes: lanes, api: tvAPI, registration: registration,
                deadlineSeconds: configuration.datasetDeadlineSeconds, contradictions: contradictions, log: log)
            refused = RefusedWebhooks(pool: pool, log: log)
            webhooks = WebhookEndpoint(
                verifier: WebhookVerifier(secrets: configuration.webhookSecrets), lanes: lanes,
                registration: registration, refused: refused, instruments: instruments.web)
            pusherCheck = PusherCheck(configuration: configuration.pusher, client: client, log: log)
            health = Health(
                pool: pool, registration: registration, dispatcher: dispatcher, pusher: pusherCheck)
            idempotency = IdempotentCreates(
                keys: IdempotencyKeys(pool: pool), pool: pool,
                createSeconds: configuration.tvAPIDeadlineSeconds + DatasetCreation.claimMarginSeconds, log: log)
            var router = Router.api(
                pool: pool, wishlists: wishlists,
                creation: DatasetCreation(pool: pool, wishlists: wishlists, call: call), idempotency: idempotency,
                training: TrainingUpdate(pool: pool, wishlists: wishlists, lanes: lanes), pusher: configuration.pusher,
                publicURL: configuration.publicURL)
            OperatorEndpoints(
                health: health, metrics: instruments.metrics,
                figures: Figures(pool: pool, lanes: lanes, dispatcher: dispatcher, registration: registration).render
            ).add(to: &router)
            tokenUses = TokenUses(pool: pool, log: log)
            let gate = Gate(
                tokens: AccessTokens(pool: pool), uses: tokenUses,
                limiter: RateLimiter(limit: configuration.rateLimitPerMinute))
            api = APIServer(
                router: router, gate: gate, cors: CORSPolicy(origins: configuration.corsAllowedOrigins), log: log,
                meter: instruments.web.requests)
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
            settings.bodyLimit = { _, path in path == WebhookEndpoint.path ? webhookMaxBytes : 65_536 }
            return settings
        }

        func listen() throws(HTTPServerError) -> HTTPServer {
            var settings = Self.httpSettings(configuration)
            settings.refusal = { [webhooks] in webhooks.refusal(of: $0) }
            return try HTTPServer.start(settings) { [webhooks, api] request, responder in
                if request.path == WebhookEndpoint.path {
                    webhooks.receive(request, responder)
                } else {
                    api.receive(request, responder)
                }
            }
        }
    }
}
