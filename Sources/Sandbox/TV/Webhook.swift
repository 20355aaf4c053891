import JSON
import Signatures

/// A webhook as it is kept for deliveries: the same id and bytes each time.
public struct Webhook: Sendable {
    /// `msg_...`, the same over retries and redeliveries.
    public let id: String
    /// For example `dataset.progress`.
    public let type: String
    /// Whose it is.
    public let datasetID: Int64
    /// 1, 2, 3, ... within its dataset.
    public let sequence: Int
    /// What is signed and sent.
    public let body: [UInt8]
}

/// One attempt to deliver a webhook, with its answer.
public struct WebhookAttempt: Sendable {
    /// What was sent.
    public let webhook: Webhook
    /// From 1; a duplicate or a redelivery begins anew.
    public let number: Int
    /// Nil if there was no answer; then `error` says why.
    public let status: Int?
    /// `outcome` of the answer's JSON body, as the integrator words it; nil if it has none.
    public let outcome: String?
    /// Why there was no answer.
    public let error: String?
    /// When it was sent.
    public let sentAt: ContinuousClock.Instant
    /// How long the answer took.
    public let duration: Duration

    /// Whether the status is a success (2xx).
    public var isDelivered: Bool { status.map { (200...299).contains($0) } ?? false }
}

extension Webhook {
    static func newID() -> String {
        let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
        return "msg_" + String((0..<27).map { _ in alphabet[Int.random(in: 0..<alphabet.count)] })
    }

    /// The webhook of a planned event that happens now.
    init(_ event: DatasetPlan.Event, sequence: Int, dataset: Dataset) {
        id = Self.newID()
        type = event.type
        datasetID = dataset.id
        self.sequence = sequence
        body = JSONWriter.bytes { writer in
            writer.field("type", event.type)
            writer.field("timestamp", WallClock.timestamp)
            writer.field("data") { writer in
                writer.field("dataset_id", dataset.id)
                writer.field("reference", dataset.scenario.referenceMissing ? nil : dataset.request.reference)
                writer.field("sequence", sequence)
                if let progress = event.progress { writer.field("progress", progress) }
                if let stage = event.stage { writer.field("stage", stage) }
                if let message = event.message { writer.field("message", message) }
                Self.write(detailOf: event.type, of: dataset, &writer)
            }
        }
    }

    private static func write(detailOf type: String, of dataset: Dataset, _ writer: inout JSONWriter) {
        let products = dataset.request.productCount
        switch type {
        case "dataset.completed":
            writer.field("result") { writer in
                writer.field("row_count", products * 128)
                writer.field("product_count", products)
                writer.field("url", "https://tv.example/datasets/\(dataset.id).parquet")
                writer.field("expires_at", "2099-12-31T00:00:00.000000Z")
                writer.field("metrics") {
                    $0.field("coverage", 0.97)
                    $0.field("ndcg", 0.83)
                }
            }
        case "dataset.failed":
            writer.field("error") {
                $0.field("code", "embedding_failed")
                $0.field("message", "The embedding model ran out of memory")
                $0.field("retryable", true)
            }
        case "training.completed":
            writer.field("result") { writer in
                writer.field("model", "model-\(dataset.id)")
                writer.field("metrics") { $0.field("accuracy", 0.91) }
            }
        default: break
        }
    }
}
