import Sandbox
import Signatures

/// A dataset that webhooks are sent for, from the first to the last.
struct SoakDataset: Sendable {
    /// Its wishlist: each has one dataset at a time.
    let slot: Int
    let datasetID: Int64
    let reference: String
    /// The sequence of its next webhook, and of its last.
    var next = 1
    let last: Int
}

/// A request that is ready to be sent, and what is expected of it.
struct SoakRequest: Sendable {
    enum Kind: Sendable {
        /// To be stored once, whatever its outcome.
        case new
        /// The same once more: `duplicate`.
        case repeated
        /// Badly signed: 401, or 429 once there have been many.
        case forged
    }

    let id: String
    let bytes: [UInt8]
    let kind: Kind
    /// Once it is acknowledged, this slot is free.
    var endsSlot: Int?
    var isRefusedBySchema = false
}

/// Chooses the next webhook: mostly the next of some dataset, and now and then one that a faulty sender would send. The same
/// seed, the same choices.
struct SoakTraffic {
    private var random: SplitMix64
    private var active: [SoakDataset] = []
    private var cursor = 0
    /// Overtaken by its successor.
    private var held: SoakRequest?
    private var recent: [SoakRequest] = []
    private var unknown: Int64 = 0
    /// Of datasets whose rows are not there yet.
    private var early: [SoakDataset] = []

    init(seed: UInt64) {
        random = SplitMix64(state: seed)
    }

    mutating func add(_ datasets: [SoakDataset]) { active += datasets }

    /// Has the first webhook of each come before its dataset is known; they are not sent any more.
    mutating func announce(_ datasets: [SoakDataset]) { early += datasets }

    /// A webhook that has been acknowledged and may be repeated.
    mutating func acknowledged(_ request: SoakRequest) {
        guard !request.isRefusedBySchema else { return }
        if recent.count < 256 { recent.append(request) } else { recent[Int(random.next() % 256)] = request }
    }

    /// Nil: no dataset is there to send anything for.
    mutating func next(signer: WebhookSigner, now: Int64) -> SoakRequest? {
        if let request = held {
            held = nil
            return request
        }
        if let dataset = early.popLast() { return request(dataset, 1, signer, now) }
        switch random.next() % 1000 {
        case 0..<10:
            if let request = recent.randomElement(using: &random) {
                return SoakRequest(id: request.id, bytes: request.bytes, kind: .repeated)
            }
        case 10..<20:
            guard let first = nextOfADataset(signer, now) else { return nil }
            cursor = max(0, cursor - 1)  // the same dataset, if it is not at its end
            guard let second = nextOfADataset(signer, now) else { return first }
            held = first
            return second
        case 20..<30: return forged(now)
        case 30..<35: return odd(#"{"type":"dataset.renamed","data":{"dataset_id":1,"sequence":1}}"#, signer, now)
        case 35:
            var request = odd(#"{"type":"dataset.progress","data":{"dataset_id":"one"}}"#, signer, now)
            request.isRefusedBySchema = true
            return request
        case 36 where unknown < 2000:
            unknown += 1
            let dataset = SoakDataset(
                slot: -1, datasetID: 900_000_000 + unknown, reference: Self.reference(900_000_000 + unknown), last: 9)
            return request(dataset, 1, signer, now)
        default: break
        }
        return nextOfADataset(signer, now)
    }

    private mutating func nextOfADataset(_ signer: WebhookSigner, _ now: Int64) -> SoakRequest? {
        guard !active.isEmpty else { return nil }
        cursor = cursor < active.count ? cursor : 0
        let dataset = active[cursor]
        if dataset.next == dataset.last { active.swapAt(cursor, active.count - 1) }
        if dataset.next == dataset.last { active.removeLast() } else { active[cursor].next += 1 }
        cursor += 1
        return request(dataset, dataset.next, signer, now)
    }

    static func reference(_ id: Int64) -> String {
        let digits = String(id, radix: 16)
        return "0190a1b2-0000-7000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    // MARK: What is sent

    private mutating func request(
        _ dataset: SoakDataset, _ sequence: Int, _ signer: WebhookSigner, _ now: Int64
    ) -> SoakRequest {
        let (type, more) =
            switch sequence {
            case dataset.last where dataset.slot % 20 == 7:
                ("dataset.failed", #","error":{"code":"embedding_failed","message":"No memory","retryable":true}"#)
            case dataset.last where dataset.slot % 20 == 8: ("dataset.canceled", "")
            case dataset.last:
                (
                    "dataset.completed",
                    #","result":{"row_count":12800,"product_count":100,"url":"https://tv.example/\#(dataset.datasetID)"}"#
                )
            case 1: ("dataset.queued", "")
            case 2: ("dataset.started", "")
            default:
                (
                    "dataset.progress",
                    #","progress":\#(100 * sequence / dataset.last),"stage":"embedding","message":"Batch \#(sequence)""#
                )
            }
        let body = """
            {"type":"\(type)","timestamp":"2026-11-23T16:00:00.123456Z","data":{"dataset_id":\(dataset.datasetID),\
            "reference":"\(dataset.reference)","sequence":\(sequence)\(more)}}
            """
        var request = odd(body, signer, now)
        if sequence == dataset.last { request.endsSlot = dataset.slot }
        return request
    }

    private mutating func odd(_ body: String, _ signer: WebhookSigner, _ now: Int64) -> SoakRequest {
        let id = newID()
        let bytes = Array(body.utf8)
        return SoakRequest(
            id: id, bytes: Self.http(id, now, signer.sign(id: id, timestamp: now, body: bytes), bytes), kind: .new)
    }

    private mutating func forged(_ now: Int64) -> SoakRequest {
        let id = newID()
        return SoakRequest(
            id: id, bytes: Self.http(id, now, "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", Array("{}".utf8)),
            kind: .forged)
    }

    /// The prefix of the ids of these webhooks: their rows are found by it.
    static let prefix = "soak_"

    private mutating func newID() -> String {
        Self.prefix + String(random.next() | 1 << 63, radix: 36) + String(random.next() | 1 << 63, radix: 36)
    }

    private static func http(_ id: String, _ now: Int64, _ signature: String, _ body: [UInt8]) -> [UInt8] {
        Array(
            """
            POST /webhooks/tv-python HTTP/1.1\r\nHost: integrator\r\nContent-Type: application/json\r\n\
            webhook-id: \(id)\r\nwebhook-timestamp: \(now)\r\nwebhook-signature: \(signature)\r\n\
            Content-Length: \(body.count)\r\n\r\n
            """.utf8) + body
    }
}

/// The sum of this over many ids tells whether two sets of them are the same.
enum SoakChecksum {
    /// The first four bytes of the SHA-256, as a number.
    static func of(_ id: String) -> UInt64 {
        Digest.sha256(Array(id.utf8)).prefix(4).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The same for a column of the database.
    static func of(column: String) -> String { "CAST(CONV(LEFT(SHA2(\(column), 256), 8), 16, 10) AS UNSIGNED)" }
}
