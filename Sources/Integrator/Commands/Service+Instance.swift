import Delivery
import HTTPClient
import Lanes
import MySQL

extension Service {
    /// Runs `body` as an instance of the service beside those that serve, without taking requests: it may change histories,
    /// and what it has come to owe by that is sent before this returns.
    func asInstance<R: Sendable>(_ body: (Parts) async throws -> R) async throws -> R {
        let parts = Parts(configuration, instruments)
        let writing = Task { await parts.lanes.run() }
        let sending = Task { await parts.sender.run() }
        let keeping = Task { await parts.outbox.run() }
        let result: Result<R, any Error>
        do {
            result = .success(try await body(parts))
        } catch {
            result = .failure(error)
        }
        await drain(sending, parts.dispatcher)
        parts.lanes.close()
        await writing.value
        keeping.cancel()
        await keeping.value
        await parts.outbox.close()
        await parts.client.shutdown()
        await parts.shutdown()
        return try result.get()
    }
}
