import JSON

/// A webhook whose signature was right, read but not yet applied. A class, because it is passed on more often than made.
package final class IncomingWebhook: Sendable {
    /// What its body says.
    package enum Content: Sendable, Equatable {
        /// Something that happened to a dataset.
        case event(DatasetEvent)
        /// A type that this service does not know; a newer API may send more.
        case unknown(type: String)
        /// Not JSON, or against the schema; the reason names the field.
        case invalid(type: String?, reason: String)
    }

    /// `webhook-id`, the idempotency key.
    package let id: String
    /// The bytes as they were received.
    package let body: [UInt8]
    package let content: Content
    /// The dataset it is about, as far as it says.
    package let datasetID: Int64?

    package init(id: String, body: [UInt8]) {
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
        case .invalid(let type, _): type.flatMap(DatasetEventType.init)
        }
    }

    /// What happened to a dataset; nil if it tells no such thing.
    package var event: DatasetEvent? {
        if case .event(let event) = content { event } else { nil }
    }
}

extension IncomingWebhook.Content {
    private static let knownTypes = Dictionary(
        uniqueKeysWithValues: DatasetEventType.webhooks.map { ($0.rawValue, $0) })

    /// Reads a body by the schema of spec, section 4 (`fixtures/tv-python-api.openapi.json`).
    init(body: [UInt8]) {
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: body)
        } catch {
            self = .invalid(type: nil, reason: "body: not JSON: \(error)")
            return
        }
        guard document.root.kind == .object else {
            self = .invalid(type: nil, reason: "body: must be an object")
            return
        }
        guard let name = document.root["type"]?.string, !name.isEmpty else {
            self = .invalid(type: nil, reason: "type: must be a non-empty string")
            return
        }
        guard let type = Self.knownTypes[name] else {
            self = .unknown(type: name)
            return
        }
        do throws(SchemaViolation) {
            self = .event(try DatasetEvent(type: type, envelope: document.root))
        } catch {
            self = .invalid(type: name, reason: error.reason)
        }
    }
}

/// Names the field that is against the schema, and why.
private struct SchemaViolation: Error {
    let reason: String
    init(_ field: String, _ reason: String) { self.reason = "\(field): \(reason)" }
}

extension DatasetEvent {
    fileprivate init(type: DatasetEventType, envelope: JSONView) throws(SchemaViolation) {
        if let timestamp = envelope["timestamp"], timestamp.kind != .string {
            throw SchemaViolation("timestamp", "must be a string")
        }
        guard let data = envelope["data"], data.kind == .object else {
            throw SchemaViolation("data", "must be an object")
        }
        guard let datasetID = data["dataset_id"]?.int, datasetID > 0 else {
            throw SchemaViolation("data.dataset_id", "must be an integer from 1")
        }
        guard let sequence = data["sequence"]?.int, sequence > 0 else {
            throw SchemaViolation("data.sequence", "must be an integer from 1")
        }
        self.init(
            type: type, datasetID: datasetID, reference: try Self.reference(data["reference"]), sequence: sequence)
        progress = try Self.progress(data["progress"], required: type == .datasetProgress)
        stage = try Self.text(data["stage"], "data.stage")
        message = try Self.text(data["message"], "data.message")
        switch type {
        case .datasetCompleted, .trainingCompleted:
            guard let result = data["result"], result.kind == .object else {
                throw SchemaViolation("data.result", "must be an object")
            }
            if type == .datasetCompleted { self.result = Array(result.raw) }
        case .datasetFailed, .trainingFailed:
            error = try Self.error(data["error"])
        default:
            break
        }
    }

    private static func reference(_ value: JSONView?) throws(SchemaViolation) -> String? {
        guard let value, value.kind != .null else { return nil }
        guard let text = value.string, let reference = UUIDText.normalized(text) else {
            throw SchemaViolation("data.reference", "must be a UUID or null")
        }
        return reference
    }

    private static func progress(_ value: JSONView?, required: Bool) throws(SchemaViolation) -> Int? {
        guard let value, value.kind != .null else {
            if required { throw SchemaViolation("data.progress", "must be a number from 0 to 100") }
            return nil
        }
        guard let number = value.double, (0...100).contains(number) else {
            throw SchemaViolation("data.progress", "must be a number from 0 to 100")
        }
        return Int(number)
    }

    private static func text(_ value: JSONView?, _ field: String) throws(SchemaViolation) -> Field {
        guard let value else { return .unchanged }
        if value.kind == .null { return .set(nil) }
        guard let text = value.string else { throw SchemaViolation(field, "must be a string or null") }
        return .set(text)
    }

    private static func error(_ value: JSONView?) throws(SchemaViolation) -> DatasetError {
        guard let value, value.kind == .object else { throw SchemaViolation("data.error", "must be an object") }
        guard let code = value["code"]?.string, !code.isEmpty else {
            throw SchemaViolation("data.error.code", "must be a non-empty string")
        }
        guard let message = value["message"]?.string else {
            throw SchemaViolation("data.error.message", "must be a string")
        }
        if let retryable = value["retryable"], retryable.kind != .bool, retryable.kind != .null {
            throw SchemaViolation("data.error.retryable", "must be true or false")
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
