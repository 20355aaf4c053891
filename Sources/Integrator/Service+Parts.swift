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

extension Service {
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
