import HTTPClient
import JSON
import MySQL
import Signatures
import TestSupport
import Time

@testable import Datasets
@testable import Integrator
@testable import Store
@testable import Web

/// A webhook as the TV Python API would send it.
struct TestWebhook: Sendable {
    /// `webhook-id`.
    var id = "msg_\(Fresh.number())"
    var body: [UInt8]

    /// A webhook with any bytes as its body.
    init(id: String? = nil, body: String) {
        if let id { self.id = id }
        self.body = Array(body.utf8)
    }

    /// An event of a dataset.
    ///
    /// - Parameter more: further members of `data`, as JSON: `"progress": 5`. Without it, what the type needs.
    init(
        _ type: DatasetEventType, dataset: Int64?, sequence: Int64, reference: String? = nil, id: String? = nil,
        more: String? = nil
    ) {
        let more =
            more
            ?? {
                switch type {
                case .datasetProgress: #""progress": \#(min(sequence, 100))"#
                case .datasetCompleted, .trainingCompleted: #""result": {"rows": 3}"#
                case .datasetFailed, .trainingFailed: #""error": {"code": "oom", "message": "Out of memory"}"#
                default: nil
                }
            }()
        var members = [#""dataset_id": \#(dataset.map(String.init) ?? "null")"#, #""sequence": \#(sequence)"#]
        if let reference { members.append(#""reference": "\#(reference)""#) }
        if let more { members.append(more) }
        self.init(
            id: id,
            body: #"{"type": "\#(type.rawValue)", "timestamp": "2026-11-23T16:00:00.123456Z", "#
                + #""data": {\#(members.joined(separator: ", "))}}"#)
    }

    /// An event of a history's dataset, named by its id.
    init(
        _ type: DatasetEventType, of history: TestHistory, sequence: Int64, id: String? = nil, more: String? = nil
    ) {
        self.init(type, dataset: history.datasetID, sequence: sequence, id: id, more: more)
    }
}

extension ServiceUnderTest {
    /// Sends a webhook, signed.
    ///
    /// - Parameter at: when it was signed; by default now.
    func post(
        _ webhook: TestWebhook, signedBy secret: WebhookSecret = ServiceUnderTest.secret,
        at time: Int64 = Timestamp.now().seconds, path: String = WebhookEndpoint.path
    ) async throws -> HTTPAnswer {
        let signature = WebhookSigner(secret: secret).sign(id: webhook.id, timestamp: time, body: webhook.body)
        return try await send(
            webhook.body,
            headers: [
                ("webhook-id", webhook.id), ("webhook-timestamp", "\(time)"), ("webhook-signature", signature),
            ], path: path)
    }

    /// Posts anything to where webhooks go.
    func send(
        _ body: [UInt8], headers: [(name: String, value: String)], method: String = "POST",
        path: String = WebhookEndpoint.path
    ) async throws -> HTTPAnswer {
        HTTPAnswer(
            try await client.send(
                HTTPClientRequest(
                    method: method, url: instance.url + path,
                    headers: headers + [("Content-Type", "application/json")], body: body, timeout: .seconds(30))))
    }

    /// Sends webhooks side by side and returns the answers in their order.
    func post(_ webhooks: [TestWebhook]) async throws -> [HTTPAnswer] {
        try await withThrowingTaskGroup(of: (Int, HTTPAnswer).self) { group in
            for (index, webhook) in webhooks.enumerated() {
                group.addTask { (index, try await self.post(webhook)) }
            }
            var answers: [Int: HTTPAnswer] = [:]
            for try await (index, answer) in group { answers[index] = answer }
            return webhooks.indices.compactMap { answers[$0] }
        }
    }
}

/// A row of the log of events.
struct LogRow: Sendable, Equatable {
    var key: String
    var type: String?
    var outcome: EventOutcome?
    var historyID: Int64?
    var revision: Int64?
    var reason: String?
    var body: [UInt8]
}

extension ServiceUnderTest {
    /// The log of events, oldest first.
    func logRows() async throws -> [LogRow] {
        try await query(
            """
            SELECT event_key, type, outcome, history_id, revision, reason, body FROM wishlist_dataset_events ORDER BY id
            """
        ).map { row in
            LogRow(
                key: try row.string(0), type: try row.optionalString(1),
                outcome: EventOutcome(rawValue: Int(try row.int64(2))), historyID: try row.optionalInt64(3),
                revision: try row.optionalInt64(4), reason: try row.optionalString(5), body: try row.bytes(6))
        }
    }

    /// The log's row of a webhook.
    func logRow(_ webhook: TestWebhook) async throws -> LogRow? {
        try await logRows().first { $0.key == webhook.id }
    }
}
