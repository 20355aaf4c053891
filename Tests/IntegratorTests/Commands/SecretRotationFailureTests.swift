import Foundation
import HTTPClient
import Integrator
import JSON
import MySQL
import Signatures
import Synchronization
import Testing

@testable import Sandbox
@testable import TestSupport

/// `integrator callbacks rotate-secret` where an instance does not take the new secret.
@Suite(.timeLimit(.minutes(5))) struct SecretRotationFailureTests {
    private let client = HTTPClient(maximumConnectionsPerHost: 4, maximumResponseBytes: 1 << 20)

    /// Starts an instance with its secrets in a file, and runs the program as told.
    /// - Returns: the secrets of the file afterwards, the secret that is registered, and what the program printed.
    private func rotate(
        _ arguments: String..., isStopped: Bool
    ) async throws -> (status: Int32, secrets: [String], registered: String?, json: JSONView?) {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let file = try TestFolder.make() + "/secrets"
            try ServiceUnderTest.secret.text.write(toFile: file, atomically: false, encoding: .utf8)
            let variables = service.variables(["TV_WEBHOOK_SECRETS": "", "TV_WEBHOOK_SECRETS_FILE": file])
            let process = try await IntegratorProcess.start(variables, client: client)
            var own = variables
            own["PUBLIC_URL"] = process.url
            try await service.sandboxLog.wait { $0.contains { $0.contains("registered: \(process.url)") } }
            // It hangs: nobody knows what it would take.
            if isStopped { process.send(SIGSTOP) }
            let log = try TestFolder.make() + "/log"
            let run = try await ServerProcess.start(
                ["env", "-i"] + own.map { "\($0)=\($1)" } + [IntegratorProcess.program, "callbacks", "rotate-secret"]
                    + arguments + ["--json"], log: log)
            let status = await run.waitForEnd()
            process.send(SIGCONT)
            let registered = service.sandbox.tv.state.withLock { $0.callbacks["gb-console"]?.secret.text }
            let text = try String(contentsOfFile: log, encoding: .utf8)
            _ = await process.terminate()
            return (
                status, try String(contentsOfFile: file, encoding: .utf8).split { $0.isWhitespace }.map(String.init),
                registered, (try? JSONDocument(parsing: Array(text.utf8)))?.root
            )
        }
    }

    /// Its webhooks would all be refused.
    @Test func whatAnInstanceHasNotTakenIsNotRegistered() async throws {
        let run = try await rotate(isStopped: true)
        #expect(run.status == 1)
        #expect(run.registered == ServiceUnderTest.secret.text)
        #expect(run.secrets.count == 2 && run.secrets.last == ServiceUnderTest.secret.text)
        #expect(run.json?["registered"]?.bool == false)
        #expect(run.json?["instances"]?.elements.isEmpty == true)
    }

    /// The instances of other machines come first.
    @Test func whatIsOnlyPreparedIsNotRegistered() async throws {
        let run = try await rotate("--prepare", isStopped: false)
        #expect(run.status == 0)
        #expect(run.registered == ServiceUnderTest.secret.text)
        #expect(run.secrets.count == 2)
        #expect(run.json?["registered"]?.bool == false)
        #expect(run.json?["instances"]?.elements.count == 1)
    }
}
