import HTTPServer
import JSON
import Signatures

/// A registered callback: where webhooks go, which ones, and how they are signed.
struct Callback: Sendable {
    let name: String
    let url: String
    /// Types, or `*` for all.
    let events: [String]
    let secret: WebhookSecret
    /// Set when the endpoint answered 410; ended by a new registration.
    var isDisabled = false

    init(name: String, body: [UInt8]) throws(SandboxError) {
        guard let root = try? JSONDocument(parsing: body).root, root.kind == .object else {
            throw SandboxError("The body has to be a JSON object.")
        }
        guard let url = root["url"]?.string, url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw SandboxError("url has to be an http or https URL.")
        }
        let events = root["events"]?.elements.compactMap(\.string) ?? []
        guard !events.isEmpty, events.count == root["events"]?.elements.count else {
            throw SandboxError("events has to be an array of webhook types that is not empty.")
        }
        do throws(WebhookSecretError) {
            secret = try WebhookSecret(root["secret"]?.string ?? "")
        } catch {
            throw SandboxError("secret: \(error)")
        }
        self.name = name
        self.url = url
        self.events = events
    }

    func wants(_ type: String) -> Bool { events.contains(type) || events.contains("*") }

    /// Everything but the secret.
    var response: HTTPResponse {
        .json {
            $0.field("name", name)
            $0.field("url", url)
            $0.list("events") { for event in events { $0.value(event) } }
            $0.field("disabled", isDisabled)
        }
    }
}
