import Signatures

/// HTTP requests that are ready to be sent, one after the other in memory: so signing them costs nothing while measuring.
struct SignedWebhooks: Sendable {
    var bytes: [UInt8] = []
    /// Where each request begins, and where the last one ends.
    var offsets = [0]

    var count: Int { offsets.count - 1 }
}

/// Makes webhooks of progress for a set of datasets in turn, each with an id of its own and the next sequence of its dataset.
struct WebhookSource {
    let datasets: [BenchmarkDatabase.Dataset]
    private let signer: WebhookSigner
    private var made = 0

    init(datasets: [BenchmarkDatabase.Dataset], secret: WebhookSecret) {
        self.datasets = datasets
        signer = WebhookSigner(secret: secret)
    }

    /// The next `count` webhooks, signed at `now` (seconds since 1970).
    mutating func make(_ count: Int, now: Int64) -> SignedWebhooks {
        var webhooks = SignedWebhooks()
        webhooks.bytes.reserveCapacity(count * 640)
        webhooks.offsets.reserveCapacity(count + 1)
        for _ in 0..<count {
            let dataset = datasets[made % datasets.count]
            let body = Array(WebhookText.body(of: dataset, sequence: made / datasets.count + 1).utf8)
            made += 1
            let id = WebhookText.randomID()
            let head = """
                POST /webhooks/tv-python HTTP/1.1\r\nHost: integrator\r\nContent-Type: application/json\r\n\
                webhook-id: \(id)\r\nwebhook-timestamp: \(now)\r\n\
                webhook-signature: \(signer.sign(id: id, timestamp: now, body: body))\r\n\
                Content-Length: \(body.count)\r\n\r\n
                """
            webhooks.bytes.append(contentsOf: head.utf8)
            webhooks.bytes.append(contentsOf: body)
            webhooks.offsets.append(webhooks.bytes.count)
        }
        return webhooks
    }
}

/// What webhooks look like.
enum WebhookText {
    static let stage = "embedding"

    static func progress(_ sequence: Int) -> Int { sequence % 100 }

    static func message(_ sequence: Int) -> String { "Embedding products, batch \(sequence)" }

    static func body(of dataset: BenchmarkDatabase.Dataset, sequence: Int) -> String {
        """
        {"type":"dataset.progress","timestamp":"2026-11-23T16:00:00.123456Z","data":{"dataset_id":\(dataset.datasetID),\
        "reference":"\(dataset.reference)","sequence":\(sequence),"progress":\(progress(sequence)),"stage":"\(stage)",\
        "message":"\(message(sequence))"}}
        """
    }

    /// As long as those that other senders make, in no order: an index over them is written all over.
    static func randomID() -> String {
        "msg_" + String(UInt64.random(in: (1 << 62)...UInt64.max), radix: 36)
            + String(UInt64.random(in: (1 << 62)...UInt64.max), radix: 36)
    }
}
