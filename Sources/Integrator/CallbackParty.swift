import Delivery
import HTTPClient
import Operations
import Signatures
import Time
import TVPython
import Web

/// What an operator does with the callback at the TV Python API, from within a running service.
struct CallbackParty: Sendable {
    let configuration: Configuration
    let api: TVPythonAPI
    let registration: CallbackRegistration
    let client: HTTPClient
    /// Reads the environment again.
    let environment: @Sendable () -> Environment

    /// What is registered, what should be, and how many secrets are accepted.
    @Sendable func details() async throws -> Details {
        let found = try await api.callback().value()
        let expected = registration.expected
        let missing = Set(expected.events).subtracting(found?.events ?? []).sorted()
        var details = Details()
        details.add("url", .text(found?.url))
        details.add("expected_url", .text(expected.url))
        details.add("missing_events", .text(missing.isEmpty ? nil : missing.joined(separator: ", ")))
        details.add("is_right", .bool(found?.url == expected.url && missing.isEmpty))
        details.add("accepted_secrets", .number(Int64(secrets.count)))
        details.add("secrets_file", .text(environment().file(of: "TV_WEBHOOK_SECRETS")))
        return details
    }

    @Sendable func sync() async throws {
        try await registration.sync().value()
    }

    /// One step of a rotation; between them the operator brings the file to other machines, and waits for retries.
    @Sendable func rotate(_ step: OperatorTools.RotationStep) async throws -> (lines: [String], isDone: Bool) {
        let rotation = SecretRotation(
            environment: environment(), secrets: secrets, registration: registration, client: client)
        switch step {
        case .prepare:
            let report = try await rotation.start(registers: false)
            return (report.lines, report.isDone && report.file != nil)
        case .register:
            registration.use(secrets[0])
            try await sync()
            return (["registered the first secret at the TV Python API"], true)
        case .finish:
            let report = try await rotation.finish()
            return (report.lines, report.isDone)
        }
    }

    /// Sends a webhook of a type that nobody knows, rightly signed, to the public URL.
    @Sendable func test() async throws -> String {
        let id = "operator_test_" + UUIDv7.make(milliseconds: Timestamp.now().microseconds / 1000)
        let webhook = SignedWebhook(id: id, body: Array(#"{"type":"integrator.test"}"#.utf8), secret: secrets[0])
        let url = registration.expected.url
        do throws(HTTPClientError) {
            let answer = try await webhook.post(to: url, client)
            return "\(answer.status) \(String(decoding: answer.body.prefix(200), as: UTF8.self))"
        } catch {
            throw APIError(502, "unreachable", "\(url) cannot be reached: \(error)")
        }
    }

    /// Those in force: as the environment has them now, or else as at the start.
    private var secrets: [WebhookSecret] {
        (try? Configuration.secretsOnly(environment())) ?? configuration.webhookSecrets
    }
}
