import Datasets
import HTTPClient
import JSON
import MySQL
import Signatures
import Store
import Telemetry
import TestSupport
import Testing
import Time

@testable import Sandbox

/// What is kept of webhooks that were not taken (spec, section 4).
@Suite(.timeLimit(.minutes(5))) struct RefusedWebhookTests {
    private func newest(_ service: ServiceUnderTest, count: Int) async throws -> [RefusedWebhook] {
        try await service.waitForNumber(Int64(count), "SELECT COUNT(*) FROM integrator_refused_webhooks")
        let connection = try await MySQLConnection.connect(service.database)
        let refused = try await connection.run { try RefusedWebhooks.newest(100, on: $0) }
        await connection.close()
        return refused.map(\.webhook)
    }

    @Test func theTrueReasonIsKeptAndToldInOneLine() async throws {
        try await ServiceUnderTest.with { service in
            let now = Timestamp.now().seconds
            let webhook = TestWebhook(body: "{}")
            _ = try await service.post(webhook, signedBy: .generate())
            _ = try await service.post(webhook, at: now - 400)
            _ = try await service.post(webhook, at: now + 400)
            _ = try await service.send([], headers: [("webhook-id", "only-this")])
            let strange = "a.\(String(repeating: "é", count: 300))"
            for (name, value) in [
                ("webhook-id", strange), ("webhook-timestamp", "soon"),
                ("webhook-signature", String(repeating: "v1,A ", count: 1000)),
            ] {
                var headers = ["webhook-id": "x", "webhook-timestamp": "\(now)", "webhook-signature": "v1,AAAA"]
                headers[name] = value
                _ = try await service.send([], headers: headers.map { ($0.key, $0.value) })
            }
            let refused = try await newest(service, count: 7).reversed()
            #expect(
                refused.map(\.reason) == [
                    .noMatch, .tooOld, .tooNew, .missingHeader, .malformedID, .malformedTimestamp, .malformedSignature,
                ])
            #expect(refused.allSatisfy { $0.address == "127.0.0.1" && abs($0.time.seconds - now) < 60 })
            #expect(refused.prefix(4).map(\.webhookID) == [webhook.id, webhook.id, webhook.id, "only-this"])
            #expect(try #require(refused.map(\.webhookID)[4]).unicodeScalars.count == 255)
            try await service.log.wait { $0.contains { $0.contains("webhooks refused") } }
            let lines = service.log.all.filter { $0.contains(#""webhooks refused""#) }
            #expect(lines.count == 1)
            #expect(lines.first?.contains(#""level":"warning""#) == true)
            #expect(lines.first?.contains("missing_header 1") == true, "\(lines)")
        }
    }

    /// Several lines of one header are one list; a second id is no id.
    @Test func headersOnSeveralLines() async throws {
        try await ServiceUnderTest.with { service in
            let now = Timestamp.now().seconds
            let webhook = TestWebhook(body: #"{"type":"x.y"}"#)
            let signature = WebhookSigner(secret: ServiceUnderTest.secret).sign(
                id: webhook.id, timestamp: now, body: webhook.body)
            let common = [("webhook-id", webhook.id), ("webhook-timestamp", "\(now)")]
            let split = try await service.send(
                webhook.body, headers: common + [("webhook-signature", "v1,AAAA"), ("Webhook-Signature", signature)])
            #expect(split.outcome == "ignored", "\(split.text)")
            let twoIDs = try await service.send(
                webhook.body, headers: common + [("webhook-id", "other"), ("webhook-signature", signature)])
            #expect(twoIDs.status == 401)
        }
    }

    @Test func theTableIsBoundedAndFloodsOfOneAddressAreCountedOnly() async throws {
        try await ServiceUnderTest.with { service in
            try await service.execute(
                """
                INSERT INTO integrator_refused_webhooks (refused_at, address, reason) \
                SELECT UTC_TIMESTAMP(6), '192.0.2.1', 'too_old' FROM \(SQL.numbers(upTo: 1500))
                """)
            let webhook = TestWebhook(body: "{}")
            for _ in 0..<130 { _ = try await service.post(webhook, signedBy: .generate()) }
            try await service.waitForNumber(1000, "SELECT COUNT(*) FROM integrator_refused_webhooks")
            let kept =
                try await service.number(
                    "SELECT COUNT(*) FROM integrator_refused_webhooks WHERE address = '127.0.0.1'") ?? 0
            // A new minute may have begun between.
            #expect((1...120).contains(kept), "\(kept)")
            #expect(service.instance.metric(#"integrator_webhooks_refused_total{reason="no_match"}"#) == 130)
            #expect(try await service.post(webhook).status == 422)
        }
    }

    @Test func pagesGoBackFromTheNewest() async throws {
        try await ServiceSchema.with { configuration in
            let pool = MySQLPool(configuration, maximumConnections: 1)
            let refused = RefusedWebhooks(
                pool: pool, log: Logger(level: .error), gathering: .milliseconds(5), lineInterval: .seconds(1))
            for number in 0..<1200 {
                refused.note(
                    RefusedWebhook(time: .now(), address: "192.0.2.7", webhookID: "m\(number)", reason: .noMatch))
            }
            let running = Task { await refused.run() }
            running.cancel()
            await running.value
            try await pool.withConnection { connection in
                let first = try RefusedWebhooks.newest(2, on: connection)
                #expect(first.map(\.webhook.webhookID) == ["m1199", "m1198"])
                let second = try RefusedWebhooks.newest(5000, before: first.last?.id, on: connection)
                #expect(second.first?.webhook.webhookID == "m1197" && second.count == 998)
                try connection.execute(
                    "UPDATE integrator_refused_webhooks SET reason = 'of_tomorrow' ORDER BY id DESC LIMIT 1")
                #expect(try RefusedWebhooks.newest(1, on: connection).isEmpty)
            }
            await pool.shutdown()
        }
    }

    /// One line at once, then one for all that came in the meantime.
    @Test func linesAreSummedUp() async throws {
        try await ServiceSchema.with { configuration in
            let pool = MySQLPool(configuration, maximumConnections: 1)
            let lines = Recorder<String>()
            let log = Logger(
                level: .warning, format: .json, sink: LogSink { lines.append(String(decoding: $0, as: UTF8.self)) })
            let refused = RefusedWebhooks(
                pool: pool, log: log, gathering: .milliseconds(5), lineInterval: .milliseconds(300))
            let note = { (reason: RefusedWebhook.Reason) in
                refused.note(RefusedWebhook(time: .now(), address: "a", webhookID: nil, reason: reason), isKept: false)
            }
            let running = Task { await refused.run() }
            note(.tooOld)
            try await lines.wait { $0.count == 1 }
            for _ in 0..<500 { note(.noMatch) }
            note(.tooNew)
            try await lines.wait { $0.count == 2 }
            #expect(lines.all[0].contains(#""count":1,"reasons":"too_old 1""#))
            #expect(lines.all[1].contains(#""count":501,"reasons":"too_new 1, no_match 500""#))
            note(.queueFull)
            running.cancel()
            await running.value
            #expect(lines.all.count == 3)
            await pool.shutdown()
        }
    }
}
