import HTTPServer
import Synchronization
import Telemetry

@testable import Integrator

/// An instance of the service in this process, on a port of its own.
final class RunningService: Sendable {
    let service: Service
    let port: UInt16
    /// Where operators are listened to.
    let operatorPort: UInt16
    private let stopped: AsyncStream<Void>.Continuation
    private let running: Task<Void, any Error>

    private init(
        service: Service, port: UInt16, operatorPort: UInt16, stopped: AsyncStream<Void>.Continuation,
        running: Task<Void, any Error>
    ) {
        self.service = service
        self.port = port
        self.operatorPort = operatorPort
        self.stopped = stopped
        self.running = running
    }

    var url: String { "http://127.0.0.1:\(port)" }
    /// All counters, as Prometheus reads them.
    var metrics: String { service.instruments.metrics.render() }

    /// The value of one line of the metrics, for example `integrator_webhook_conflicts_total`.
    func metric(_ name: String) -> Double? {
        metrics.split(separator: "\n").first { $0.hasPrefix(name + " ") }
            .flatMap { Double($0.dropFirst(name.count + 1)) }
    }

    /// Starts an instance. Its port is taken from below those that the system gives out, so that the URL is known
    /// before; if another has it, the next is tried.
    static func start(
        _ environment: [String: String], log: LogSink, change: (inout Configuration) -> Void = { _ in }
    ) async throws -> RunningService {
        while true {
            let port = UInt16.random(in: 10_000..<32_000)
            let own = ["HTTP_PORT": "\(port)", "PUBLIC_URL": "http://127.0.0.1:\(port)"]
            var configuration = try Configuration(Environment(environment.merging(own) { _, own in own }))
            configuration.log = Logger(level: .info, format: .json, sink: log)
            change(&configuration)
            if let running = try await start(configuration) { return running }
        }
    }

    /// - Returns: nil if the port is taken.
    private static func start(_ configuration: Configuration) async throws -> RunningService? {
        let service = Service(configuration: configuration)
        let (stop, stopped) = AsyncStream<Void>.makeStream()
        let (ports, listening) = AsyncStream<(UInt16, UInt16)>.makeStream()
        let running = Task {
            defer { listening.finish() }
            try await service.run(listening: { listening.yield(($0, $1)) }, until: { for await _ in stop {} })
        }
        for await (port, operatorPort) in ports {
            return RunningService(
                service: service, port: port, operatorPort: operatorPort, stopped: stopped, running: running)
        }
        do {
            try await running.value
        } catch is HTTPServerError {
            return nil
        }
        return nil
    }

    /// Has it drain and end. May be called again.
    func stop() async throws {
        stopped.finish()
        try await running.value
    }
}
