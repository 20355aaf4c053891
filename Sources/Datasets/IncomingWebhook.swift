import JSON
package import Time

/// A webhook whose signature was right, read but not yet applied. A class, because it is passed on more often than made.
package final class IncomingWebhook: Sendable {
    /// What its body says.
    package enum Content: Sendable, Equatable {
        /// Something that happened to a dataset.
        case event(DatasetEvent)
        /// A type that this service does not know; a newer API may send more.
        case unknown(type: String)
        /// Not JSON, or against the schema.
        case invalid(InvalidWebhook)
    }

    /// `webhook-id`, the idempotency key.
    package let id: String
    /// The bytes as they were received.
    package let body: [UInt8]
    package let content: Content
    /// The dataset it is about, as far as it says.
    package let datasetID: Int64?
    /// nil: it comes from the log.
    package let times: WebhookTimes?

    package init(id: String, body: [UInt8], times: WebhookTimes? = nil) {
        self.times = times
        self.id = id
        self.body = body
        content = Content(body: body)
        if case .event(let event) = content { datasetID = event.datasetID } else { datasetID = nil }
    }

    /// Its type, if it is one that this service knows.
    package var type: DatasetEventType? {
        switch content {
        case .event(let event): event.type
        case .unknown: nil
        case .invalid(let invalid): invalid.type.flatMap(DatasetEventType.init)
        }
    }

    /// What happened to a dataset; nil if it tells no such thing.
    package var event: DatasetEvent? {
        if case .event(let event) = content { event } else { nil }
    }
}

/// The times of a webhook before it was committed.
package struct WebhookTimes: Sendable, Equatable {
    /// `webhook-timestamp`, by the sender's clock.
    package var sent: Timestamp
    /// By this instance's clock, once it was there as a whole.
    package var received: Timestamp

    package init(sent: Timestamp, received: Timestamp) {
        self.sent = sent
        self.received = received
    }
}

/// A webhook that cannot be taken: why, and what it is about, as far as that was sound.
package struct InvalidWebhook: Sendable, Equatable {
    /// Names the field and its value.
    package var reason: String
    package var type: String?
    package var datasetID: Int64?
    package var reference: String?
    package var sequence: Int64?

    /// - Parameter envelope: what could be read of the body.
    fileprivate init(reason: String, _ envelope: JSONView?) {
        self.reason = reason
        type = envelope?["type"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        let data = envelope?["data"]
        datasetID = data?["dataset_id"]?.positive
        reference = data?["reference"]?.string.flatMap(UUIDText.normalized)
        sequence = data?["sequence"]?.positive
    }
}

extension IncomingWebhook.Content {
    private static let knownTypes = Dictionary(
        uniqueKeysWithValues: DatasetEventType.webhooks.map { ($0.rawValue, $0) })

    /// Reads a body by the schema of spec, section 4 (`fixtures/tv-python-api.openapi.json`). What nobody reads cannot be
    /// wrong; of a repeated name the last counts.
    init(body: [UInt8]) {
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: body)
        } catch {
            let reason =
                if body.isEmpty {
                    "body: is empty"
                } else if body.starts(with: [0xEF, 0xBB, 0xBF]) {
                    "body: begins with a byte order mark"
                } else {
                    "\(error.path.isEmpty ? "body" : error.path): \(error.explanation)"
                }
            self = .invalid(InvalidWebhook(reason: reason, JSONDocument(salvaging: body)?.root))
            return
        }
        let envelope = document.root
        do throws(SchemaViolation) {
            guard envelope.kind == .object else { throw SchemaViolation("body", "an object", envelope) }
            guard let name = envelope["type"]?.string, !name.isEmpty else {
                throw SchemaViolation("type", "a non-empty string", envelope["type"])
            }
            guard let type = Self.knownTypes[name] else {
                self = .unknown(type: name)
                return
            }
            self = .event(try DatasetEvent(type: type, envelope: envelope))
        } catch {
            self = .invalid(InvalidWebhook(reason: error.reason, envelope))
        }
    }
}

/// Names the field that is against the schema, what it should be, and what it is.
private struct SchemaViolation: Error {
    let reason: String

    init(_ field: String, _ expected: String, _ value: JSONView?) {
        reason = "\(field): must be \(expected), \(value.map { "not \($0.excerpt)" } ?? "and is missing")"
    }
}

extension JSONView {
    /// An integer from 1, also written as `5.0`.
    fileprivate var positive: Int64? { int.flatMap { $0 > 0 ? $0 : nil } }
}

extension DatasetEvent {
    fileprivate init(type: DatasetEventType, envelope: JSONView) throws(SchemaViolation) {
        guard let data = envelope["data"], data.kind == .object else {
            throw SchemaViolation("data", "an object", envelope["data"])
        }
        guard let datasetID = data["dataset_id"]?.positive else {
            throw SchemaViolation("data.dataset_id", "an integer from 1", data["dataset_id"])
        }
        guard let sequence = data["sequence"]?.positive else {
            throw SchemaViolation("data.sequence", "an integer from 1", data["sequence"])
        }
        self.init(
            type: type, datasetID: datasetID, reference: try Self.reference(data["reference"]), sequence: sequence)
        progress = try Self.progress(data["progress"], required: type == .datasetProgress)
        stage = try Self.text(data["stage"], "data.stage")
        message = try Self.text(data["message"], "data.message")
        switch type {
        case .datasetCompleted:
            guard let result = data["result"], result.kind == .object else {
                throw SchemaViolation("data.result", "an object", data["result"])
            }
            self.result = Array(result.raw)
        case .datasetFailed, .trainingFailed:
            error = try Self.error(data["error"])
        default:
            break
        }
    }

    private static func reference(_ value: JSONView?) throws(SchemaViolation) -> String? {
        guard let value, value.kind != .null else { return nil }
        guard let reference = value.string.flatMap(UUIDText.normalized) else {
            throw SchemaViolation("data.reference", "a UUID or null", value)
        }
        return reference
    }

    /// Sums of parts may be off the range by their rounding. Percents are whole: 99.9 is not done yet.
    private static let progressRange = -1e-6...100 + 1e-6

    private static func progress(_ value: JSONView?, required: Bool) throws(SchemaViolation) -> Int? {
        if !required, value.map({ $0.kind == .null }) ?? true { return nil }
        guard let number = value?.double, progressRange.contains(number) else {
            throw SchemaViolation("data.progress", "a number from 0 to 100", value)
        }
        return Int(min(max(number, 0), 100))
    }

    private static func text(_ value: JSONView?, _ field: String) throws(SchemaViolation) -> Field {
        guard let value else { return .unchanged }
        if value.kind == .null { return .set(nil) }
        guard let text = value.string else { throw SchemaViolation(field, "a string or null", value) }
        return .set(text)
    }

    private static func error(_ value: JSONView?) throws(SchemaViolation) -> DatasetError {
        guard let value, value.kind == .object else { throw SchemaViolation("data.error", "an object", value) }
        guard let code = value["code"]?.string, !code.isEmpty else {
            throw SchemaViolation("data.error.code", "a non-empty string", value["code"])
        }
        guard let message = value["message"]?.string else {
            throw SchemaViolation("data.error.message", "a string", value["message"])
        }
        return DatasetError(code: code, message: message, retryable: value["retryable"]?.bool)
    }
}

/// UUIDs as text (RFC 9562, section 4).
enum UUIDText {
    /// The UUID in lower case, or nil if the text is none.
    static func normalized(_ text: String) -> String? {
        guard text.utf8.count == 36 else { return nil }
        var hasUpperCase = false
        for (index, byte) in text.utf8.enumerated() {
            let isDashPlace = index == 8 || index == 13 || index == 18 || index == 23
            guard (byte == UInt8(ascii: "-")) == isDashPlace else { return nil }
            switch byte {
            case UInt8(ascii: "-"): break
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): break
            case UInt8(ascii: "A")...UInt8(ascii: "F"): hasUpperCase = true
            default: return nil
            }
        }
        return hasUpperCase ? text.lowercased() : text
    }
}
