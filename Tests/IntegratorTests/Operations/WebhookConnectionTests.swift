import Foundation
import MySQL
import Signatures
import TestSupport
import Testing

/// Webhooks over connections of every kind, against the whole service.
@Suite(.timeLimit(.minutes(5))) struct WebhookConnectionTests {
    /// A webhook of an unknown dataset, as it goes over the line.
    private static func webhook(_ number: Int, version: String = "1.1", fields: String = "") -> [UInt8] {
        let body = Array(
            #"{"type":"dataset.progress","data":{"dataset_id":\#(900_000 + number),"sequence":1,"progress":1}}"#.utf8)
        let (id, now) = ("connection-\(number)-\(UInt32.random(in: 0 ... .max))", Int64(Date().timeIntervalSince1970))
        let signature = WebhookSigner(secret: ServiceOnTrial.secrets[0]).sign(id: id, timestamp: now, body: body)
        let head = """
            POST /webhooks/tv-python HTTP/\(version)\r\nHost: h\r\nwebhook-id: \(id) \t\r\nwebhook-timestamp: \(now)\t\r
            webhook-signature: v1,d3Jvbmc=\r\nwebhook-signature: \(signature) \r\n\(fields)Content-Length: \(body.count)\r\n\r\n
            """
        return Array(head.utf8) + body
    }

    private static func statuses(_ text: String) -> [String] {
        text.components(separatedBy: "HTTP/1.1 ").dropFirst().map { String($0.prefix(3)) }
    }

    /// A client that has only stopped sending is there still (RFC 9112, section 9.6). The row that all are stored in is
    /// locked, so that they wait for the commit when their client stops.
    @Test func halfClosedClientsAreAnsweredAfterTheCommit() async throws {
        try await ServiceOnTrial.with { trial in
            try await trial.waitUntilReady()
            let older = try RawClient(port: trial.port)
            older.offer("GET /health/live HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
            let connection = try await MySQLConnection.connect(trial.database)
            try await connection.execute("LOCK TABLES wishlist_dataset_events READ")
            let clients = try (0..<4).map { _ in try RawClient(port: trial.port) }
            clients[0].offer(Self.webhook(0))
            clients[1].offer(Self.webhook(1, version: "1.0"))
            clients[2].offer(Self.webhook(2) + Self.webhook(3) + Self.webhook(4))
            clients[3].offer(Self.webhook(5, fields: "Connection: close\r\n"))
            for client in clients { client.finishSending() }
            try await Task.sleep(for: .milliseconds(500))
            #expect(clients.allSatisfy { !$0.read(patience: 0).isClosed })
            try await connection.execute("UNLOCK TABLES")
            for (client, count) in zip(clients, [1, 1, 3, 1]) {
                let (text, isClosed) = client.read(patience: 15_000)
                #expect(Self.statuses(text) == Array(repeating: "202", count: count), "\(text)")
                #expect(isClosed)
            }
            await connection.close()
        }
    }

    /// Refused by the header alone: the body is not waited for.
    @Test func whatCannotBecomeRightIsRefusedAtTheHeader() async throws {
        try await ServiceOnTrial.with { trial in
            let now = Int64(Date().timeIntervalSince1970)
            let signed = "webhook-id: a\r\nwebhook-signature: v1,d3Jvbmc=\r\n"
            for (line, fields, status) in [
                ("POST", "", "401"), ("POST", "\(signed)", "401"), ("POST", "\(signed)webhook-timestamp: 1\r\n", "401"),
                ("POST", "\(signed)webhook-id: b\r\nwebhook-timestamp: \(now)\r\n", "401"), ("PUT", "", "405"),
            ] {
                let client = try RawClient(port: trial.port)
                client.offer(
                    "\(line) /webhooks/tv-python HTTP/1.1\r\nHost: h\r\n\(fields)Content-Length: 200000\r\n\r\nx".utf8)
                let (text, isClosed) = client.read(patience: 5000)
                #expect(Self.statuses(text) == [status])
                #expect(text.lowercased().contains("x-request-id: "))
                #expect(isClosed)
            }
            // What may be right is waited for.
            let client = try RawClient(port: trial.port)
            client.offer(
                "POST /webhooks/tv-python HTTP/1.1\r\nHost: h\r\n\(signed)webhook-timestamp: \(now)\r\nContent-Length: 2\r\n\r\nx"
                    .utf8)
            #expect(client.read(patience: 300) == ("", false))
            client.offer("x".utf8)
            #expect(Self.statuses(client.read(patience: 5000).text) == ["401"])
        }
    }
}
