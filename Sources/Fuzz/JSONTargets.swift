import Datasets
import Integrator
import JSON

/// What is accepted is written again value by value and then reads the same.
func checkJSON(_ bytes: [UInt8]) {
    guard let document = try? JSONDocument(parsing: bytes) else {
        // What can be read of it can be written.
        if let salvaged = JSONDocument(salvaging: bytes) { _ = write(salvaged.root) }
        return
    }
    let written = write(document.root)
    guard let again = try? JSONDocument(parsing: written) else {
        preconditionFailure("what was written does not parse: \(String(decoding: written, as: UTF8.self))")
    }
    precondition(write(again.root) == written, "it reads otherwise the second time")
    _ = document.root["type"]
}

private func write(_ root: JSONView) -> [UInt8] {
    var json = JSONWriter()
    write(root, to: &json)
    return json.bytes
}

private func write(_ value: JSONView, to json: inout JSONWriter) {
    switch value.kind {
    case .null: json.null()
    case .bool: json.value(value.bool!)
    case .number:
        _ = value.double
        if let int = value.int { json.value(int) } else { json.raw(value.raw) }
    case .string: json.value(value.string!)
    case .array: json.array { json in for element in value.elements { write(element, to: &json) } }
    case .object:
        json.object { json in
            for (name, member) in value.members {
                precondition(value[name] != nil, "a member is not found by its name")
                json.key(name)
                write(member, to: &json)
            }
        }
    }
}

/// Events keep to the schema's bounds, and what is kept of the body is JSON of the kind that it should be.
func checkWebhook(_ bytes: [UInt8]) {
    let webhook = IncomingWebhook(id: "fuzz", body: bytes)
    precondition(webhook.body == bytes, "the bytes are kept as they came")
    if case .invalid(let invalid) = webhook.content {
        precondition(
            invalid.reason.utf8.count < 600 && invalid.reason.contains(": "), "a reason names a field, in bounds")
        precondition(
            invalid.reason.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }, "on one line")
        precondition((invalid.datasetID ?? 1) > 0 && (invalid.sequence ?? 1) > 0, "what was sound is kept")
    }
    guard case .event(let event) = webhook.content else { return }
    precondition(event.sequence! > 0 && event.datasetID! > 0, "ids and sequences count from 1")
    if let progress = event.progress { precondition((0...100).contains(progress), "progress is in percent") }
    if let reference = event.reference {
        precondition(reference.utf8.count == 36 && reference == reference.lowercased(), "a UUID in lower case")
    }
    if let result = event.result {
        precondition((try? JSONDocument(parsing: result))?.root.kind == .object, "a result is an object")
    }
}
