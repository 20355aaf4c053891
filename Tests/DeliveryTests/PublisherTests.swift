import HTTPClient
import HTTPServer
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Datasets
@testable import Delivery

/// How long notifications that are taken together may take: another instance may send once the lease has run out.
@Suite(.timeLimit(.minutes(10))) struct PublisherTests {
    /// A server that answers slowly, but well, does not make many requests outlive the lease.
    @Test func whatDoesNotFitIntoTheTimeIsLeftForLater() async throws {
        let start = ContinuousClock.now
        let requests = Atomic(0)
        let server = try HTTPServer.start(HTTPServer.Configuration()) { _, responder in
            requests.wrappingAdd(1, ordering: .relaxed)
            responder.respond(HTTPResponse(status: 200, body: Array("{}".utf8)))
        }
        let client = HTTPClient(maximumConnectionsPerHost: 1, maximumResponseBytes: 1000)
        let publisher = PusherPublisher(
            configuration: .init(
                appID: "1", key: "k", secret: Secret("s"), scheme: "http", host: "127.0.0.1", port: server.port,
                channels: [.wishlist], batchEvents: 10, requestBytes: 10),
            client: client, instruments: DeliveryInstruments(log: Logger(sink: LogSink { _ in })),
            // Each request takes a quarter of the time and a little more.
            now: { start + PusherPublisher.timeout * 0.26 * Double(requests.load(ordering: .relaxed)) })
        let address = WishlistAddress(slug: "shoes", groupID: 1)
        let notifications = (1...4).map { (notification(.datasetStarted, of: $0, revision: 1), address) }
        let report = await publisher.publish(notifications)
        let outcomes = report.outcomes.map { "\($0)" }
        #expect(outcomes == ["sent", "sent", "again(isSentAlone: false)", "again(isSentAlone: false)"])
        #expect(report.pause == nil)
        let count = requests.load(ordering: .relaxed)
        #expect(count == 2)
        await client.shutdown()
        await server.stop(within: .seconds(1))
    }
}
