import JSON
import MySQL
import Signatures
import TestSupport
import Testing
import Time

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import Web

/// `GET /webhooks/tv-python/{webhook-id}`: what became of a webhook.
@Suite(.timeLimit(.minutes(5))) struct ReceiptTests {
    private func receipt(
        _ service: ServiceUnderTest, of id: String, signedBy secret: WebhookSecret = ServiceUnderTest.secret,
        as own: String = "receipt-\(Fresh.number())", body: [UInt8] = [], at time: Int64 = Timestamp.now().seconds,
        method: String = "GET"
    ) async throws -> HTTPAnswer {
        let signature = WebhookSigner(secret: secret).sign(id: own, timestamp: time, body: body)
        return try await service.send(
            [],
            headers: [("webhook-id", own), ("webhook-timestamp", "\(time)"), ("webhook-signature", signature)],
            method: method, path: "/webhooks/tv-python/\(id)")
    }

    @Test func itTellsWhatBecameOfEachWebhook() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let before = Timestamp.now()
            let applied = TestWebhook(.datasetProgress, of: history, sequence: 5, id: "msg_1/x%!")
            let stale = TestWebhook(.datasetStarted, of: history, sequence: 4)
            let rejected = TestWebhook(.datasetProgress, of: history, sequence: 6, more: #""progress": "half""#)
            let parked = TestWebhook(.datasetStarted, dataset: Fresh.number(), sequence: 1)
            let ignored = TestWebhook(body: #"{"type": "dataset.archived", "data": {}}"#)
            for (webhook, outcome) in [
                (applied, "applied"), (stale, "stale"), (rejected, "rejected"), (parked, "parked"),
                (ignored, "ignored"),
            ] {
                let told = try await service.post(webhook)
                let answer = try await receipt(
                    service, of: webhook.id.replacing("%", with: "%25").replacing("/", with: "%2F"))
                let data = try #require(answer.data, "\(answer.text)")
                #expect(answer.status == 200 && data["outcome"]?.string == outcome)
                #expect(data["webhook_id"]?.string == webhook.id)
                #expect(outcome != "rejected" || data["reason"]?.string == told.json?["message"]?.string)
                let committed = try #require(data["committed_at"]?.string.flatMap { ISO8601.parse($0) })
                #expect(abs(committed.seconds - before.seconds) < 60)
                #expect(answer.header("Cache-Control") == "no-store, private")
            }
            let data = try #require(try await receipt(service, of: "msg_1%2Fx%25!").data)
            #expect(data["dataset_id"]?.int == history.datasetID && data["history_id"]?.int == history.id)
            #expect(data["revision"]?.int == 1 && data["sequence"]?.int == 5)
            #expect(data["type"]?.string == "dataset.progress" && data["status_label"]?.string == "processing")
            // No more than the sender has sent, and what it came to.
            #expect(
                Set(data.members.map(\.name)) == [
                    "webhook_id", "type", "outcome", "reason", "dataset_id", "sequence", "history_id", "revision",
                    "status_label", "sent_at", "received_at", "committed_at",
                ])
            let waiting = try #require(try await receipt(service, of: parked.id).data)
            #expect(waiting["history_id"]?.kind == .null && waiting["revision"]?.kind == .null)
        }
    }

    @Test func whatWasNotSentIsUnknown() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let created = try await service.create(scene.wishlist, token: scene.token)
            #expect(created.status == 201)
            // Changes that the service made itself stand in the same log.
            let own = try #require(
                try await service.query("SELECT event_key FROM wishlist_dataset_events LIMIT 1").first)
            let key = String(decoding: try own.bytes(0), as: UTF8.self)
            #expect(key.hasPrefix("."))
            for id in ["msg_unknown", key, "gr%C3%BCn", String(repeating: "a", count: 256), "a%20b"] {
                let answer = try await receipt(service, of: id)
                #expect(answer.status == 404 && answer.code == "not_found", "\(id)")
            }
        }
    }

    @Test func onlyTheSenderIsTold() async throws {
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            let webhook = TestWebhook(.datasetStarted, of: history, sequence: 1)
            #expect(try await service.post(webhook).status == 200)
            let now = Timestamp.now().seconds
            for answer in [
                try await receipt(service, of: webhook.id, signedBy: .generate()),
                try await receipt(service, of: webhook.id, at: now - 400),
                try await receipt(service, of: webhook.id, as: "a.b"),
                // The signature of the webhook itself is none for a receipt.
                try await receipt(service, of: webhook.id, as: webhook.id, body: webhook.body),
                try await service.api("GET", "/webhooks/tv-python/\(webhook.id)", token: scene.token),
            ] {
                #expect(answer.status == 401 && answer.code == "invalid_signature")
            }
            try await service.waitForNumber(5, "SELECT COUNT(*) FROM integrator_refused_webhooks")
            #expect(try await receipt(service, of: webhook.id, method: "DELETE").status == 405)
            // The limit is the one of the webhooks.
            for _ in 0..<60 { _ = try await service.post(webhook, signedBy: .generate()) }
            let silenced = try await receipt(service, of: webhook.id, signedBy: .generate())
            #expect(silenced.status == 429 && silenced.header("Retry-After") != nil)
            #expect(try await receipt(service, of: webhook.id).status == 200)
        }
    }

    // MARK: Networks

    @Test func webhooksComeFromTheirNetworksOnly() async throws {
        try await ServiceUnderTest.with(
            ["WEBHOOK_NETWORKS": "10.1.0.0/16, 2001:db8::/32", "TRUSTED_PROXIES": "127.0.0.1"]
        ) { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist)
            func post(from address: String?, sequence: Int64) async throws -> HTTPAnswer {
                let webhook = TestWebhook(.datasetProgress, of: history, sequence: sequence, id: "msg_\(sequence)")
                let time = Timestamp.now().seconds
                let signature = WebhookSigner(secret: ServiceUnderTest.secret)
                    .sign(id: webhook.id, timestamp: time, body: webhook.body)
                return try await service.send(
                    webhook.body,
                    headers: [
                        ("webhook-id", webhook.id), ("webhook-timestamp", "\(time)"), ("webhook-signature", signature),
                    ] + (address.map { [("X-Forwarded-For", $0)] } ?? []))
            }
            #expect(try await post(from: "10.1.2.3", sequence: 1).status == 200)
            #expect(try await post(from: "2001:db8:1::1", sequence: 2).status == 200)
            for (number, address) in [nil, "10.2.0.1", "2001:db9::1", "10.1.2.3, 10.2.0.1"].enumerated() {
                let answer = try await post(from: address, sequence: Int64(10 + number))
                #expect(answer.status == 401 && answer.code == "invalid_signature", "\(address ?? "-")")
            }
            try await service.waitForNumber(
                4, "SELECT COUNT(*) FROM integrator_refused_webhooks WHERE reason = 'foreign_network'")
            #expect(try await service.stored(history.id)?.revision == 2)
            #expect(try await receipt(service, of: "msg_1").status == 401)
        }
    }
}
