import HTTPServer
import HTTPClient
import MySQL
import Signatures
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

    /// Serves until `stop` ends, then drains: takes no more, finishes what is in flight, sends what is owed.
    ///
    /// - Parameter listening: told the port once requests are taken.
    /// - Throws: `HTTPServerError` if the port cannot be had.
    package func run(listening: @Sendable (UInt16) -> Void = { _ in }, until stop: @Sendable () async -> Void)
        async throws
    {
        let parts = Parts(configuration, instruments)
        let server = try parts.listen()
        listening(server.port)
        let manager = ServiceManager.ofProcess()
        manager?.tell(.ready)
        let signsOfLife = Task { await manager?.keepAlive() }
        defer { signsOfLife.cancel() }
        instruments.log.info("serving", ["host": .string(configuration.httpHost), "port": .int(Int(server.port))])
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await parts.lanes.run() }
            group.addTask { await parts.api.run() }
            let sending = Task { await parts.sender.run() }
            // What looks after the rest is not needed for draining.
            let keepers = Task {
                await withDiscardingTaskGroup { group in
                    group.addTask { await parts.sweep.run() }
                    group.addTask { await parts.registration.keepTrying(secret: configuration.webhookSecrets[0]) }
                }
            }
            await stop()
            instruments.log.info("draining")
            manager?.tell(.stopping)
            parts.health.drain()
            await server.stop(within: Self.drainTime)
            keepers.cancel()
            await keepers.value
            parts.api.close()
            await drain(sending, parts.dispatcher)
            parts.lanes.close()
            await group.waitForAll()
        }
        await parts.client.shutdown()
        await parts.pool.shutdown()
        instruments.log.info("stopped")
    }
}

extension Service {
    /// Has sent what is owed and in memory, unless Pusher fails: then it stays owed in the database.
    private func drain(_ sending: Task<Void, Never>, _ dispatcher: Dispatcher) async {
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
        let client: HTTPClient
        let dispatcher: Dispatcher
        let lanes: HistoryLanes
        let sender: NotificationSender
        let registration: CallbackRegistration
        let sweep: Sweep
        let webhooks: WebhookEndpoint
        let health: Health
        let api: APIServer
        private let configuration: Configuration

        init(_ configuration: Configuration, _ instruments: Instruments) {
            self.configuration = configuration
            let log = instruments.log
            pool = MySQLPool(configuration.database, maximumConnections: 8)
            client = HTTPClient(maximumConnectionsPerHost: 16, maximumResponseBytes: 1 << 20)
            dispatcher = Dispatcher()
            let settings = BatchTransaction.Settings(
                instance: UInt64.random(in: 1..<(1 << 63)), deadlineSeconds: configuration.datasetDeadlineSeconds)
            lanes = HistoryLanes(
                configuration: configuration.database, settings: settings, dispatcher: dispatcher,
                instruments: instruments)
            sender = NotificationSender(
                configuration: configuration.pusher, dispatcher: dispatcher, lanes: lanes, client: client,
                instruments: instruments)
            let tvAPI = TVPythonAPI(
                baseURL: configuration.tvAPIURL, token: configuration.tvAPIToken.exposed, client: client,
                meter: instruments.tvAPICalls)
            registration = CallbackRegistration(api: tvAPI, publicURL: configuration.publicURL, log: log)
            let wishlists = Wishlists(pool: pool)
            let call = CreateCall(
                pool: pool, api: tvAPI, lanes: lanes, deadlineSeconds: configuration.tvAPIDeadlineSeconds,
                instruments: instruments)
            sweep = Sweep(
                pool: pool, lanes: lanes, dispatcher: dispatcher,
                creates: PendingCreates(pool: pool, call: call, log: log),
                log: log)
            webhooks = WebhookEndpoint(
                verifier: WebhookVerifier(secrets: configuration.webhookSecrets), lanes: lanes, instruments: instruments
            )
            health = Health(pool: pool, registration: registration, dispatcher: dispatcher)
            var router = Router()
            let tokens = AccessTokens(pool: pool)
            DatasetEndpoints(
                pool: pool, tokens: tokens, wishlists: wishlists,
                creation: DatasetCreation(pool: pool, wishlists: wishlists, call: call)
            ).add(to: &router)
            ChannelEndpoint(configuration: configuration.pusher, tokens: tokens, wishlists: wishlists).add(to: &router)
            OperatorEndpoints(
                health: health, metrics: instruments.metrics,
                figures: Figures(pool: pool, lanes: lanes, dispatcher: dispatcher, registration: registration)
            ).add(to: &router)
            api = APIServer(router: router, log: log, meter: instruments.requests)
        }

        /// How the service listens, and what it bears.
        static func httpSettings(_ configuration: Configuration) -> HTTPServer.Configuration {
            var settings = HTTPServer.Configuration()
            settings.host = configuration.httpHost
            settings.port = configuration.httpPort
            // The rest is for the database, Pusher and the TV Python API.
            settings.maximumConnections = Int(max(64, min(4096, OpenFiles.limit / 2)))
            let webhookMaxBytes = configuration.webhookMaxBytes
            settings.bodyLimit = { _, path in path == WebhookEndpoint.path ? webhookMaxBytes : 65_536 }
            return settings
        }

        func listen() throws(HTTPServerError) -> HTTPServer {
            try HTTPServer.start(Self.httpSettings(configuration)) { [webhooks, api] request, responder in
                if request.path == WebhookEndpoint.path {
                    webhooks.receive(request, responder)
                } else {
                    api.receive(request, responder)
                }
            }
        }
    }
}
