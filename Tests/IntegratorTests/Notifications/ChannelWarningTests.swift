import JSON
import MySQL
import TestSupport
import Testing
import Time

@testable import Datasets
@testable import Integrator
@testable import Sandbox

@Suite(.timeLimit(.minutes(1))) struct ChannelWarningTests {
    /// A wishlist whose slug cannot be part of a channel's name: its group's channel is told, and the log, once.
    @Test func aSlugThatIsNoChannelIsWarnedOfOnce() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let wishlist = try await service.wishlist(of: scene.wishlist.groupID, slug: "grün")
            let history = try await service.history(of: wishlist)
            let warning = "a wishlist has no channel of its own"
            for sequence in 1...3 {
                #expect(
                    try await service.post(.init(.datasetProgress, of: history, sequence: Int64(sequence))).status
                        == 200)
                try await service.waitForNumber(
                    Int64(sequence),
                    "SELECT IF(dispatcher = 0, revision, 0) FROM wishlist_dataset_histories WHERE id = \(history.id)")
            }
            let lines = try await service.log.wait { lines in lines.contains { $0.contains(warning) } }
            #expect(lines.filter { $0.contains(warning) }.count == 1)
        }
    }
}
