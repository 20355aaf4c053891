import Foundation
import HTTPClient
import Testing

@testable import Sandbox
@testable import TestSupport

/// The program of an earlier version.
enum OldProgram {
    static let path = ProcessInfo.processInfo.environment["OLD_INTEGRATOR"]
}

/// An upgrade as operators make it: the tables are the new program's, and instances of the old and of the new program work side
/// by side. An old instance does not know of leases, so that both may deliver one history: what each sends is in order, what both
/// send may not be, and clients go by the revision. `Tests/Scripts/check-upgrade` builds the old one and sets OLD_INTEGRATOR to its path.
@Suite(.serialized, .timeLimit(.minutes(60)), .enabled(if: OldProgram.path != nil)) struct UpgradeTests {
    private let client = HTTPClient(maximumConnectionsPerHost: 32, maximumResponseBytes: 1 << 20)

    /// How the old instance ends.
    enum End: CaseIterable { case orderly, killed }

    @Test(.timeLimit(.minutes(5)), arguments: End.allCases)
    func nothingIsLostBesideTheOldProgram(_ end: End) async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let program = try #require(OldProgram.path)
            let old = try await IntegratorProcess.start(service.variables(), program: program, client: client)
            let new = try await IntegratorProcess.start(service.variables(), client: client)
            let load = WebhookLoad(
                try await service.manyHistories(10), length: Int64(120 * Chaos.factor), urls: [old.url, new.url],
                client: client)
            async let running: Void = load.run()
            try await load.wait(acknowledged: load.total / 2)
            switch end {
            case .orderly: #expect(await old.terminate() == 0)
            case .killed: await old.kill()
            }
            await running
            // The old program's claims run out after 30 seconds.
            try await service.waitUntilNothingIsOwed(timeout: .seconds(90))
            #expect(await new.terminate() == 0)
            try await service.checkStored(load)
            try await service.checkDelivered(load, inOrder: false)
        }
    }

    /// The way back: the old program goes on with the new tables and with what the new one left, even one that was killed.
    @Test(.timeLimit(.minutes(5)), arguments: End.allCases)
    func theOldProgramGoesOn(_ end: End) async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let program = try #require(OldProgram.path)
            let new = try await IntegratorProcess.start(service.variables(), client: client)
            let load = WebhookLoad(
                try await service.manyHistories(10), length: Int64(120 * Chaos.factor), urls: [new.url], client: client)
            async let running: Void = load.run()
            try await load.wait(acknowledged: load.total / 2)
            let old = try await IntegratorProcess.start(service.variables(), program: program, client: client)
            load.send(to: [old.url])
            switch end {
            case .orderly: #expect(await new.terminate() == 0)
            case .killed: await new.kill()
            }
            await running
            #expect(await old.terminate() == 0)
            // What the old program does not know to be owed, a new one delivers.
            let again = try await IntegratorProcess.start(service.variables(), client: client)
            try await service.waitUntilNothingIsOwed(timeout: .seconds(90))
            #expect(await again.terminate() == 0)
            try await service.checkStored(load)
            try await service.checkDelivered(load, inOrder: false)
        }
    }
}
