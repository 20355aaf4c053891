import MySQL
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator
@testable import Lanes
@testable import Store

/// One transaction with the batch that a test wants, without a service.
@Suite(.timeLimit(.minutes(10))) struct BatchTransactionTests {
    private func commit(_ webhooks: [TestWebhook], on service: ServiceUnderTest) async throws -> [Outcome] {
        try await service.connection.run { connection in
            var batch = Batch()
            batch.webhooks = webhooks.map { webhook in
                .init(webhook: IncomingWebhook(id: webhook.id, body: webhook.body)) { _ in }
            }
            var transaction = BatchTransaction(
                settings: .init(instance: 1, deadlineSeconds: 60), batch: batch, checksAllKeys: true)
            let effects = try transaction.run(on: connection)
            try connection.commit()
            return effects.answers.map { $0 ?? .unavailable }
        }
    }

    @Test func theSameIDTwiceInOneBatch() async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let good = TestWebhook(.datasetStarted, of: history, sequence: 1)
            let bad = TestWebhook(body: "{")
            // Its reference is another's.
            let contrary = TestWebhook(
                .datasetStarted, dataset: history.datasetID, sequence: 2,
                reference: "0190a1b2-0000-7000-8000-000000000000")
            let answers = try await commit([good, bad, contrary, good, bad, contrary], on: service)
            #expect(answers[0] == .applied)
            #expect(answers[3] == .duplicate)
            for (first, second) in [(1, 4), (2, 5)] {
                guard case .rejected = answers[first] else { return #expect(Bool(false)) }
                #expect(answers[second] == answers[first])
            }
            #expect(try await service.logRows().count == 3)
            // Committed already: the same answers.
            let again = try await commit([good, bad, contrary], on: service)
            #expect(again == [.duplicate, answers[1], answers[2]])
        }
    }

    /// A webhook that contradicts a history must not draw in others of the dataset that it names.
    @Test func aContradictionLeavesParkedWebhooksAlone() async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let unknown = Fresh.number()
            let parked = TestWebhook(.datasetStarted, dataset: unknown, sequence: 1)
            #expect(try await commit([parked], on: service) == [.parked])
            let contrary = TestWebhook(
                .datasetStarted, dataset: unknown, sequence: 2, reference: history.reference)
            guard case .rejected = try await commit([contrary], on: service).first else { return #expect(Bool(false)) }
            #expect(try await service.logRow(parked)?.outcome == .parked)
            #expect(try await service.stored(history.id)?.revision == 0)
        }
    }
}
