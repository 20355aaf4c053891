import Datasets
import TestSupport
import Testing

@testable import Integrator

/// What a balancer sees of an instance that stops.
@Suite(.timeLimit(.minutes(5))) struct DrainTests {
    @Test func servesOnForAsLongAsItIsTold() async throws {
        try await ServiceUnderTest.with(["DRAIN_DELAY_SECONDS": "3"]) { service in
            let start = ContinuousClock.now
            async let stopped: Void = service.instance.stop()
            var answer = try await service.api("GET", "/health/ready")
            while answer.status == 200, ContinuousClock.now - start < .seconds(2) {
                answer = try await service.api("GET", "/health/ready")
            }
            #expect(answer.status == 503)
            #expect(answer.text.contains("draining"))
            // A webhook that comes now is taken as ever.
            let webhook = TestWebhook(.datasetQueued, dataset: Fresh.number(), sequence: 1)
            #expect(try await service.post(webhook).status == 202)
            try await stopped
            #expect(ContinuousClock.now - start >= .seconds(3))
        }
    }
}
