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
}
