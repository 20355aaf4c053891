import Foundation
import HTTPClient
import JSON
import MySQL
import Signatures
import Synchronization
import Testing
import Time

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import TestSupport
@testable import Web

/// `integrator callbacks rotate-secret` and SIGHUP, with the real program.
@Suite(.timeLimit(.minutes(10))) struct SecretRotationTests {
    private let client = HTTPClient(maximumConnectionsPerHost: 16, maximumResponseBytes: 1 << 20)

    /// Runs the program; its exit status and what it printed, errors too.
    private func run(_ variables: [String: String], _ arguments: String...) async throws -> (Int32, String) {
        let log = try TestFolder.make() + "/log"
        let process = try await ServerProcess.start(
            ["env", "-i"] + variables.map { "\($0)=\($1)" } + [IntegratorProcess.program] + arguments, log: log)
        let status = await process.waitForEnd()
        return (status, try String(contentsOfFile: log, encoding: .utf8))
    }

    private func secrets(_ file: String) throws -> [WebhookSecret] {
        try String(contentsOfFile: file, encoding: .utf8).split { $0.isWhitespace }.map {
            try WebhookSecret(String($0))
        }
    }

    private func status(_ url: String, signedBy secret: WebhookSecret) async throws -> Int {
        let webhook = TestWebhook(body: #"{"type": "test.kind"}"#)
        let now = Timestamp.now().seconds
        let signature = WebhookSigner(secret: secret).sign(id: webhook.id, timestamp: now, body: webhook.body)
        return try await client.send(
            HTTPClientRequest(
                method: "POST", url: url + WebhookEndpoint.path,
                headers: [
                    ("webhook-id", webhook.id), ("webhook-timestamp", "\(now)"), ("webhook-signature", signature),
                ], body: webhook.body, timeout: .seconds(10))
        ).status
    }

    @Test(.timeLimit(.minutes(5))) func nothingIsRefusedWhileTheSecretChanges() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let file = try TestFolder.make() + "/secrets"
            try (ServiceUnderTest.secret.text + "\n").write(toFile: file, atomically: false, encoding: .utf8)
            #expect(chmod(file, 0o640) == 0)
            let variables = service.variables(["TV_WEBHOOK_SECRETS": "", "TV_WEBHOOK_SECRETS_FILE": file])
            let process = try await IntegratorProcess.start(variables, client: client)
            var own = variables
            own["PUBLIC_URL"] = process.url
            try await service.sandboxLog.wait { $0.contains { $0.contains("registered: \(process.url)") } }
            let load = WebhookLoad(
                try await service.manyHistories(6), length: 120, urls: [process.url], client: client)
            async let running: Void = load.run()

            let (exit, text) = try await run(own, "callbacks", "rotate-secret", "--json")
            let json = try #require((try? JSONDocument(parsing: Array(text.utf8)))?.root)
            #expect(exit == 0)
            #expect(json["registered"]?.bool == true)
            #expect(json["accepted_secrets"]?.int == 2)
            #expect(json["instances"]?.elements.count == 1)
            let both = try secrets(file)
            #expect(both.count == 2)
            #expect(both[1].text == ServiceUnderTest.secret.text)
            var status = stat()
            #expect(stat(file, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o640)
            await running
            #expect(load.statuses == [200: load.statuses[200, default: 0]])
            #expect(service.sandbox.tv.state.withLock { $0.callbacks["gb-console"]?.secret.text } == both[0].text)
            for secret in both { #expect(try await self.status(process.url, signedBy: secret) == 200) }

            let (finished, report) = try await run(own, "callbacks", "rotate-secret", "--finish")
            #expect(finished == 0, "\(report)")
            #expect(try secrets(file).map(\.text) == [both[0].text])
            #expect(try await self.status(process.url, signedBy: both[0]) == 200)
            #expect(try await self.status(process.url, signedBy: both[1]) == 401)

            // A bad file changes nothing.
            try "nonsense".write(toFile: file, atomically: true, encoding: .utf8)
            process.send(SIGHUP)
            let deadline = ContinuousClock.now + .seconds(10)
            while !process.logText.contains("secrets not read again"), ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(process.logText.contains("secrets not read again"))
            #expect(try await self.status(process.url, signedBy: both[0]) == 200)
            #expect(!process.logText.contains(both[0].text))
            #expect(await process.terminate() == 0)
        }
    }

    /// Whatever a reload finds, it goes on with what it has, and says why.
    @Test(.timeLimit(.minutes(5))) func aReloadThatFailsKeepsTheSecrets() async throws {
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            let file = try TestFolder.make() + "/secrets"
            try ServiceUnderTest.secret.text.write(toFile: file, atomically: false, encoding: .utf8)
            let process = try await IntegratorProcess.start(
                service.variables(["TV_WEBHOOK_SECRETS": "", "TV_WEBHOOK_SECRETS_FILE": file]), client: client)
            func reload(_ bytes: [UInt8]?, until said: String) async throws {
                try FileManager.default.removeItem(atPath: file)
                if let bytes {
                    try Data(bytes).write(to: URL(filePath: file))
                } else {
                    try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
                }
                process.send(SIGHUP)
                let deadline = ContinuousClock.now + .seconds(20)
                while !process.logText.contains(said), process.isRunning, ContinuousClock.now < deadline {
                    try await Task.sleep(for: .milliseconds(10))
                }
                #expect(process.logText.contains(said), "\(process.logText.suffix(500))")
                #expect(try await status(process.url, signedBy: ServiceUnderTest.secret) == 200)
            }
            try await reload(Array("  \r\n".utf8), until: "TV_WEBHOOK_SECRETS: is required")
            try await reload(nil, until: "TV_WEBHOOK_SECRETS_FILE: is a directory")
            try await reload([0x77, 0xE9], until: "TV_WEBHOOK_SECRETS_FILE: is not UTF-8 text")
            try await reload(Array("whsec_".utf8), until: "secret 1: the webhook secret is empty")
            let other = WebhookSecret.generate()
            try await reload(
                Array("\(other.text)\r\n\(ServiceUnderTest.secret.text),\n".utf8), until: "secrets read again")
            #expect(try await status(process.url, signedBy: other) == 200)
            #expect(await process.terminate() == 0)
        }
    }

    @Test func withoutTheAPINothingIsLost() async throws {
        try await ServiceUnderTest.with { service in
            let file = try TestFolder.make() + "/secrets"
            try ServiceUnderTest.secret.text.write(toFile: file, atomically: false, encoding: .utf8)
            let changes = [
                "TV_WEBHOOK_SECRETS": "", "TV_WEBHOOK_SECRETS_FILE": file, "TV_API_URL": "http://127.0.0.1:1",
            ]
            let run = await service.command("callbacks", "rotate-secret", "--json", changes: changes)
            #expect(run.status == 1)
            #expect(run.json?["registered"]?.bool == false)
            #expect(try secrets(file).count == 2)
            #expect(try secrets(file)[1].text == ServiceUnderTest.secret.text)
        }
    }

    @Test func withoutAFileItSaysWhatToDo() async throws {
        try await ServiceUnderTest.with { service in
            let run = await service.command("callbacks", "rotate-secret")
            #expect(run.status == 0)
            #expect(run.output.contains("whsec_"))
            #expect(run.output.contains("nothing has been changed"))
            #expect(await service.command("callbacks", "show", "--finish").status == 2)
            #expect(await service.command("callbacks").status == 2)
        }
    }

    @Test func webhooksAreSignedAndSent() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let file = try TestFolder.make() + "/webhook.json"
            let webhook = TestWebhook(.datasetProgress, of: history, sequence: 1)
            try Data(webhook.body).write(to: URL(fileURLWithPath: file))
            let signed = await service.command("webhooks", "sign", file, "--id", webhook.id, "--json")
            let time = try #require(signed.json?["webhook-timestamp"]?.string.flatMap { Int64($0) })
            let expected = WebhookSigner(secret: ServiceUnderTest.secret).sign(
                id: webhook.id, timestamp: time, body: webhook.body)
            #expect(signed.json?["webhook-signature"]?.string == expected)
            let sent = await service.command("webhooks", "send", file, "--id", webhook.id, "--json")
            #expect(sent.status == 0)
            #expect(sent.json?["status"]?.int == 200)
            #expect(try await service.stored(history.id)?.revision == 1)
            try Data("{}".utf8).write(to: URL(fileURLWithPath: file))
            let refused = await service.command("webhooks", "send", file)
            #expect(refused.status == 1)
            #expect(refused.output.contains("422"))
            #expect(await service.command("webhooks", "send", file + ".not").status == 2)
        }
    }

    @Test func helpIsThere() async throws {
        for command in [
            "serve", "migrate", "doctor", "events", "notifications", "callbacks", "webhooks", "prune", "token",
        ] {
            let run = await CommandRun([:], [command, "--help"])
            #expect(run.status == 0)
            #expect(run.output.hasPrefix("integrator \(command)"))
            #expect(await CommandRun([:], ["help"]).output.contains("  integrator \(command)"))
        }
        #expect(await CommandRun([:], []).status == 2)
        let wrong = await CommandRun([:], ["dance"])
        #expect(wrong.status == 2)
        #expect(wrong.complaints.contains("there is no command `dance`"))
        #expect(await CommandRun([:], ["prune", "--days", "1"]).status == 2)
    }
}
